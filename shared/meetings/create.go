package meetings

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// Invitee is a person to invite, and as what.
type Invitee struct {
	UserID string `json:"userId" minLength:"1" maxLength:"255"`
	Role   Role   `json:"role" enum:"observer,participant,co-host,host"`
}

// CreateRequest describes a new meeting. Its caller becomes the host.
type CreateRequest struct {
	Title           string     `json:"title" minLength:"1" maxLength:"200" name:"true"`
	Description     string     `json:"description,omitzero" maxLength:"5000"`
	ScheduledAt     *time.Time `json:"scheduledAt,omitzero"`
	DurationMinutes int        `json:"durationMinutes,omitzero" minimum:"1" maximum:"1440"`
	Participants    []Invitee  `json:"participants,omitzero" maxItems:"100"`
}

// Validate refuses whoever stands twice in the list.
func (r *CreateRequest) Validate() error {
	seen := map[string]bool{}
	for i, invitee := range r.Participants {
		if seen[invitee.UserID] {
			return errs.Invalid(fmt.Sprintf("body.participants[%d].userId", i), "stands twice")
		}
		seen[invitee.UserID] = true
	}
	return nil
}

// perTransaction is how many participants are created in the transaction with
// their meeting. DynamoDB allows 100 operations; the meeting, the host, the
// audit entry and the idempotency record take four.
const perTransaction = 90

// Create makes a meeting with its caller as host. An unknown participant is
// VALIDATION_ERROR at its location, and nothing is created.
func (s *Service) Create(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in CreateRequest) (Meeting, effect.Effects, error) {
	now := s.now()
	invited, err := s.invited(ctx, c, in.Participants, now)
	if err != nil {
		return Meeting{}, nil, err
	}
	m := meetingItem{Meeting: Meeting{
		MeetingID: clock.NewID(s.clock), Title: in.Title, Description: in.Description, ScheduledAt: utc(in.ScheduledAt),
		DurationMinutes: in.DurationMinutes, State: Scheduled, HostID: c.UserID,
		ParticipantCount: 1 + len(invited), Revision: 1, CreatedAt: now, UpdatedAt: now,
	}, OwnRevision: 1}
	// Rows beyond one transaction are written first. Without their meeting they
	// mean nothing to anybody, so a creation that dies here has created nothing.
	for len(invited) > perTransaction {
		last := invited[len(invited)-1]
		if err := s.data.Put(ctx, participantKey(m.MeetingID, last.UserID), last,
			table.Indexed(userIndex(last.UserID, m.MeetingID))); err != nil {
			return Meeting{}, nil, fmt.Errorf("create meeting: %w", err)
		}
		invited = invited[:len(invited)-1]
	}
	tx := table.NewTx()
	tx.Put(s.data, meetingKey(m.MeetingID), m, table.If(table.Absent()))
	host := participant(users.User{UserID: c.UserID, DisplayName: c.DisplayName, Revision: c.Revision}, Host, now)
	for _, p := range append(invited, host) {
		s.putParticipant(tx, m.MeetingID, p)
	}
	s.audit.Add(tx, c, ActionCreate, "meetings/"+m.MeetingID)
	if err := s.idempotency.Commit(ctx, tx, execution, m.Meeting); err != nil {
		return Meeting{}, nil, fmt.Errorf("create meeting: %w", passing(err))
	}
	return m.Meeting, nil, nil
}

// invited turns a list into participants. The host may stand in it, as host.
func (s *Service) invited(ctx context.Context, c caller.Caller, list []Invitee, now time.Time) ([]participantItem, error) {
	var ids []string
	for i, invitee := range list {
		if (invitee.UserID == c.UserID) != (invitee.Role == Host) {
			return nil, errs.Invalid(fmt.Sprintf("body.participants[%d].role", i), "must be host for the caller, and for nobody else")
		}
		ids = append(ids, invitee.UserID)
	}
	found, err := s.users.Find(ctx, ids)
	if err != nil {
		return nil, err
	}
	var participants []participantItem
	var unknown []errs.FieldError
	for i, invitee := range list {
		user, ok := found[invitee.UserID]
		if !ok {
			unknown = append(unknown, errs.FieldError{Location: fmt.Sprintf("body.participants[%d].userId", i), Detail: "is not a known user"})
		} else if invitee.Role != Host {
			participants = append(participants, participant(user, invitee.Role, now))
		}
	}
	if len(unknown) > 0 {
		return nil, &errs.Error{Kind: errs.Validation, Message: "The request is not valid.", Problems: unknown[:min(len(unknown), 20)]}
	}
	return participants, nil
}

func participant(user users.User, role Role, now time.Time) participantItem {
	return participantItem{
		Participant: Participant{UserID: user.UserID, DisplayName: user.DisplayName, Role: role, InvitedAt: now},
		Status:      statusActive, NameRevision: user.Revision,
	}
}

// putParticipant adds a row to a transaction; a removed participant's row stays
// without being in anybody's list.
func (s *Service) putParticipant(tx *table.Tx, meetingID string, p participantItem) {
	options := []table.WriteOption{}
	if p.Status == statusActive {
		options = append(options, table.Indexed(userIndex(p.UserID, meetingID)))
	}
	tx.Put(s.data, participantKey(meetingID, p.UserID), p, options...)
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
