package meetings

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// PresencePolicy lets whoever is in a meeting be present there, until its end.
type PresencePolicy struct{ *Service }

// Admit implements realtime.PresencePolicy.
func (p PresencePolicy) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (realtime.Membership, error) {
	access, err := p.admitOpen(ctx, c, permissions.For(realtime.ActionPresence), topic)
	return access.standing, err
}

// Holds implements realtime.PresencePolicy.
func (p PresencePolicy) Holds(tx *table.Tx, topic realtime.Topic, userID string, as realtime.Membership) {
	named := table.Equals("nameRevision", as.NameRevision)
	if as.NameRevision == 0 {
		named = table.AttributeAbsent("nameRevision")
	}
	p.holds(tx, topic.ID(), userID, Role(as.Role), named)
	p.HoldsOpen(tx, topic.ID())
}
