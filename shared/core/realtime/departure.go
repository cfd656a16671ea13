package realtime

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/queue"
)

// departAfter is how long the presence of a closed socket's client stands. A
// reload, and a client that moves to a new socket or to HTTP, are back by then, so
// that the others see nothing of it.
const departAfter = 8 * time.Second

// Departure is a socket that has closed, whose client was present somewhere.
type Departure struct {
	ConnectionID string   `json:"connectionId" minLength:"1" maxLength:"255"`
	UserID       string   `json:"userId" minLength:"1" maxLength:"255"`
	Topics       []string `json:"topics" minItems:"1" maxItems:"20"`
}

// Leave ends the presence of a socket that closed, where its client has not come
// back, for the others to be notified. Who is back has a row of another owner, so doing it
// twice, or late, takes nobody away.
func (s *Service) Leave(ctx context.Context, m queue.Message[Departure]) (effect.Effects, error) {
	own, topics := connectionKey(m.Body.ConnectionID).PK, topicsNamed(m.Body.Topics)
	left := make([][]Departed, len(topics))
	err := atOnce(indices(len(topics)), func(i int) (err error) {
		left[i], err = s.publisher.leaveOwned(ctx, own, m.Body.UserID, topics[i])
		return err
	})
	var effects effect.Effects
	for i, gone := range left {
		if len(gone) > 0 {
			effects = append(effects, PresenceChanges{Topic: topics[i], Left: gone})
		}
	}
	return effects, err
}
