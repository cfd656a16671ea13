package realtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/table"
)

// EndSession takes down every socket that a session has opened: each is told
// `revoked` on all its topics and closed. The session has been marked as ended
// before, so that none is opened any more. When it returns without error, no
// sender that starts afterwards finds the sockets, and no frame of theirs is
// taken. Doing it again does what is left.
func (s *Streams) EndSession(ctx context.Context, userID, sessionID string) error {
	ids, err := s.connections.Of(ctx, userID)
	if err != nil {
		return err
	}
	failures := make([]error, len(ids))
	var group errgroup.Group
	group.SetLimit(MaxSockets)
	for i, id := range ids {
		group.Go(func() error {
			failures[i] = s.endSocket(ctx, id, sessionID)
			return nil
		})
	}
	_ = group.Wait() // failures are joined
	return errors.Join(failures...)
}

// endSocket takes a socket down if it is of a session. Everything stays listed
// until it is closed: whoever repeats what died half-way finds it.
func (s *Streams) endSocket(ctx context.Context, connectionID, sessionID string) error {
	item, err := s.connections.shut(ctx, connectionID, table.Equals("sessionId", sessionID))
	if errors.Is(err, table.ErrConditionFailed) {
		return nil // of another session, or gone
	}
	if err != nil {
		return err
	}
	topics, err := parseTopics(item.Topics)
	if err != nil {
		return fmt.Errorf("end socket: %w", err)
	}
	if err := s.endTopics(ctx, connectionID, topics); err != nil {
		return err
	}
	present, err := parseTopics(item.Present)
	if err != nil {
		return fmt.Errorf("end socket: %w", err)
	}
	if err := s.endPresence(ctx, connectionID, item.UserID, present); err != nil {
		return err
	}
	if err := s.connections.gateway.HangUp(ctx, connectionID); err != nil {
		return err
	}
	c, left, err := s.connections.Close(ctx, connectionID)
	if err != nil {
		return err
	}
	return s.ended(ctx, c, left...)
}

// endTopics ends a socket's subscriptions: all are marked, then it is told, then
// they are deleted.
func (s *Streams) endTopics(ctx context.Context, connectionID string, topics []Topic) error {
	var frames [][]byte
	standing := map[Topic]table.Row[subscription]{}
	for _, topic := range topics {
		key := subscriptionKey(topic, connectionID)
		value, err := table.UpdateReturning[subscription](ctx, s.realtime, key, table.Update{
			Set: map[string]any{"ended": true}, If: table.Exists(),
		})
		if errors.Is(err, table.ErrConditionFailed) {
			continue
		}
		if err != nil {
			return fmt.Errorf("mark subscription: %w", err)
		}
		frame, err := json.Marshal(revokedFrame{Type: "revoked", Topic: topic.String(), Reason: SessionEnded})
		if err != nil {
			return err
		}
		frames, standing[topic] = append(frames, frame), table.Row[subscription]{Key: key, Value: value}
	}
	if len(frames) == 0 {
		return nil
	}
	s.tally(ctx, topics[0], []outcome{s.postAll(ctx, connectionID, frames)}, len(frames), laneRevocation)
	var failed error
	for topic, row := range standing {
		failed = errors.Join(failed, s.end(ctx, topic, row))
	}
	return failed
}
