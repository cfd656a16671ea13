package realtime

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns.
//
//	what          table     PK                      SK                   read by
//	ticket        Control   TICKET#<hash>           TICKET               the handshake that spends it
//	connection    Realtime  CONNECTION#<id>         CONNECTION           every frame of the socket
//	user sockets  Realtime  SOCKETS#<userId>        SOCKETS              connecting, and ending a session
//	subscription  Realtime  TOPIC#<topic>           CONNECTION#<id>      every sender to the topic
//	owner         Realtime  OWNER#<sessionId>       OWNER                entering a meeting without a socket, and ending a session
//	presence      Realtime  PRESENCE#<topic>        CLIENT#<userId>#<clientKey>
//	                                                                     heartbeats, subscribing, listing, revocation
//
// A connection knows its topics, and where its client is present, so its rows
// are found without an index; a session knows where clients of its are present
// that have no socket. They expire (`ttl`): a ticket after 30 s, presence
// after five minutes of silence, a session two hours after a client entered, the
// others after API Gateway has closed the socket.

const (
	connectionPrefix = "CONNECTION#"
	topicPrefix      = "TOPIC#"
	clientPrefix     = "CLIENT#"
)

func ticketKey(ticket string) table.Key {
	sum := sha256.Sum256([]byte(ticket))
	return table.Key{PK: "TICKET#" + hex.EncodeToString(sum[:]), SK: "TICKET"}
}

func connectionKey(id string) table.Key {
	return table.Key{PK: connectionPrefix + id, SK: "CONNECTION"}
}

func ownerKey(sessionID string) table.Key {
	return table.Key{PK: "OWNER#" + sessionID, SK: "OWNER"}
}

func socketsKey(userID string) table.Key {
	return table.Key{PK: "SOCKETS#" + userID, SK: "SOCKETS"}
}

func topicPartition(t Topic) string { return topicPrefix + t.String() }

func subscriptionKey(t Topic, connectionID string) table.Key {
	return table.Key{PK: topicPartition(t), SK: connectionPrefix + connectionID}
}

func presencePartition(t Topic) string { return "PRESENCE#" + t.String() }

// ownPresence is the prefix of the rows of a user's clients; of another's too
// whose id goes on with #, so the rows' own word counts.
func ownPresence(userID string) string { return clientPrefix + userID + "#" }

func presenceKey(t Topic, userID, clientKey string) table.Key {
	return table.Key{PK: presencePartition(t), SK: ownPresence(userID) + clientKey}
}

// ticketItem is whom a ticket admits.
type ticketItem struct {
	Principal
	// ExpiresAt is milliseconds since 1970; `ttl` alone is too coarse and late.
	ExpiresAt int64 `json:"expiresAt"`
}

// Principal is the caller that stands on a ticket or a connection.
type Principal struct {
	UserID      string   `json:"userId"`
	Email       string   `json:"email,omitempty"`
	SessionID   string   `json:"sessionId"`
	OrgID       string   `json:"orgId,omitempty"`
	OrgRole     string   `json:"orgRole,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
}

// connectionItem is an open socket.
type connectionItem struct {
	Principal
	ConnectedAt time.Time       `json:"connectedAt"`
	Topics      table.StringSet `json:"topics,omitempty"`
	ownerItem
	// Closed is set first when a socket goes, so that nothing is added to it
	// while it is taken down.
	Closed bool `json:"closed,omitempty"`
}

// socketsItem lists a user's sockets.
type socketsItem struct {
	IDs table.StringSet `json:"ids,omitempty"`
}

// subscription is a socket that follows a topic.
type subscription struct {
	UserID string    `json:"userId"`
	Role   string    `json:"role"`
	Since  time.Time `json:"since"`
	// Ended is set when the subscription is about to go: senders pass it over.
	Ended bool `json:"ended,omitempty"`
	breaker
}

// connectionOf is the socket that a subscription's row belongs to.
func connectionOf(k table.Key) string { return strings.TrimPrefix(k.SK, connectionPrefix) }
