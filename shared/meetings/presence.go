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
func (r Rooms) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (realtime.Standing, error) {
	access, err := r.admitOpen(ctx, c, ActionPresence, topic)
	return access.standing, err
}

// Holds implements realtime.Admission.
func (r Rooms) Holds(tx *table.Tx, topic realtime.Topic, userID string, as realtime.Standing) {
	named := table.Equals("nameRevision", as.NameRevision)
	if as.NameRevision == 0 {
		named = table.AttributeAbsent("nameRevision")
	}
	r.holds(tx, topic.MeetingID, userID, Role(as.Role), named)
	r.HoldsOpen(tx, topic.MeetingID)
}
