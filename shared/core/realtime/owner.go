package realtime

import (
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/table"
)

// ownerKept is how long a session's row is kept after a client has entered: by
// then it has entered anew, or is silent.
const ownerKept = reenter + keptAfter

// owner is what a client's presence goes with: the socket that it speaks over or,
// of a client without one, its session. The owner's row lists the meetings that
// its clients have been present in, so that their rows are found when it ends.
type owner struct {
	key table.Key
	// session is set where the owner is a session. A session may have no row here
	// yet: package session knows whether it has ended.
	session string
}

func ownerOf(c caller.Caller) owner {
	if c.ConnectionID != "" {
		return owner{key: connectionKey(c.ConnectionID)}
	}
	return owner{key: ownerKey(c.SessionID), session: c.SessionID}
}

// ownerItem is what the row of an owner says of presence.
type ownerItem struct {
	// Present are the topics that clients of this owner have been present in.
	Present table.StringSet `json:"present,omitempty"`
	// Entered counts how often one was added.
	Entered int64 `json:"entered,omitempty"`
}

// opOwner names the row of the owner of a client that enters.
const opOwner = "owner"

// owns adds to a transaction that a client of an owner enters a topic: on the
// condition that the owner hasn't ended and has room for another topic.
func (s *Service) owns(tx *table.Tx, own owner, topic Topic, now time.Time) {
	name := topic.String()
	room := table.Or(table.AttributeAbsent("present"), table.SizeLess("present", MaxTopics), table.Contains("present", name))
	enters := table.Update{Add: map[string]any{"present": table.StringSet{name}, "entered": 1}, If: room}
	if own.session != "" {
		s.connections.sessions.Holds(tx, own.session)
		tx.Update(s.realtime, own.key, enters, table.Named(opOwner), table.Expires(now.Add(ownerKept)))
		return
	}
	enters.If = table.And(table.Exists(), table.AttributeAbsent("closed"), room)
	tx.Update(s.realtime, own.key, enters, table.Named(opOwner))
}
