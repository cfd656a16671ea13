package realtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/table"
)

// parallelLeaves bounds the rows that are deleted at once.
const parallelLeaves = 32

type presenceRow = table.Row[presenceItem]

// present reads who is present, consistently: the rows of one user, or of all
// where that is empty. At most 1,000: 101 people with ten clients each.
func (s *Streams) present(ctx context.Context, topic Topic, userID string) ([]presenceRow, error) {
	q := table.Query{PK: presencePartition(topic), Prefix: clientPrefix, Limit: table.MaxLimit}
	if userID != "" {
		q.Prefix = ownPresence(userID)
	}
	page, err := table.List[presenceItem](ctx, s.realtime, q)
	if err != nil {
		return nil, fmt.Errorf("presence in %s: %w", topic, err)
	}
	rows := page.Items[:0]
	for _, row := range page.Items {
		if userID == "" || row.Value.UserID == userID {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// sweep deletes the rows of those who are silent for too long and gives them.
// What it reads may be a moment old, at half the price: who was heard since
// isn't deleted.
func (s *Streams) sweep(ctx context.Context, topic Topic, now time.Time) ([]departed, error) {
	page, err := table.List[presenceItem](ctx, s.realtime, table.Query{
		PK: presencePartition(topic), Prefix: clientPrefix, Limit: table.MaxLimit, Eventual: true,
	})
	if err != nil {
		return nil, fmt.Errorf("presence in %s: %w", topic, err)
	}
	return s.expire(ctx, page.Items, now)
}

// expire deletes those of some rows that are silent for too long.
func (s *Streams) expire(ctx context.Context, rows []presenceRow, now time.Time) ([]departed, error) {
	var silent []presenceRow
	for _, row := range rows {
		if !row.Value.live(now) {
			silent = append(silent, row)
		}
	}
	return s.leave(ctx, silent, func(p presenceItem) table.Condition {
		return table.And(table.Equals("since", p.Since), table.Equals("at", p.At))
	})
}

// leave deletes rows as far as a condition holds, and gives those whom it has
// deleted.
func (s *Streams) leave(ctx context.Context, rows []presenceRow, holds func(presenceItem) table.Condition) ([]departed, error) {
	var mu sync.Mutex
	var left []departed
	var failed error
	var group errgroup.Group
	group.SetLimit(parallelLeaves)
	for _, row := range rows {
		group.Go(func() error {
			err := s.realtime.Delete(ctx, row.Key, table.If(holds(row.Value)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				left = append(left, row.Value.departed())
			case !errors.Is(err, table.ErrConditionFailed):
				failed = errors.Join(failed, fmt.Errorf("delete presence: %w", err))
			}
			return nil
		})
	}
	_ = group.Wait() // failures are joined
	return left, failed
}

// tellPresence posts a change to the meeting's subscribers; nothing where there
// is none.
func (s *Streams) tellPresence(ctx context.Context, topic Topic, here []present, left []departed) error {
	if len(here)+len(left) == 0 {
		return nil
	}
	frames, err := presenceFrames(topic, here, left)
	if err != nil {
		return err
	}
	subscribers, err := s.subscribers(ctx, topic)
	if err != nil {
		return err
	}
	s.deliver(ctx, topic, subscribers, frames, laneExpress)
	return nil
}

// showPresence sends everyone who is there to one new subscriber, and the others
// the news of who turns out to have left. The rows are read first, then the
// subscription, then it is posted.
func (s *Streams) showPresence(ctx context.Context, c caller.Caller, topic Topic) error {
	rows, err := s.present(ctx, topic, "")
	if err != nil {
		return err
	}
	now := s.clock.Now()
	here := []present{}
	for _, row := range rows {
		if row.Value.live(now) {
			here = append(here, row.Value.present())
		}
	}
	frames, err := presenceFrames(topic, here, nil)
	if err != nil {
		return err
	}
	standing, err := table.Get[subscription](ctx, s.realtime, subscriptionKey(topic, c.ConnectionID))
	if errors.Is(err, table.ErrNotFound) || standing.Ended {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read subscription: %w", err)
	}
	s.post(ctx, topic, []string{c.ConnectionID}, frames, laneReplay)
	left, err := s.expire(ctx, rows, now)
	return errors.Join(err, s.tellPresence(ctx, topic, nil, left))
}

// Rename calls a person who is present in a meeting by the name that they have
// since a revision of their user, and tells the others. It may come late or
// twice: a name of a higher revision stays.
func (s *Streams) Rename(ctx context.Context, meetingID, userID, displayName string, revision int64) error {
	topic := MeetingTopic(State, meetingID)
	rows, err := s.present(ctx, topic, userID)
	if err != nil {
		return err
	}
	var here []present
	for _, row := range rows {
		// What is said of a client with a later time counts. This is a moment later
		// than its last heartbeat, whose frame may still be on its way with the old
		// name.
		renamed, err := table.UpdateReturning[presenceItem](ctx, s.realtime, row.Key, table.Update{
			Set: map[string]any{"displayName": displayName, "nameRevision": revision}, Add: map[string]any{"at": 1},
			If: table.And(table.Equals("since", row.Value.Since),
				table.Or(table.AttributeAbsent("nameRevision"), table.Less("nameRevision", revision))),
		})
		switch {
		case errors.Is(err, table.ErrConditionFailed):
		case err != nil:
			return fmt.Errorf("rename presence: %w", err)
		case renamed.live(s.clock.Now()):
			here = append(here, renamed.present())
		}
	}
	return s.tellPresence(ctx, topic, here, nil)
}

// revokePresence ends the presence of those whom a revocation is about, and
// tells the others. A new role leaves it: whoever is in the meeting may be
// present.
func (s *Streams) revokePresence(ctx context.Context, r Revocation) error {
	if r.Reason == RoleChanged {
		return nil
	}
	topic := MeetingTopic(State, r.MeetingID)
	rows, err := s.present(ctx, topic, r.UserID)
	if err != nil {
		return err
	}
	var failed error
	if r.Stands != nil {
		rows, failed = fallen(ctx, rows, r)
	}
	left, err := s.leave(ctx, rows, func(p presenceItem) table.Condition { return table.Equals("since", p.Since) })
	return errors.Join(failed, err, s.tellPresence(ctx, topic, nil, left))
}

// fallen are the rows that don't stand any more.
func fallen(ctx context.Context, rows []presenceRow, r Revocation) (gone []presenceRow, failed error) {
	for _, row := range rows {
		stands, err := r.Stands(ctx, row.Value.Role)
		failed = errors.Join(failed, err)
		if err == nil && !stands {
			gone = append(gone, row)
		}
	}
	return gone, failed
}

// silentOver deletes the rows of a socket's clients in a topic that are silent
// for too long, and tells whether none is left.
func (s *Streams) silentOver(ctx context.Context, topic Topic, client presenceItem, now time.Time) (bool, error) {
	rows, err := s.present(ctx, topic, client.UserID)
	if err != nil {
		return false, err
	}
	var own []presenceRow
	for _, row := range rows {
		if row.Value.ConnectionID == client.ConnectionID {
			own = append(own, row)
		}
	}
	left, err := s.expire(ctx, own, now)
	if err != nil {
		return false, err
	}
	return len(left) == len(own), s.tellPresence(ctx, topic, nil, left)
}

// endPresence ends the presence of a socket's client, and tells the others. The
// socket is marked as closed.
func (s *Streams) endPresence(ctx context.Context, connectionID, userID string, topics []Topic) error {
	var failed error
	for _, topic := range topics {
		rows, err := s.present(ctx, topic, userID)
		if err != nil {
			return err
		}
		left, err := s.leave(ctx, rows, func(presenceItem) table.Condition {
			return table.Equals("connectionId", connectionID)
		})
		failed = errors.Join(failed, err, s.tellPresence(ctx, topic, nil, left))
	}
	return failed
}
