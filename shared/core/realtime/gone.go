package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// statusGone is the status of a client that has left. Its row stays, as a mark,
// until silence is over: a heartbeat that was sent before and comes late, with a
// lower seq, meets the mark and brings nobody back. A mark stands for no
// permission: who comes back enters anew.
const statusGone = "gone"

// leaveNow marks a client as gone and gives the change of presence to be sent. A
// client that isn't there, or that a later frame has brought back, is no error:
// nothing is sent then.
func (s *Service) leaveNow(ctx context.Context, c caller.Caller, at presenceScope, mark presenceItem, now time.Time) (effect.Effects, error) {
	topic := at.Topic
	key := presenceKey(topic, mark.UserID, mark.ClientKey)
	for range beatTries {
		before, err := table.Get[presenceItem](ctx, s.realtime, key)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return nil, fmt.Errorf("presence: %w", err)
		}
		if before.live(now) && (before.Seq > mark.Seq || before.gone() && before.Seq == mark.Seq) {
			return nil, nil
		}
		if before.Since == 0 || before.gone() {
			err = s.markAbsent(ctx, c, at, before, mark, now)
		} else {
			err = s.markGone(ctx, key, before, mark)
		}
		switch {
		case errors.Is(err, table.ErrConditionFailed):
			continue
		case transient(err):
			return nil, busy()
		case err != nil || before.Since == 0 || before.gone():
			return nil, err
		}
		return effect.Effects{PresenceChanges{Topic: topic, Left: []Departed{before.departedAt(mark.At)}}}, nil
	}
	return nil, busy()
}

// markGone makes a mark of a client's row. The row stands for the permission, and
// leaving isn't paced.
func (s *Service) markGone(ctx context.Context, key table.Key, before, mark presenceItem) error {
	err := s.realtime.Update(ctx, key, table.Update{
		Set:    map[string]any{"status": statusGone, "seq": mark.Seq, "at": max(mark.At, before.At)},
		Remove: []string{"cursor"},
		If:     unchanged(before),
	}, table.Expires(time.UnixMilli(mark.At).Add(keptSilent)))
	if err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	return nil
}

// markAbsent leaves a mark of a client that isn't there, or was marked before: its
// heartbeats may still be under way. FORBIDDEN for a caller who isn't in the meeting; after
// the meeting's end nobody can come, and there is nothing to mark. Marks are bounded:
// a user who has too many gets no further one.
func (s *Service) markAbsent(ctx context.Context, c caller.Caller, at presenceScope, before, mark presenceItem, now time.Time) error {
	topic := at.Topic
	switch as, err := at.policy.Admit(ctx, c, topic); {
	case errs.KindOf(err) == errs.MeetingNotActive:
		return nil
	case err != nil:
		return err
	default:
		mark.Membership = as
	}
	if err := before.accepts(mark, now); err != nil {
		return err
	}
	if err := s.hasPlace(ctx, topic, mark, now); errs.KindOf(err) == errs.RateLimited {
		return nil
	} else if err != nil {
		return err
	}
	mark.Cursor, mark.Since = nil, max(mark.At, before.Since+1)
	mark.Tat = max(mark.Tat, before.Tat+beatEvery.Milliseconds())
	err := s.realtime.Put(ctx, presenceKey(topic, mark.UserID, mark.ClientKey), mark,
		table.If(unchanged(before)), table.Expires(now.Add(keptSilent)))
	if err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	return nil
}
