package realtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/queue"
	"github.com/rapport/rapport/shared/core/table"
)

// overtaken is a seq that any frame of a client is after.
const overtaken = -1

// Disconnect takes a closed socket down, and has what it owns of presence looked at
// when a client that comes back is back. Where that can't be arranged, presence ends
// by silence.
func (s *Service) Disconnect(ctx context.Context, c caller.Caller, _ struct{}) (struct{}, effect.Effects, error) {
	closed, topics, err := s.connections.detach(ctx, c.ConnectionID)
	if err != nil || closed.UserID == "" {
		return struct{}{}, nil, err
	}
	word, failed := s.depart(ctx, c.ConnectionID, closed)
	return struct{}{}, word, errors.Join(
		failed,
		s.connections.remove(ctx, c.ConnectionID),
		s.publisher.ended(ctx, closed.caller(c.ConnectionID), topics...),
	)
}

// depart releases the clients of a closed socket, and gives the word that is to be
// sent of it where there are any.
func (s *Service) depart(ctx context.Context, connectionID string, closed connectionItem) (effect.Effects, error) {
	present := topicsNamed(closed.Present)
	stand := make([]bool, len(present))
	failed := atOnce(indices(len(present)), func(i int) error {
		here, err := s.publisher.release(ctx, present[i], closed.UserID, connectionKey(connectionID).PK)
		// What isn't known is looked at later.
		stand[i] = here || err != nil
		return err
	})
	left := chosen([]string(closed.Present), stand)
	if len(left) == 0 {
		return nil, failed
	}
	return effect.Effects{queue.Sending{To: s.departures, Message: queue.Outgoing{
		SourceID: connectionID, Delay: departAfter,
		Body: Departure{ConnectionID: connectionID, UserID: closed.UserID, Topics: left},
	}}}, failed
}

// release resets the seq of a closed socket's clients, because no frame of that socket
// can come late any more: a page that was reloaded, on another socket, may count from
// 1 again. It reports whether any of the clients is present.
func (p *Publisher) release(ctx context.Context, topic Topic, userID, own string) (bool, error) {
	rows, err := p.ownedBy(ctx, topic, userID, own)
	if err != nil {
		return false, err
	}
	here := make([]bool, len(rows))
	err = atOnce(indices(len(rows)), func(i int) error {
		mine, leaves := table.Equals("owner", own), rows[i].Value.gone()
		var err error
		if leaves {
			err = p.realtime.Delete(ctx, rows[i].Key, table.If(mine))
		} else {
			err = p.realtime.Update(ctx, rows[i].Key, table.Update{Set: map[string]any{"seq": overtaken}, If: mine})
		}
		switch {
		case errors.Is(err, table.ErrConditionFailed):
			return nil // it has come back
		case err != nil:
			return fmt.Errorf("release presence: %w", err)
		}
		here[i] = !leaves
		return nil
	})
	return len(chosen(rows, here)) > 0, err
}
