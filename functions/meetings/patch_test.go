package meetings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// update changes the meeting at its newest revision.
func (f *fixture) update(t *testing.T, change object) meetings.Meeting {
	t.Helper()
	body := object{"revision": f.meeting(t).Revision}
	for name, value := range change {
		body[name] = value
	}
	return testkit.As[meetings.Meeting](t, f.host.Call(t, "PATCH "+f.path, body).Expect(t, 200))
}

// whole is all that a meeting says of itself.
func whole() object {
	return object{"title": "Plan", "description": "Why.", "scheduledAt": "2026-12-01T10:00:00Z", "durationMinutes": 30}
}

func TestNullTakesAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, field := range []string{"description", "scheduledAt", "durationMinutes"} {
		want := f.update(t, whole())
		switch field {
		case "description":
			want.Description = ""
		case "scheduledAt":
			want.ScheduledAt = nil
		default:
			want.DurationMinutes = 0
		}
		want.Revision++
		answer := f.host.Call(t, "PATCH "+f.path, object{"revision": want.Revision - 1, field: nil}).Expect(t, 200)
		for _, got := range []meetings.Meeting{testkit.As[meetings.Meeting](t, answer), f.meeting(t)} {
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(meetings.Meeting{}, "UpdatedAt")); diff != "" {
				t.Errorf("%s: null (-want +got):\n%s", field, diff)
			}
		}
		if strings.Contains(string(answer.Body), field) {
			t.Errorf("%s is still there: %s", field, answer.Body)
		}
	}
	f.ChangesNothing(t, func() {
		f.host.Call(t, "PATCH "+f.path, object{"revision": 1, "title": nil}).Refused(t, errs.Validation, "body.title")
		f.host.Call(t, "PATCH "+f.path, object{"revision": nil}).Refused(t, errs.Validation, "body.revision")
		f.host.Call(t, "PATCH "+f.participantPath(f.member), object{"role": nil}).Refused(t, errs.Validation, "body.role")
	})
}

// What changes nothing writes nothing and sends nothing.
func TestEmptyChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.observer.Connect(t)
	before := f.update(t, whole())
	if got := socket.Ask(t, object{"action": "subscribe", "id": "s", "topic": "meetings/" + f.id}); got.Type != "subscribed" {
		t.Fatalf("subscribe: %s", got.Raw)
	}
	frames := len(socket.Frames(t))
	audited := len(f.Stored(t, "Audit"))
	f.ChangesNothing(t, func() {
		same := whole()
		same["scheduledAt"] = "2026-12-01T11:00:00+01:00"
		for _, change := range []object{{}, whole(), same, {"title": " Plan "}, {"durationMinutes": 30}} {
			change["revision"] = before.Revision
			got := testkit.As[meetings.Meeting](t, f.host.Call(t, "PATCH "+f.path, change).Expect(t, 200))
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("%v (-before +after):\n%s", change, diff)
			}
		}
		f.host.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "participant"}).Expect(t, 200)
		f.host.Call(t, "PATCH /v1/me", object{}).Expect(t, 200)
		f.host.Call(t, "PATCH /v1/me", object{"displayName": "Host Test"}).Expect(t, 200)
	})
	if more := socket.Frames(t)[frames:]; len(more) > 0 {
		t.Errorf("others were told %v", more)
	}
	if more := len(f.Stored(t, "Audit")) - audited; more != 0 {
		t.Errorf("%d entries more in the audit", more)
	}
	// Also what is absent twice, and with a key.
	bare := f.update(t, object{"scheduledAt": nil, "durationMinutes": nil, "description": nil})
	for range 2 {
		got := testkit.As[meetings.Meeting](t, f.host.Call(t, "PATCH "+f.path,
			object{"revision": bare.Revision, "scheduledAt": nil, "durationMinutes": nil, "description": nil}, testkit.Key("k")).Expect(t, 200))
		if got.Revision != bare.Revision {
			t.Errorf("the revision goes from %d to %d", bare.Revision, got.Revision)
		}
	}
}

// A change conflicts with changes of the meeting itself, and not with those of who
// is in it.
func TestConflictsAreOfTheMeetingItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	read := f.meeting(t).Revision
	f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer")).Expect(t, 201)
	f.host.Call(t, "PATCH "+f.participantPath(f.outsider), object{"role": "participant"}).Expect(t, 200)
	f.host.Call(t, "DELETE "+f.participantPath(f.outsider), nil).Expect(t, 204)
	rename(t, f.member, "Renamed")
	f.propagate(t)
	if now := f.meeting(t).Revision; now != read+4 {
		t.Fatalf("the revision went from %d to %d", read, now)
	}
	changed := testkit.As[meetings.Meeting](t, f.cohost.Call(t, "PATCH "+f.path, object{"revision": read, "title": "Mine"}).Expect(t, 200))
	if changed.Revision != read+5 {
		t.Errorf("revision %d, want %d", changed.Revision, read+5)
	}
	f.ChangesNothing(t, func() {
		for _, stale := range []int64{read, read + 4, changed.Revision + 1} {
			f.host.Call(t, "PATCH "+f.path, object{"revision": stale, "title": "Late"}).Refused(t, errs.Conflict)
			f.host.Call(t, "PATCH "+f.path, object{"revision": stale}).Refused(t, errs.Conflict)
		}
	})
	f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	f.host.Call(t, "PATCH "+f.path, object{"revision": changed.Revision, "title": "Late"}).Refused(t, errs.Conflict)
}

// Changes of one meeting's words at once: one of each revision is taken, though
// people come and go meanwhile.
func TestUpdatesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	read := f.meeting(t).Revision
	statuses := testkit.AtOnce(5, func(i int) int {
		if i == 0 {
			for range 4 {
				f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer"))
				f.host.Call(t, "DELETE "+f.participantPath(f.outsider), nil)
			}
			return 0
		}
		return f.cohost.Call(t, "PATCH "+f.path, object{"revision": read, "title": string(rune('A' + i))}).Status
	})
	counted := map[int]int{}
	for _, status := range statuses[1:] {
		counted[status]++
	}
	if counted[200] != 1 || counted[200]+counted[409]+counted[429] != 4 {
		t.Errorf("statuses %v, want one 200", counted)
	}
}
