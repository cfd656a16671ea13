package realtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/table"
)

// maxPresent bounds who is read for a topic: 101 people with ten clients each, and
// as many that have gone.
const maxPresent = 3000

type presenceRow = table.Row[presenceItem]

// present reads who is present, and who has gone lately, consistently: the rows of
// one user, or of all where that is empty.
func (p *Publisher) present(ctx context.Context, topic Topic, userID string) ([]presenceRow, error) {
	q := table.Query{Prefix: clientPrefix}
	if userID != "" {
		q.Prefix, q.Filter = ownPresence(userID), table.Equals("userId", userID)
	}
	return p.presenceRows(ctx, topic, q)
}

// presenceRows reads the rows of a topic.
func (p *Publisher) presenceRows(ctx context.Context, topic Topic, q table.Query) ([]presenceRow, error) {
	q.PK, q.Limit = presencePartition(topic), table.MaxLimit
	var rows []presenceRow
	for len(rows) < maxPresent {
		page, err := table.List[presenceItem](ctx, p.realtime, q)
		if err != nil {
			return nil, fmt.Errorf("presence in %s: %w", topic, err)
		}
		rows = append(rows, page.Items...)
		if !page.More() {
			break
		}
		q.After = page.Next
	}
	return rows, nil
}

// presentAfter reads a page of who is present behind a sort key, consistently: all of
// them without a limit.
func (p *Publisher) presentAfter(ctx context.Context, topic Topic, after string, limit *int) (table.Page[presenceItem], error) {
	q := table.Query{PK: presencePartition(topic), Prefix: clientPrefix, After: after}
	if limit == nil {
		rows, err := p.presenceRows(ctx, topic, q)
		return table.Page[presenceItem]{Items: rows}, err
	}
	q.Limit = *limit
	page, err := table.List[presenceItem](ctx, p.realtime, q)
	if err != nil {
		return page, fmt.Errorf("presence in %s: %w", topic, err)
	}
	return page, nil
}

// sweep deletes the rows of those who are silent for too long and gives them.
// What it reads may be a moment old, at half the price: a client whose heartbeat came since
// isn't deleted.
func (p *Publisher) sweep(ctx context.Context, topic Topic, now time.Time) ([]Departed, error) {
	rows, err := p.presenceRows(ctx, topic, table.Query{Prefix: clientPrefix, Eventual: true})
	if err != nil {
		return nil, err
	}
	return p.expire(ctx, rows, now)
}

// expire deletes those of some rows that are silent for too long.
func (p *Publisher) expire(ctx context.Context, rows []presenceRow, now time.Time) ([]Departed, error) {
	var silent []presenceRow
	for _, row := range rows {
		if !row.Value.live(now) {
			silent = append(silent, row)
		}
	}
	return p.leave(ctx, silent, func(row presenceItem) table.Condition {
		return table.And(table.Equals("since", row.Since), table.Equals("at", row.At))
	})
}

// leave deletes rows as far as a condition holds, and gives those whom it has
// deleted, but for those who had gone before.
func (p *Publisher) leave(ctx context.Context, rows []presenceRow, holds func(presenceItem) table.Condition) ([]Departed, error) {
	var mu sync.Mutex
	var left []Departed
	err := atOnce(rows, func(row presenceRow) error {
		err := p.realtime.Delete(ctx, row.Key, table.If(holds(row.Value)))
		switch {
		case errors.Is(err, table.ErrConditionFailed):
			return nil
		case err != nil:
			return fmt.Errorf("delete presence: %w", err)
		case !row.Value.gone():
			mu.Lock()
			defer mu.Unlock()
			left = append(left, row.Value.departed())
		}
		return nil
	})
	return left, err
}

// postPresence posts a change to the meeting's subscribers; nothing where there
// is none.
func (p *Publisher) postPresence(ctx context.Context, topic Topic, here []Present, left []Departed) error {
	if len(here)+len(left) == 0 {
		return nil
	}
	frames, err := presenceFrames(topic, here, left)
	if err != nil {
		return err
	}
	subscribers, err := p.subscribers(ctx, topic)
	if err != nil {
		return err
	}
	p.deliver(ctx, topic, subscribers, frames, laneExpress)
	return nil
}

// showPresence sends everyone who is there to one new subscriber, and the others
// which clients turn out to have left. The rows are read first, then the
// subscription, then it is posted.
func (p *Publisher) showPresence(ctx context.Context, c caller.Caller, topic Topic) error {
	rows, err := p.present(ctx, topic, "")
	if err != nil {
		return err
	}
	now := p.clock.Now()
	here := []Present{}
	for _, row := range rows {
		if row.Value.here(now) {
			here = append(here, row.Value.present())
		}
	}
	frames, err := presenceFrames(topic, here, nil)
	if err != nil {
		return err
	}
	standing, err := table.Get[subscription](ctx, p.realtime, subscriptionKey(topic, c.ConnectionID))
	if errors.Is(err, table.ErrNotFound) || standing.Ended {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read subscription: %w", err)
	}
	p.post(ctx, topic, []string{c.ConnectionID}, frames, laneReplay)
	left, err := p.expire(ctx, rows, now)
	return errors.Join(err, p.postPresence(ctx, topic, nil, left))
}

// Rename calls a person who is present in a topic by the name that they have
// since a revision of their user, and notifies the others. It may come late or
// twice: a name of a higher revision stays.
func (p *Publisher) Rename(ctx context.Context, topic Topic, userID, displayName string, revision int64) error {
	rows, err := p.present(ctx, topic, userID)
	if err != nil {
		return err
	}
	var here []Present
	for _, row := range rows {
		// What is said of a client with a later time counts. This is a moment later
		// than its last heartbeat, whose frame may still be on its way with the old
		// name.
		renamed, err := table.UpdateReturning[presenceItem](ctx, p.realtime, row.Key, table.Update{
			Set: map[string]any{"displayName": displayName, "nameRevision": revision}, Add: map[string]any{"at": 1},
			If: table.And(table.Equals("since", row.Value.Since),
				table.Or(table.AttributeAbsent("nameRevision"), table.Less("nameRevision", revision))),
		})
		switch {
		case errors.Is(err, table.ErrConditionFailed):
		case err != nil:
			return fmt.Errorf("rename presence: %w", err)
		case renamed.here(p.clock.Now()):
			here = append(here, renamed.present())
		}
	}
	return p.postPresence(ctx, topic, here, nil)
}

// endPresences ends the presence of those whom a revocation is about and gives
// them. A new role leaves it: whoever is in the meeting may be present.
func (p *Publisher) endPresences(ctx context.Context, r Revocation) ([]Departed, error) {
	if r.Reason == RoleChanged {
		return nil, nil
	}
	rows, err := p.present(ctx, r.Presence, r.UserID)
	if err != nil {
		return nil, err
	}
	if r.Reason == MeetingEnded {
		// Nobody can come back, so there is nothing to hold, and they go in batches.
		return p.clear(ctx, rows)
	}
	falls, unread := r.falls(ctx, len(rows), func(i int) string { return rows[i].Value.Role })
	left, err := p.leave(ctx, chosen(rows, falls), func(row presenceItem) table.Condition { return table.Equals("since", row.Since) })
	return left, errors.Join(unread, err)
}

// clear deletes rows, also those that have changed since they were read, and gives
// the clients that were there.
func (p *Publisher) clear(ctx context.Context, rows []presenceRow) ([]Departed, error) {
	keys := make([]table.Key, len(rows))
	var left []Departed
	for i, row := range rows {
		keys[i] = row.Key
		if !row.Value.gone() {
			left = append(left, row.Value.departed())
		}
	}
	if err := p.realtime.DeleteAll(ctx, keys...); err != nil {
		return nil, fmt.Errorf("delete presence: %w", err)
	}
	return left, nil
}

// ownedBy are the rows of a user that go with an owner.
func (p *Publisher) ownedBy(ctx context.Context, topic Topic, userID, own string) ([]presenceRow, error) {
	rows, err := p.present(ctx, topic, userID)
	return slices.DeleteFunc(rows, func(row presenceRow) bool { return row.Value.Owner != own }), err
}

// silentOver deletes the rows of a client's owner in a topic that are silent for
// too long, and reports whether none is left.
func (p *Publisher) silentOver(ctx context.Context, topic Topic, client presenceItem, now time.Time) (bool, error) {
	rows, err := p.ownedBy(ctx, topic, client.UserID, client.Owner)
	if err != nil {
		return false, err
	}
	rows = slices.DeleteFunc(rows, func(row presenceRow) bool { return row.Value.gone() })
	left, err := p.expire(ctx, rows, now)
	if err != nil {
		return false, err
	}
	return len(left) == len(rows), p.postPresence(ctx, topic, nil, left)
}

// endPresence ends the presence that goes with an owner, and notifies the others. The
// owner has ended, so that nothing is added to it.
func (p *Publisher) endPresence(ctx context.Context, own, userID string, topics []Topic) error {
	return atOnce(topics, func(topic Topic) error {
		left, err := p.leaveOwned(ctx, own, userID, topic)
		return errors.Join(err, p.postPresence(ctx, topic, nil, left))
	})
}

// leaveOwned ends the presence that goes with an owner in one topic, and gives who
// has left.
func (p *Publisher) leaveOwned(ctx context.Context, own, userID string, topic Topic) ([]Departed, error) {
	rows, err := p.ownedBy(ctx, topic, userID, own)
	if err != nil {
		return nil, err
	}
	return p.leave(ctx, rows, func(presenceItem) table.Condition { return table.Equals("owner", own) })
}
