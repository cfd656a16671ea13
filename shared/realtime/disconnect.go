package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/table"
)

const (
	// grace is how long a client whose socket has closed may take to come back over
	// another one before the others are told that it has left: a page that is
	// reloaded doesn't flicker.
	grace = 5 * time.Second
	// graceLook is how often it is looked for meanwhile.
	graceLook = time.Second
)

// overtaken is a seq that any frame of a client is after.
const overtaken = -1

// Disconnect takes a closed socket down, and what it owns of presence soon after.
func (s *Service) Disconnect(ctx context.Context, c caller.Caller, _ struct{}) (struct{}, error) {
	closed, topics, err := s.connections.Close(ctx, c.ConnectionID)
	if err != nil {
		return struct{}{}, err
	}
	if err := s.streams.ended(ctx, closed.caller(c.ConnectionID), topics...); err != nil {
		return struct{}{}, err
	}
	return struct{}{}, atOnce(topicsNamed(closed.Present), func(topic Topic) error {
		return s.streams.orphan(ctx, topic, closed.UserID, connectionKey(c.ConnectionID).PK)
	})
}

// orphan ends the presence of a socket's clients in a topic, but for those that come
// back over another owner in time. It waits only while there is one to wait for, and
// somebody who would see them leave.
func (s *Streams) orphan(ctx context.Context, topic Topic, userID, own string) error {
	rows, err := s.release(ctx, topic, userID, own)
	if err != nil {
		return err
	}
	for waited := time.Duration(0); len(rows) > 0 && waited < grace; waited += graceLook {
		watched, err := s.Watched(ctx, topic)
		if err != nil {
			return err
		}
		if !watched {
			break
		}
		if err := s.clock.Sleep(ctx, graceLook); err != nil {
			return fmt.Errorf("wait for clients in %s: %w", topic, err)
		}
		if rows, err = s.ownedBy(ctx, topic, userID, own); err != nil {
			return err
		}
	}
	left, err := s.leave(ctx, rows, func(presenceItem) table.Condition { return table.Equals("owner", own) })
	return errors.Join(err, s.tellPresence(ctx, topic, nil, left))
}

// release lets any frame of a closed socket's clients count that comes another way,
// whatever its seq: no frame of the socket can come late any more. So a page that
// was reloaded may count anew. It gives the clients that are there.
func (s *Streams) release(ctx context.Context, topic Topic, userID, own string) ([]presenceRow, error) {
	rows, err := s.ownedBy(ctx, topic, userID, own)
	if err != nil {
		return nil, err
	}
	here := make([]bool, len(rows))
	err = atOnce(indices(len(rows)), func(i int) error {
		mine, leaves := table.Equals("owner", own), rows[i].Value.gone()
		var err error
		if leaves {
			err = s.realtime.Delete(ctx, rows[i].Key, table.If(mine))
		} else {
			err = s.realtime.Update(ctx, rows[i].Key, table.Update{Set: map[string]any{"seq": overtaken}, If: mine})
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
	return chosen(rows, here), err
}
