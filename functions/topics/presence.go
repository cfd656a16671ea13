package topics

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// ListPresenceRequest asks who is in a meeting.
type ListPresenceRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	realtime.PresencePage
}

// ListPresence gives who is present in a meeting.
func (s Service) ListPresence(ctx context.Context, c caller.Caller, in ListPresenceRequest) (realtime.PresenceList, error) {
	return s.Service.ListPresence(ctx, c, meetings.StateTopic.Topic(in.MeetingID), in.PresencePage)
}

// TellPresenceRequest is a heartbeat over HTTP.
type TellPresenceRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	realtime.Heartbeat
}

// TellPresence notes that a client of the caller is present in a meeting.
func (s Service) TellPresence(ctx context.Context, c caller.Caller, _ *idempotency.Execution, in TellPresenceRequest) (realtime.PresenceAnswer, effect.Effects, error) {
	return s.Service.TellPresence(ctx, c, meetings.StateTopic.Topic(in.MeetingID), in.Heartbeat)
}
