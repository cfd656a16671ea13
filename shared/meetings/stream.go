package meetings

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// Source gives the topic `meetings/<id>`: the whole state, at the meeting's
// revision.
type Source struct{ *Service }

// Admit implements realtime.Source: every participant may follow the state,
// also after the meeting's end.
func (s Source) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	access, err := s.Check(ctx, c, permissions.For(realtime.ActionSubscribe), topic.ID())
	return string(access.Role), err
}

// Holds implements realtime.Source.
func (s Source) Holds(tx *table.Tx, topic realtime.Topic, userID, role string) {
	s.Service.Holds(tx, topic.ID(), userID, Role(role))
}

// Head implements realtime.Source.
func (s Source) Head(ctx context.Context, topic realtime.Topic) (int64, string, error) {
	item, err := table.Get[meetingItem](ctx, s.data, meetingKey(topic.ID()))
	if err != nil {
		return 0, "", fmt.Errorf("head of %s: %w", topic, err)
	}
	return item.Revision, "", nil
}

// Events implements realtime.Source: the newest state alone.
func (s Source) Events(ctx context.Context, topic realtime.Topic, after int64, _ int) ([]realtime.Event, bool, error) {
	event, err := s.stateEvent(ctx, topic.ID())
	if err != nil || event.Position <= after {
		return nil, false, err
	}
	return []realtime.Event{event}, false, nil
}

// Moved implements realtime.Domain.
func (s *Service) Moved(r table.Record) []realtime.Move {
	meetingID, ok := MeetingOf(r)
	if !ok || r.Key.SK != meetingSort || r.Event == table.Remove {
		return nil
	}
	return []realtime.Move{{Topic: StateTopic.Topic(meetingID)}}
}

// Repeat implements realtime.Domain: it ends the streams of removed
// participants, changed roles and concluded meetings once more.
func (s *Service) Repeat(ctx context.Context, r table.Record) error {
	meetingID, ok := MeetingOf(r)
	if !ok || r.Event != table.Modify {
		return nil
	}
	if userID, ok := ParticipantOf(r); ok {
		return s.repeatParticipant(ctx, r, meetingID, userID)
	}
	var before, after meetingItem
	if err := images(r, &before, &after); err != nil {
		return err
	}
	if after.State == Concluded && before.State != Concluded {
		over, err := s.conclude(ctx, meetingID)
		if err != nil {
			return err
		}
		return s.repeat(ctx, over)
	}
	return nil
}

func (s *Service) repeatParticipant(ctx context.Context, r table.Record, meetingID, userID string) error {
	var before, after participantItem
	if err := images(r, &before, &after); err != nil {
		return err
	}
	if before.Role == after.Role && before.Status == after.Status {
		return nil
	}
	reason := realtime.RoleChanged
	if after.Status != statusActive {
		reason = realtime.Removed
	}
	return s.repeat(ctx, s.stale(meetingID, userID, reason))
}

// repeat ends streams for the durable lane, after which nobody comes.
func (s *Service) repeat(ctx context.Context, r realtime.Revocation) error {
	r.Last = true
	return s.publisher.Revoke(ctx, r)
}

// stale is the revocation of those subscriptions of a person that a removal or a
// change of role, committed some time ago, has left without their right. What holds
// now decides: who was invited again since keeps what they have subscribed since.
func (s *Service) stale(meetingID, userID string, reason realtime.Reason) realtime.Revocation {
	return realtime.Revocation{
		Topics: s.topicsOf(meetingID), Presence: StateTopic.Topic(meetingID), UserID: userID, Reason: reason, Standing: standing{s},
	}
}

// standing is what participants' rows say now.
type standing struct{ *Service }

// Stands implements realtime.Standing.
func (s standing) Stands(ctx context.Context, meetingID, userID, role string) (bool, error) {
	now, err := s.participant(ctx, meetingID, userID)
	return now.Status == statusActive && string(now.Role) == role, err
}

func images(r table.Record, before, after any) error {
	if _, err := r.Old(before); err != nil {
		return err
	}
	_, err := r.New(after)
	return err
}

// Admission lets participants follow a topic that ends with its meeting: the Admit
// and Holds of a realtime.Source.
type Admission struct{ *Service }

// Admit checks who may follow the topic, and gives their role: MEETING_NOT_ACTIVE
// after the end.
func (a Admission) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	access, err := a.admitOpen(ctx, c, permissions.For(realtime.ActionSubscribe), topic)
	return string(access.Role), err
}

// Holds adds to a transaction that the caller is a participant with that role, and
// that the meeting is open.
func (a Admission) Holds(tx *table.Tx, topic realtime.Topic, userID, role string) {
	a.Service.Holds(tx, topic.ID(), userID, Role(role))
	a.HoldsOpen(tx, topic.ID())
}

func (s *Service) admitOpen(ctx context.Context, c caller.Caller, need Permission, topic realtime.Topic) (Access, error) {
	access, err := s.Check(ctx, c, need, topic.ID())
	if err != nil {
		return Access{}, err
	}
	if !access.Meeting.State.Open() {
		return Access{}, errs.New(errs.MeetingNotActive, "The meeting is %s: only its state can be followed.", access.Meeting.State)
	}
	return access, nil
}
