package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// enter makes a client's row, or moves it to this owner, in one transaction
// with what permits it.
func (s *Service) enter(ctx context.Context, c caller.Caller, at presenceScope, before presenceItem, next *presenceItem, now time.Time) error {
	topic := at.Topic
	as, err := at.policy.Admit(ctx, c, topic)
	if err != nil {
		return err
	}
	if err := s.hasPlace(ctx, topic, *next, now); err != nil {
		return err
	}
	next.Membership, next.Since = as, next.At
	if next.Since <= before.Since {
		next.Since = before.Since + 1
	}
	own := ownerOf(c)
	tx := table.NewTx()
	at.policy.Holds(tx, topic, next.UserID, as)
	s.owns(tx, own, topic, now)
	tx.Put(s.realtime, presenceKey(topic, next.UserID, next.ClientKey), next, table.If(unchanged(before)), table.Named(opPresence), table.Expires(now.Add(keptSilent)))
	err = tx.Commit(ctx)
	switch failed := table.FailedOp(err, opOwner); {
	case err == nil:
		return nil
	case table.FailedOp(err, OpSession) != nil:
		return errs.New(errs.Unauthorized, "This session has ended.")
	case table.FailedOp(err, OpParticipant) != nil:
		return errOtherRole
	case table.FailedOp(err, OpMeeting) != nil:
		return errs.New(errs.MeetingNotActive, "The meeting has ended.")
	case failed != nil:
		var connection connectionItem
		if failed.Decode(&connection) != nil || connection.Closed {
			return errs.New(errs.Unauthorized, "This connection is over. Please connect anew.")
		}
		return s.makeRoom(ctx, own, *next, connection.ownerItem, now)
	}
	if raced := table.FailedOp(err, opPresence); raced != nil {
		return &table.ConditionError{Old: raced.Old}
	}
	return fmt.Errorf("enter %s: %w", topic, err)
}

// makeRoom takes the meetings off an owner in which its clients have fallen
// silent: RATE_LIMITED in any case, and worth trying again where that has helped.
func (s *Service) makeRoom(ctx context.Context, own owner, next presenceItem, standing ownerItem, now time.Time) error {
	var over table.StringSet
	for _, name := range standing.Present {
		silent, err := s.publisher.silentOver(ctx, Topic(name), next, now)
		if err != nil {
			return err
		}
		if silent {
			over = append(over, name)
		}
	}
	limited := errs.New(errs.RateLimited, "At once you can be present in %d meetings.", MaxTopics)
	limited.RetryAfter = silence
	if len(over) == 0 {
		return limited
	}
	// A client that has entered meanwhile may have entered one of these meetings.
	err := s.realtime.Update(ctx, own.key, table.Update{
		DeleteFrom: map[string]any{"present": over}, If: table.Equals("entered", standing.Entered),
	})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("presence: %w", err)
	}
	return errRoom
}

// errRoom says that there may be room now.
var errRoom = errors.New("room was made")

// opPresence names the row of the client that enters.
const opPresence = "presence"

// hasPlace refuses a user's eleventh client, also one after ten that have gone just
// now: their rows stay for a while. Frames of several that come at once may go a
// little beyond.
func (s *Service) hasPlace(ctx context.Context, topic Topic, next presenceItem, now time.Time) error {
	own, err := s.publisher.present(ctx, topic, next.UserID)
	if err != nil {
		return err
	}
	here, gone := 0, 0
	for _, row := range own {
		switch {
		case row.Value.ClientKey == next.ClientKey || !row.Value.live(now):
		case row.Value.gone():
			gone++
		default:
			here++
		}
	}
	if here >= maxClients || gone >= maxClients {
		limited := errs.New(errs.RateLimited, "You are present in this meeting %d times already.", maxClients)
		limited.RetryAfter = silence
		return limited
	}
	return nil
}
