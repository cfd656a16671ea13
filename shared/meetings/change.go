package meetings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/patch"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// maxTries bounds the race of changes to one meeting.
	maxTries  = 10
	opMeeting = "meeting"
)

// changing is one change of a meeting on its way: the state that was read, the
// next one, and what else is written with it.
type changing struct {
	access Access
	// now is the time of the change, in all that it writes.
	now  time.Time
	next meetingItem
	tx   *table.Tx
	// answer is what the call answers, recorded with the effect.
	answer any
	// pace is when the new state is posted, returned when it was committed.
	pace     realtime.Pace
	returned time.Time
	// unchanged is true where there is nothing to write, own where the meeting
	// itself changes, and not who is in it.
	unchanged, own bool
}

// change commits one change: it reads the meeting and the caller's role, lets
// apply make the next state, and writes it on the condition that the revision
// is still the one that was read. A lost race begins anew, with the role read
// anew. What is to be told of it, its callers return.
func (s *Service) change(
	ctx context.Context, c caller.Caller, execution *idempotency.Execution, action caller.Action, meetingID string, apply func(*changing) error,
) (*changing, error) {
	for range maxTries {
		access, err := s.Check(ctx, c, permissions.For(action), meetingID)
		if err != nil {
			return nil, err
		}
		ch := s.changing(access)
		if err := apply(ch); err != nil || ch.unchanged {
			return ch, err
		}
		s.raise(ch)
		if ch.answer == nil {
			ch.answer = ch.next.Meeting
		}
		s.audit.Add(ch.tx, c, action, "meetings/"+meetingID)
		err = s.idempotency.Commit(ctx, ch.tx, execution, ch.answer)
		if err == nil {
			ch.returned = s.clock.Now()
			return ch, nil
		}
		if !raced(err) {
			return nil, fmt.Errorf("change meeting %s: %w", meetingID, passing(err))
		}
	}
	return nil, busy(nil)
}

// changing begins a change of what was read.
func (s *Service) changing(access Access) *changing {
	return &changing{access: access, now: s.now(), next: access.item, tx: table.NewTx()}
}

// raise makes the next revision, and adds it to the transaction on the condition
// that the one that was read is still the newest.
func (s *Service) raise(ch *changing) {
	before := ch.access.item
	ch.pace = before.pace().Next(before.Revision+1, ch.now)
	ch.next.Revision = before.Revision + 1
	switch {
	case ch.own:
		ch.next.OwnRevision = ch.next.Revision
	case before.OwnRevision == 0:
		ch.next.OwnRevision = before.Revision
	}
	ch.next.UpdatedAt = ch.now
	ch.next.Due, ch.next.Tat, ch.next.Group = ch.pace.Due, ch.pace.Tat, ch.pace.Group
	ch.tx.Put(s.data, meetingKey(ch.next.MeetingID), ch.next,
		table.If(table.Equals("revision", before.Revision)), table.Named(opMeeting))
}

// raced reports whether a change failed because another was first.
func raced(err error) bool {
	return table.FailedOp(err, opMeeting) != nil || errors.Is(err, table.ErrTransactionConflict)
}

// passing makes RATE_LIMITED of a transaction that only met obstacles that
// pass; nothing was committed.
func passing(err error) error {
	if errors.Is(err, table.ErrTransactionConflict) || errors.Is(err, table.ErrOverloaded) {
		return busy(err)
	}
	return err
}

func busy(cause error) error {
	limited := errs.New(errs.RateLimited, "Too many changes at once. Please try again.")
	limited.RetryAfter, limited.Err = time.Second, cause
	return limited
}

// now is the time as meetings have it: whole milliseconds.
func (s *Service) now() time.Time { return s.clock.Now().Truncate(time.Millisecond) }

// stateCommit is a committed state for the meeting's topic. The whole state is read when
// it is posted.
func (s *Service) stateCommit(ch *changing) realtime.Commit {
	return realtime.Commit{
		Topic: StateTopic.Topic(ch.next.MeetingID), Pace: ch.pace, Returned: ch.returned,
		First: ch.next.Revision, Last: ch.next.Revision, Events: Source{s},
	}
}

// stateEvent reads a meeting's whole state as an event.
func (s *Service) stateEvent(ctx context.Context, meetingID string) (realtime.Event, error) {
	snapshot, err := s.snapshot(ctx, meetingID)
	if err != nil {
		return realtime.Event{}, err
	}
	data, err := json.Marshal(snapshot)
	if err != nil {
		return realtime.Event{}, fmt.Errorf("encode state of %s: %w", meetingID, err)
	}
	return realtime.Event{Position: snapshot.Meeting.Revision, At: snapshot.Meeting.UpdatedAt, Data: data}, nil
}

// UpdateRequest changes a meeting. Revision is the one that was read. What is
// absent stays; null takes away what a meeting may be without.
type UpdateRequest struct {
	MeetingID       string                 `path:"meetingId" minLength:"1" maxLength:"255"`
	Revision        int64                  `json:"revision" minimum:"1"`
	Epoch           string                 `json:"epoch,omitzero" minLength:"1" maxLength:"32" doc:"The epoch of revision, where the client knows it: CONFLICT where it isn't the present one."`
	Title           *string                `json:"title,omitzero" minLength:"1" maxLength:"200" name:"true"`
	Description     patch.Field[string]    `json:"description,omitzero" maxLength:"5000"`
	ScheduledAt     patch.Field[time.Time] `json:"scheduledAt,omitzero"`
	DurationMinutes patch.Field[int]       `json:"durationMinutes,omitzero" minimum:"1" maximum:"1440"`
}

// apply makes the change, and reports whether it is one.
func (r UpdateRequest) apply(m *Meeting) (changed bool) {
	before := *m
	if r.Title != nil {
		m.Title = *r.Title
	}
	m.Description = r.Description.Or(m.Description)
	m.DurationMinutes = r.DurationMinutes.Or(m.DurationMinutes)
	if r.ScheduledAt.Given() {
		m.ScheduledAt = nil
		if at, ok := r.ScheduledAt.Value(); ok {
			m.ScheduledAt = utc(&at)
		}
	}
	return m.Title != before.Title || m.Description != before.Description || m.DurationMinutes != before.DurationMinutes ||
		!sameTime(m.ScheduledAt, before.ScheduledAt)
}

func sameTime(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// Update changes a meeting's description of itself. CONFLICT where the meeting
// itself (its description, time or state, not who is in it) has changed since the
// revision that was read, or an earlier state was restored, and after the meeting's end. What changes nothing writes
// nothing, and nobody is notified.
func (s *Service) Update(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateRequest) (Meeting, effect.Effects, error) {
	ch, err := s.change(ctx, c, execution, ActionUpdate, in.MeetingID, func(ch *changing) error {
		m := &ch.next
		if !s.epoch.Is(in.Epoch) || m.changedSince(in.Revision) {
			return errs.New(errs.Conflict, "The meeting was changed meanwhile: its revision is %d. Please read it again.", m.Revision)
		}
		if !m.State.Open() {
			return errs.New(errs.Conflict, "The meeting is %s.", m.State)
		}
		ch.own = true
		ch.unchanged = !in.apply(&m.Meeting)
		return nil
	})
	if err != nil {
		return Meeting{}, nil, err
	}
	if ch.unchanged {
		return ch.next.Meeting, nil, nil
	}
	return ch.next.Meeting, effect.Effects{s.stateCommit(ch)}, nil
}

// Start makes a scheduled meeting active; CONFLICT in another state.
func (s *Service) Start(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in GetRequest) (Meeting, effect.Effects, error) {
	ch, err := s.change(ctx, c, execution, ActionStart, in.MeetingID, func(ch *changing) error {
		if ch.next.State != Scheduled {
			return errs.New(errs.Conflict, "The meeting is %s, not scheduled.", ch.next.State)
		}
		ch.own = true
		ch.next.State, ch.next.StartedAt = Active, &ch.now
		return nil
	})
	if err != nil {
		return Meeting{}, nil, err
	}
	return ch.next.Meeting, effect.Effects{s.stateCommit(ch)}, nil
}

// End concludes an active meeting; CONFLICT in another state. Its notes and its
// transcript take no more, and all streams but the meeting's own state end, before the
// call is answered; also where it is CONFLICT because the meeting was ended
// before, by a call that may have died half-way.
func (s *Service) End(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in GetRequest) (Meeting, effect.Effects, error) {
	endedBefore := false
	ch, err := s.change(ctx, c, execution, ActionEnd, in.MeetingID, func(ch *changing) error {
		endedBefore = ch.next.State == Concluded
		if ch.next.State != Active {
			return errs.New(errs.Conflict, "The meeting is %s, not active.", ch.next.State)
		}
		ch.own = true
		ch.next.State, ch.next.EndedAt = Concluded, &ch.now
		return nil
	})
	if err != nil {
		if !endedBefore {
			return Meeting{}, nil, err
		}
		over, failed := s.conclude(ctx, in.MeetingID)
		if failed != nil {
			return Meeting{}, nil, failed
		}
		return Meeting{}, effect.Effects{over}, err
	}
	over, err := s.conclude(ctx, in.MeetingID)
	if err != nil {
		return Meeting{}, nil, err
	}
	state := s.stateCommit(ch)
	over.Commit = &state
	return ch.next.Meeting, effect.Effects{over}, nil
}

// conclude closes the logs of a meeting that is over, and gives the revocation that
// ends its streams. The durable lane does both again, for a function that died
// here.
func (s *Service) conclude(ctx context.Context, meetingID string) (realtime.Revocation, error) {
	var logs errgroup.Group
	over := realtime.Revocation{Presence: StateTopic.Topic(meetingID), Reason: realtime.MeetingEnded}
	for _, t := range s.topics {
		topic := t.Pattern.Topic(meetingID)
		if !t.Outlasts {
			over.Topics = append(over.Topics, topic)
		}
		if t.Log != nil {
			logs.Go(func() error {
				_, err := t.Log.Close(ctx, topic.String())
				return err
			})
		}
	}
	if err := logs.Wait(); err != nil {
		return realtime.Revocation{}, fmt.Errorf("end meeting %s: %w", meetingID, err)
	}
	return over, nil
}
