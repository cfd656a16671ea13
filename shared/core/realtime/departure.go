package realtime

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/queue"
)

// departAfter is how long the presence of a closed socket's client stands. A
// reload, and a client that moves to a new socket or to HTTP, are back by then, so
// that the others see nothing of it.
const departAfter = 8 * time.Second

// Departures takes word of closed sockets, to be looked at later.
type Departures interface {
	Send(ctx context.Context, messages ...queue.Outgoing) error
}

// Departure is a socket that has closed, whose client was present somewhere.
type Departure struct {
	ConnectionID string   `json:"connectionId" minLength:"1" maxLength:"255"`
	UserID       string   `json:"userId" minLength:"1" maxLength:"255"`
	Topics       []string `json:"topics" minItems:"1" maxItems:"20"`
}

// Leave ends the presence of a socket that closed, where its client has not come
// back, and tells the others. Who is back has a row of another owner, so doing it
// twice, or late, takes nobody away.
func (s *Service) Leave(ctx context.Context, m queue.Message[Departure]) error {
	return s.streams.endPresence(ctx, connectionKey(m.Body.ConnectionID).PK, m.Body.UserID, topicsNamed(m.Body.Topics))
}
