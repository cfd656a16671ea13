package meetings

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// Role is what a participant may do in a meeting.
type Role string

// The roles, from least to most.
const (
	Observer Role = "observer"
	Member   Role = "participant"
	CoHost   Role = "co-host"
	Host     Role = "host"
)

var ranks = map[Role]int{Observer: 1, Member: 2, CoHost: 3, Host: 4}

// AtLeast tells whether a role has all that another may do.
func (r Role) AtLeast(other Role) bool { return ranks[r] >= ranks[other] }

// The actions of this domain.
const (
	ActionCreate           caller.Action = "meetings.create"
	ActionList             caller.Action = "meetings.list"
	ActionGet              caller.Action = "meetings.get"
	ActionUpdate           caller.Action = "meetings.update"
	ActionStart            caller.Action = "meetings.start"
	ActionEnd              caller.Action = "meetings.end"
	ActionListParticipants caller.Action = "meetings.listParticipants"
	ActionInvite           caller.Action = "meetings.invite"
	ActionChangeRole       caller.Action = "meetings.changeRole"
	ActionRemove           caller.Action = "meetings.remove"
)

// PermissionTable says who may do what in a meeting: the least role that an action
// needs. Each domain whose things belong to meetings has one.
type PermissionTable map[caller.Action]Role

// Permission is what one action needs. The zero one allows nobody.
type Permission struct {
	Action caller.Action
	Least  Role
}

// For gives what an action needs.
func (t PermissionTable) For(action caller.Action) Permission {
	return Permission{Action: action, Least: t[action]}
}

// permissions is this domain's table. Creating and listing concern the caller alone.
var permissions = PermissionTable{
	ActionGet:                Observer,
	ActionListParticipants:   Observer,
	realtime.ActionPresence:  Observer,
	realtime.ActionSubscribe: Observer,
	ActionUpdate:             CoHost,
	ActionStart:              CoHost,
	ActionEnd:                CoHost,
	ActionInvite:             CoHost,
	ActionChangeRole:         CoHost,
	ActionRemove:             CoHost,
}

// Permissions gives a copy of the table, for documents and for the test of all
// roles against all actions.
func Permissions() PermissionTable { return maps.Clone(permissions) }

// Access is what a caller is in a meeting, read consistently.
type Access struct {
	Meeting Meeting
	Role    Role
	item    meetingItem
	// standing is the role with the name that the caller has in this meeting.
	standing realtime.Membership
}

// May tells whether the role that was read allows another action too.
func (a Access) May(p Permission) bool { return p.allows(a.Role) }

func (p Permission) allows(r Role) bool { return p.Least != "" && r.AtLeast(p.Least) }

// Check reads the meeting and the caller's role, and holds the role against what
// an action needs. FORBIDDEN where the caller isn't a participant, whether the
// meeting exists or not; a denial is audited. Beside that it confirms an unconfirmed
// caller, with UNAUTHORIZED where the socket doesn't stand.
func (s *Service) Check(ctx context.Context, c caller.Caller, need Permission, meetingID string) (Access, error) {
	meeting := table.NewLookup[meetingItem](s.data, meetingKey(meetingID))
	participant := table.NewLookup[participantItem](s.data, participantKey(meetingID, c.UserID))
	reads := []table.Lookups{meeting, participant}
	var socket realtime.SocketRow
	if c.Unconfirmed {
		socket = s.publisher.SocketRow(c.ConnectionID)
		reads = append(reads, socket)
	}
	if err := table.BatchGet(ctx, reads...); err != nil {
		return Access{}, fmt.Errorf("read meeting %s: %w", meetingID, err)
	}
	if c.Unconfirmed {
		if err := socket.Confirm(); err != nil {
			return Access{}, err
		}
	}
	if need.Least == "" {
		return Access{}, fmt.Errorf("action %s is in no permission table", need.Action)
	}
	member := meeting.Found && participant.Found && participant.Value.Status == statusActive
	if !member || !need.allows(participant.Value.Role) {
		return Access{}, s.deny(ctx, c, need.Action, "meetings/"+meetingID)
	}
	return Access{
		Meeting: meeting.Value.Meeting, Role: participant.Value.Role, item: meeting.Value, standing: participant.Value.membership(),
	}, nil
}

// accessHolds is how long after its access check an append is tried.
const accessHolds = 2 * time.Second

// Permit checks as Check does, for an append to one of the meeting's logs, and says
// until when the append may stand on that.
func (s *Service) Permit(ctx context.Context, c caller.Caller, need Permission, meetingID string) (access Access, until time.Time, err error) {
	until = s.clock.Now().Add(accessHolds)
	access, err = s.Check(ctx, c, need, meetingID)
	return access, until, err
}

// Deny refuses an action that a role doesn't allow, and audits that.
func (s *Service) Deny(ctx context.Context, c caller.Caller, action caller.Action, meetingID string) error {
	return s.deny(ctx, c, action, "meetings/"+meetingID)
}

func (s *Service) deny(ctx context.Context, c caller.Caller, action caller.Action, resource string) error {
	denied := errs.New(errs.Forbidden, "You may not do this in this meeting.")
	// A denial that can't be audited stays one; its cause reaches the log.
	denied.Err = s.audit.Record(ctx, c, action, resource, audit.Denied)
	return denied
}

// Holds adds to a transaction the condition that a user is a participant with a
// role, so that what it commits can't outlive a removal. The check is named
// realtime.OpParticipant, that of HoldsOpen realtime.OpMeeting.
func (s *Service) Holds(tx *table.Tx, meetingID, userID string, role Role) {
	s.holds(tx, meetingID, userID, role)
}

func (s *Service) holds(tx *table.Tx, meetingID, userID string, role Role, more ...table.Condition) {
	tx.Check(s.data, participantKey(meetingID, userID),
		table.And(append(more, table.Equals("status", statusActive), table.Equals("role", role))...), table.Named(realtime.OpParticipant))
}

// HoldsOpen adds to a transaction the condition that a meeting can still be
// changed, so that what it commits can't outlive the meeting's end.
func (s *Service) HoldsOpen(tx *table.Tx, meetingID string) {
	tx.Check(s.data, meetingKey(meetingID),
		table.Or(table.Equals("state", Scheduled), table.Equals("state", Active)), table.Named(realtime.OpMeeting))
}
