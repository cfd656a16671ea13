package meetings_test

import (
	"testing"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// What others commit under a meeting's conditions fails by their names.
func TestConditionsForOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := composition.New(f.Env(), endpoint.Overrides{})
	service := d.Meetings()
	fails := func(meetingID, wants string, also func(*table.Tx)) {
		t.Helper()
		tx := table.NewTx()
		service.HoldsOpen(tx, meetingID)
		also(tx)
		err := tx.Commit(t.Context())
		for _, op := range []string{realtime.OpMeeting, realtime.OpParticipant} {
			if (table.FailedOp(err, op) != nil) != (op == wants) {
				t.Errorf("%s: got %v", op, err)
			}
		}
	}
	in := func(tx *table.Tx) { service.Holds(tx, f.id, f.member.ID, "participant") }
	fails(f.id, "", in)
	f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	fails(f.id, "", in)
	fails(f.id, realtime.OpParticipant, func(tx *table.Tx) { service.Holds(tx, f.id, f.removed.ID, "co-host") })
	f.host.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200)
	fails(f.id, realtime.OpMeeting, in)
	f.mark(t, "MEETING", table.Update{Set: map[string]any{"state": "cancelled"}})
	fails(f.id, realtime.OpMeeting, in)
	fails("unknown", realtime.OpMeeting, func(*table.Tx) {})
}
