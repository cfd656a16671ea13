// Package meetings is about who meets: a meeting's life, its participants and
// what each of them may do.
//
// A meeting is scheduled, then active, then concluded; or it is cancelled. It
// has exactly one host at any time. Every change of the meeting or of a
// participant raises the meeting's revision by one and is committed on the
// condition that nobody else changed it meanwhile, so changes of one meeting
// have an order that all agree on, and whoever was just removed can't change
// anything any more. A removed participant's row stays, marked, so that the
// removal is seen by whoever looks later. Removals, role changes and the end of
// a meeting end the streams that they concern before the call is answered.
//
// A participant's row copies what the person is called, because everybody in the
// meeting reads it again and again and hardly anybody is renamed. Propagate
// brings a new name to the copies.
package meetings

import (
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// MaxParticipants is how many people a meeting has at most beside its host.
const MaxParticipants = 100

// State is where a meeting is in its life.
type State string

// The states.
const (
	Scheduled State = "scheduled"
	Active    State = "active"
	Concluded State = "concluded"
	Cancelled State = "cancelled"
)

// Open reports whether a meeting can still be changed.
func (s State) Open() bool { return s == Scheduled || s == Active }

// Meeting is a meeting as stored and answered.
type Meeting struct {
	MeetingID        string     `json:"meetingId"`
	Title            string     `json:"title"`
	Description      string     `json:"description,omitzero"`
	ScheduledAt      *time.Time `json:"scheduledAt,omitzero"`
	DurationMinutes  int        `json:"durationMinutes,omitzero"`
	State            State      `json:"state" enum:"scheduled,active,concluded,cancelled"`
	HostID           string     `json:"hostId"`
	ParticipantCount int        `json:"participantCount"`
	Revision         int64      `json:"revision"`
	CreatedAt        time.Time  `json:"createdAt"`
	UpdatedAt        time.Time  `json:"updatedAt"`
	StartedAt        *time.Time `json:"startedAt,omitzero"`
	EndedAt          *time.Time `json:"endedAt,omitzero"`
}

// meetingItem is a meeting with what paces its state topic.
type meetingItem struct {
	Meeting
	Due   int64 `json:"due,omitempty"`
	Tat   int64 `json:"tat,omitempty"`
	Group int64 `json:"group,omitempty"`
	// OwnRevision is the revision that last changed the meeting itself, and not its
	// participants; 0 in rows from before this attribute.
	OwnRevision int64 `json:"ownRevision,omitempty"`
}

// changedSince reports whether the meeting itself has changed since a revision, or
// never had it.
func (m meetingItem) changedSince(revision int64) bool {
	own := m.OwnRevision
	if own == 0 {
		own = m.Revision
	}
	return revision < own || revision > m.Revision
}

func (m meetingItem) pace() realtime.Pace {
	return realtime.Pace{Due: m.Due, Tat: m.Tat, Group: m.Group}
}

// Participant is a person in a meeting.
type Participant struct {
	UserID      string    `json:"userId"`
	DisplayName string    `json:"displayName"`
	Role        Role      `json:"role" enum:"observer,participant,co-host,host"`
	InvitedAt   time.Time `json:"invitedAt"`
}

// participantItem is a participant as stored: removed ones stay, marked.
type participantItem struct {
	Participant
	Status string `json:"status"`
	// NameRevision is the user's revision that gave them this DisplayName; 0 in rows
	// from before this attribute.
	NameRevision int64 `json:"nameRevision,omitempty"`
}

func (p participantItem) membership() realtime.Membership {
	return realtime.Membership{Role: string(p.Role), DisplayName: p.DisplayName, NameRevision: p.NameRevision}
}

const (
	statusActive  = "active"
	statusRemoved = "removed"
)

// Snapshot is the whole state of a meeting, the data of the topic
// `meetings/<id>`.
type Snapshot struct {
	Meeting      Meeting       `json:"meeting"`
	Participants []Participant `json:"participants"`
}

// Service keeps meetings in the table Data.
type Service struct {
	data        *table.Table
	users       *users.Service
	audit       *audit.Log
	idempotency *idempotency.Store
	clock       clock.Clock
	// publisher is for the durable lane and for what follows from records; calls
	// return effects.
	publisher *realtime.Publisher
	topics    []Topic
	epoch     epoch.Epoch
}

// Dependencies are what a service is made of.
type Dependencies struct {
	Data        *table.Table
	Users       *users.Service
	Audit       *audit.Log
	Idempotency *idempotency.Store
	Clock       clock.Clock
	Publisher   *realtime.Publisher
	// Topics are those that every meeting has, in the order in which their
	// subscriptions end.
	Topics []Topic
	// Epoch is what the revisions of meetings belong to.
	Epoch epoch.Epoch
}

// New makes the service.
func New(p Dependencies) *Service {
	return &Service{
		data: p.Data, users: p.Users, audit: p.Audit, idempotency: p.Idempotency, clock: p.Clock, publisher: p.Publisher,
		topics: p.Topics, epoch: p.Epoch,
	}
}
