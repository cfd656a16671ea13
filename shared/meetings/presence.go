package meetings

import (
	"context"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/realtime"
	"github.com/rapport/rapport/shared/table"
)

// Rooms says who may be present in meetings: whoever is in one, until its end.
type Rooms struct{ *Service }

// Admit implements realtime.Admission.
func (r Rooms) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	return r.admitOpen(ctx, c, ActionPresence, topic)
}

// Holds implements realtime.Admission.
func (r Rooms) Holds(tx *table.Tx, topic realtime.Topic, userID, role string) {
	r.Service.Holds(tx, topic.MeetingID, userID, Role(role))
	r.HoldsOpen(tx, topic.MeetingID)
}
