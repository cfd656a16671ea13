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
	c := newCast(t)
	d := composition.New(c.Env(), endpoint.Overrides{})
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
	in := func(tx *table.Tx) { service.Holds(tx, c.id, c.member.ID, "participant") }
	fails(c.id, "", in)
	c.host.Call(t, "POST "+c.path+"/start", nil).Expect(t, 200)
	fails(c.id, "", in)
	fails(c.id, realtime.OpParticipant, func(tx *table.Tx) { service.Holds(tx, c.id, c.removed.ID, "co-host") })
	c.host.Call(t, "POST "+c.path+"/end", nil).Expect(t, 200)
	fails(c.id, realtime.OpMeeting, in)
	c.mark(t, "MEETING", table.Update{Set: map[string]any{"state": "cancelled"}})
	fails(c.id, realtime.OpMeeting, in)
	fails("unknown", realtime.OpMeeting, func(*table.Tx) {})
}
