package meetings

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// InviteRequest adds a person to a meeting.
type InviteRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	UserID    string `json:"userId" minLength:"1" maxLength:"255"`
	Role      Role   `json:"role" enum:"observer,participant,co-host"`
}

// Invite adds a participant, below the inviter's own role unless that is host.
// CONFLICT for who is in the meeting already, when it is full, and after its
// end.
func (s *Service) Invite(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in InviteRequest) (Participant, effect.Effects, error) {
	var invited Participant
	ch, err := s.change(ctx, c, execution, ActionInvite, in.MeetingID, func(ch *changing) error {
		if err := s.below(ctx, c, ActionInvite, ch, in.UserID, in.Role); err != nil {
			return err
		}
		found, err := s.users.Find(ctx, []string{in.UserID})
		if err != nil {
			return err
		}
		user, known := found[in.UserID]
		if !known {
			return errs.Invalid("body.userId", "is not a known user")
		}
		if !ch.next.State.Open() {
			return errs.New(errs.Conflict, "The meeting is %s.", ch.next.State)
		}
		standing, err := s.participant(ctx, in.MeetingID, in.UserID)
		if err != nil {
			return err
		}
		if standing.Status == statusActive {
			return errs.New(errs.Conflict, "This person is in the meeting already.")
		}
		if ch.next.ParticipantCount > MaxParticipants {
			return errs.New(errs.Conflict, "A meeting has at most %d participants beside its host.", MaxParticipants)
		}
		row := participant(user, in.Role, ch.now)
		invited = row.Participant
		ch.next.ParticipantCount++
		ch.answer = invited
		s.putParticipant(ch.tx, in.MeetingID, row)
		return nil
	})
	if err != nil {
		return Participant{}, nil, err
	}
	return invited, effect.Effects{s.stateCommit(ch)}, nil
}

// ChangeRoleRequest gives a participant another role.
type ChangeRoleRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	UserID    string `path:"userId" minLength:"1" maxLength:"255"`
	Role      Role   `json:"role" enum:"observer,participant,co-host"`
}

// ChangeRole gives a participant another role, which holds at once: their
// streams end with role_changed, and they subscribe again for what the new role
// allows. CONFLICT for the host, NOT_FOUND for who isn't in the meeting. Who has
// the role already keeps it, and only what was subscribed in another one ends:
// an earlier call may have died before it could.
func (s *Service) ChangeRole(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in ChangeRoleRequest) (Participant, effect.Effects, error) {
	var changed Participant
	ch, err := s.change(ctx, c, execution, ActionChangeRole, in.MeetingID, func(ch *changing) error {
		standing, err := s.changeable(ctx, c, ActionChangeRole, ch, in.UserID, in.Role)
		if err != nil {
			return err
		}
		if in.Role == standing.Role {
			changed, ch.unchanged = standing.Participant, true
			return nil
		}
		standing.Role = in.Role
		changed = standing.Participant
		ch.answer = changed
		s.putParticipant(ch.tx, in.MeetingID, standing)
		return nil
	})
	if err != nil {
		return Participant{}, nil, err
	}
	if ch.unchanged {
		return changed, effect.Effects{s.stale(in.MeetingID, in.UserID, realtime.RoleChanged)}, nil
	}
	return changed, effect.Effects{s.revoked(ch, in.UserID, realtime.RoleChanged)}, nil
}

// RemoveRequest takes a person out of a meeting.
type RemoveRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	UserID    string `path:"userId" minLength:"1" maxLength:"255"`
}

// Remove takes a participant out of a meeting. Their streams end before the
// call is answered, and nothing that is committed afterwards reaches them.
// CONFLICT for the host, NOT_FOUND for who isn't in the meeting; then the streams
// of who was have ended too, though the call that removed them died before.
func (s *Service) Remove(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in RemoveRequest) (struct{}, effect.Effects, error) {
	removedBefore := false
	ch, err := s.change(ctx, c, execution, ActionRemove, in.MeetingID, func(ch *changing) error {
		standing, err := s.changeable(ctx, c, ActionRemove, ch, in.UserID, Observer)
		if err != nil {
			removedBefore = standing.Status == statusRemoved
			return err
		}
		standing.Status = statusRemoved
		ch.next.ParticipantCount--
		ch.answer = struct{}{}
		s.putParticipant(ch.tx, in.MeetingID, standing)
		return nil
	})
	if removedBefore {
		return struct{}{}, effect.Effects{s.stale(in.MeetingID, in.UserID, realtime.Removed)}, err
	}
	if err != nil {
		return struct{}{}, nil, err
	}
	return struct{}{}, effect.Effects{s.revoked(ch, in.UserID, realtime.Removed)}, nil
}

// revoked is the revocation that goes with a committed change of a person's role or
// place, and the new state as its news.
func (s *Service) revoked(ch *changing, userID string, reason realtime.Reason) realtime.Revocation {
	meetingID, state := ch.next.MeetingID, s.stateCommit(ch)
	return realtime.Revocation{
		Topics: s.topicsOf(meetingID), Presence: StateTopic.Topic(meetingID), UserID: userID, Reason: reason, Commit: &state,
	}
}

// changeable reads a participant whom the caller wants to change. It refuses in
// this order: CONFLICT where the participant is the host, whoever asks; FORBIDDEN
// where the caller may not change them; NOT_FOUND, with the row as it was, where they
// aren't in the meeting.
func (s *Service) changeable(
	ctx context.Context, c caller.Caller, action caller.Action, ch *changing, userID string, to Role,
) (participantItem, error) {
	standing, err := s.participant(ctx, ch.next.MeetingID, userID)
	if err != nil {
		return participantItem{}, err
	}
	if userID == ch.next.HostID {
		return participantItem{}, errs.New(errs.Conflict, "The host can't be removed or get another role.")
	}
	if standing.Status == statusActive && standing.Role.AtLeast(to) {
		to = standing.Role
	}
	if err := s.below(ctx, c, action, ch, userID, to); err != nil {
		return participantItem{}, err
	}
	if standing.Status != statusActive {
		return standing, errs.New(errs.NotFound, "This person is not in the meeting.")
	}
	return standing, nil
}

// below refuses a co-host who deals with another co-host's role: only a host
// may.
func (s *Service) below(ctx context.Context, c caller.Caller, action caller.Action, ch *changing, userID string, role Role) error {
	if ch.access.Role == Host || !role.AtLeast(CoHost) {
		return nil
	}
	return s.deny(ctx, c, action, "meetings/"+ch.next.MeetingID+"/participants/"+userID)
}

// Members gives, by a consistent read, which of some people are in a meeting: at most
// table.MaxBatchGet people.
func (s *Service) Members(ctx context.Context, meetingID string, userIDs []string) (map[string]bool, error) {
	rows := make(map[string]*table.Lookup[participantItem], len(userIDs))
	var gets []table.Lookups
	for _, id := range userIDs {
		if len(id) > maxID || rows[id] != nil {
			continue // nobody's, and too long for a key; or asked for already
		}
		rows[id] = table.NewLookup[participantItem](s.data, participantKey(meetingID, id))
		gets = append(gets, rows[id])
	}
	if len(gets) > 0 {
		if err := table.BatchGet(ctx, gets...); err != nil {
			return nil, fmt.Errorf("read participants of %s: %w", meetingID, err)
		}
	}
	members := map[string]bool{}
	for id, row := range rows {
		members[id] = row.Found && row.Value.Status == statusActive
	}
	return members, nil
}

// participant reads a participant's row; the zero one where there is none.
func (s *Service) participant(ctx context.Context, meetingID, userID string) (participantItem, error) {
	item, err := table.Get[participantItem](ctx, s.data, participantKey(meetingID, userID))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return participantItem{}, fmt.Errorf("read participant of %s: %w", meetingID, err)
	}
	return item, nil
}
