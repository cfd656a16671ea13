package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/queue"
	"github.com/rapport/rapport/shared/table"
)

// departAfter is how long the presence of a closed socket's client stands. A
// reload, and a client that moves to a new socket, are back on another by then, so
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

// Disconnect takes a closed socket down, and has its client's presence looked at
// when a client that comes back is back. Where that can't be arranged, presence
// ends by silence.
func (s *Service) Disconnect(ctx context.Context, c caller.Caller, _ struct{}) (struct{}, error) {
	closed, topics, err := s.connections.strip(ctx, c.ConnectionID)
	if errors.Is(err, table.ErrConditionFailed) {
		return struct{}{}, nil
	}
	if err != nil {
		return struct{}{}, err
	}
	var failed error
	if len(closed.Present) > 0 {
		failed = s.departures.Send(ctx, queue.Outgoing{
			SourceID: c.ConnectionID, Delay: departAfter,
			Body: Departure{ConnectionID: c.ConnectionID, UserID: closed.UserID, Topics: closed.Present},
		})
	}
	err = s.connections.remove(ctx, c.ConnectionID)
	return struct{}{}, errors.Join(failed, err, s.streams.ended(ctx, closed.caller(c.ConnectionID), topics...))
}

// Leave ends the presence of a socket that closed, where its client has not come
// back on another, and tells the others. Who is back has a row of another socket,
// so doing it twice, or late, takes nobody away.
func (s *Service) Leave(ctx context.Context, m queue.Message[Departure]) error {
	topics, err := parseTopics(m.Body.Topics)
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return s.streams.endPresence(ctx, m.Body.ConnectionID, m.Body.UserID, topics)
}
