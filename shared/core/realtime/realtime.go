// Package realtime is everything that goes over sockets: tickets, connections,
// subscriptions of topics, and the two lanes on which events reach them.
//
// The express lane is the function that commits: it posts to the topic's
// subscribers at once, bounded in time, and drops whom it can't reach. The
// durable lane reads the tables' streams and sends subscribers the newest
// position (`head`); a client that sees a gap replays from its own. So delivery
// is at least once, in an order that every client can restore, and nothing is
// lost when a post fails.
//
// One of the two sees the other: subscribing writes its row and then reads the
// log, a committer appends and then reads the subscribers, all consistently.
// Subscribing is one transaction with the participant's role and the open
// connection, so that no subscription outlives a removal.
package realtime

import (
	"context"
	"log/slog"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/queue"
	"github.com/rapport/rapport/shared/core/table"
)

// Source is where a topic's events come from.
type Source interface {
	// Admit checks that a caller may follow the topic now and gives their role:
	// FORBIDDEN, or MEETING_NOT_ACTIVE for what ended with its meeting.
	Admit(ctx context.Context, c caller.Caller, topic Topic) (role string, err error)
	// Holds adds to a transaction, named OpParticipant or OpMeeting, what must
	// still be so for the caller to follow the topic with that role.
	Holds(tx *table.Tx, topic Topic, userID, role string)
	// Head gives the newest position, and the content's hash at exactly that
	// position where it is known.
	Head(ctx context.Context, topic Topic) (position int64, hash string, err error)
	EventReader
}

// EventReader reads the events of topics.
type EventReader interface {
	// Events gives up to limit events after a position, in order.
	Events(ctx context.Context, topic Topic, after int64, limit int) (events []Event, more bool, err error)
}

// The names of the checks that Source.Holds may add: that the caller is a
// participant with that role, and that the meeting is open.
const (
	OpParticipant = "participant"
	OpMeeting     = "meeting"
)

// Service is what sockets can do beside what domains offer over them.
type Service struct {
	realtime    *table.Table
	connections *Connections
	publisher   *Publisher
	topics      *Registry
	departures  queue.Sender
	audit       *audit.Log
	clock       clock.Clock
	log         *slog.Logger
	url         string
}

// Dependencies are what a service is made of.
type Dependencies struct {
	Realtime    *table.Table
	Connections *Connections
	Publisher   *Publisher
	// Topics is nil for functions that serve sockets alone, whatever is followed.
	Topics *Registry
	// Departures takes word of closed sockets.
	Departures queue.Sender
	Audit      *audit.Log
	Clock      clock.Clock
	Log        *slog.Logger
	// URL is where clients open sockets, such as wss://host/stage.
	URL string
}

// New makes the service.
func New(p Dependencies) *Service {
	return &Service{
		realtime: p.Realtime, connections: p.Connections, publisher: p.Publisher, topics: p.Topics,
		departures: p.Departures, audit: p.Audit, clock: p.Clock, log: p.Log, url: p.URL,
	}
}
