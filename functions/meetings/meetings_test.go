package meetings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.User("ben")
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	began := time.Now().UTC().Add(-time.Second)
	got := testkit.As[meetings.Meeting](t, ada.Call(t, "POST /v1/meetings", object{
		"title": "Plän 😀", "description": "What is next.", "scheduledAt": "2026-12-01T10:00:00+01:00", "durationMinutes": 45,
		"participants": list{invitee(ben, "observer"), invitee(ada, "host")},
	}).Expect(t, 201))
	want := meetings.Meeting{
		Title: "Plän 😀", Description: "What is next.", ScheduledAt: &at, DurationMinutes: 45, State: "scheduled",
		HostID: ada.ID, ParticipantCount: 2, Revision: 1,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(meetings.Meeting{}, "MeetingID", "CreatedAt", "UpdatedAt")); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if got.MeetingID == "" || got.CreatedAt.Before(began) || !got.CreatedAt.Equal(got.UpdatedAt) {
		t.Errorf("created %+v", got)
	}
	for _, p := range []*testkit.Person{ada, ben} {
		if diff := cmp.Diff(got, testkit.As[meetings.Meeting](t, p.Call(t, "GET /v1/meetings/"+got.MeetingID, nil))); diff != "" {
			t.Errorf("%s reads another meeting (-created +read):\n%s", p.ID, diff)
		}
	}
	people := testkit.As[meetings.List[meetings.Participant]](t, ben.Call(t, "GET /v1/meetings/"+got.MeetingID+"/participants", nil))
	wantPeople := meetings.List[meetings.Participant]{Items: []meetings.Participant{
		{UserID: "user_ada", DisplayName: "Ada Test", Role: "host"}, {UserID: "user_ben", DisplayName: "Ben Test", Role: "observer"},
	}}
	if diff := cmp.Diff(wantPeople, people, cmpopts.IgnoreFields(meetings.Participant{}, "InvitedAt")); diff != "" {
		t.Errorf("participants (-want +got):\n%s", diff)
	}
}

func TestCreateWithAHundred(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	f := &fixture{Harness: h, host: h.User("host")}
	invited := list{}
	for _, p := range f.members(meetings.MaxParticipants) {
		invited = append(invited, invitee(p, "participant"))
	}
	m := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST /v1/meetings", object{"title": "All", "participants": invited}))
	f.id, f.path = m.MeetingID, "/v1/meetings/"+m.MeetingID
	if got := len(f.participants(t)); m.ParticipantCount != 101 || got != 101 {
		t.Errorf("the meeting has %d, it says %d, want 101", got, m.ParticipantCount)
	}
	f.consistent(t)
	last := h.User("last")
	f.host.Call(t, "POST "+f.path+"/participants", invitee(last, "observer")).Refused(t, errs.Conflict)
	f.host.Call(t, "DELETE "+f.path+"/participants/user_guest-007", nil).Expect(t, 204)
	f.host.Call(t, "POST "+f.path+"/participants", invitee(last, "observer")).Expect(t, 201)
	f.consistent(t)
	invited = append(invited, invitee(last, "observer"))
	f.host.Call(t, "POST /v1/meetings", object{"title": "All", "participants": invited}).Refused(t, errs.Validation, "body.participants")
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.meeting(t)
	got := testkit.As[meetings.Meeting](t, f.cohost.Call(t, "PATCH "+f.path, object{
		"revision": before.Revision, "title": "Other", "description": "New.", "scheduledAt": "2026-12-01T10:00:00Z", "durationMinutes": 30,
	}).Expect(t, 200))
	at := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	want := before
	want.Title, want.Description, want.ScheduledAt, want.DurationMinutes, want.Revision = "Other", "New.", &at, 30, before.Revision+1
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(meetings.Meeting{}, "UpdatedAt")); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got, f.meeting(t)); diff != "" {
		t.Errorf("read again (-changed +read):\n%s", diff)
	}
	// One field alone leaves the others.
	got = testkit.As[meetings.Meeting](t, f.host.Call(t, "PATCH "+f.path, object{"revision": got.Revision, "description": ""}))
	if got.Title != "Other" || got.Description != "" || got.DurationMinutes != 30 || got.Revision != before.Revision+2 {
		t.Errorf("changed %+v", got)
	}
	f.ChangesNothing(t, func() {
		for _, revision := range []int64{1, before.Revision, got.Revision - 1, got.Revision + 1, 1 << 62} {
			f.host.Call(t, "PATCH "+f.path, object{"revision": revision, "title": "Late"}).Refused(t, errs.Conflict)
		}
	})
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	refused := func(verbs ...string) {
		t.Helper()
		f.ChangesNothing(t, func() {
			for _, verb := range verbs {
				f.host.Call(t, "POST "+f.path+"/"+verb, nil).Refused(t, errs.Conflict)
			}
		})
	}
	refused("end")
	revision := f.meeting(t).Revision
	started := testkit.As[meetings.Meeting](t, f.cohost.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200))
	if started.State != "active" || started.StartedAt == nil || started.EndedAt != nil || started.Revision != revision+1 {
		t.Errorf("started: %+v", started)
	}
	refused("start")
	f.host.Call(t, "PATCH "+f.path, object{"revision": started.Revision, "title": "During"}).Expect(t, 200)
	ended := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200))
	if ended.State != "concluded" || ended.EndedAt == nil || !ended.StartedAt.Equal(*started.StartedAt) || ended.Revision != revision+3 {
		t.Errorf("ended: %+v", ended)
	}
	refused("start", "end")
	f.ChangesNothing(t, func() {
		f.host.Call(t, "PATCH "+f.path, object{"revision": ended.Revision, "title": "Late"}).Refused(t, errs.Conflict)
		f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer")).Refused(t, errs.Conflict)
		f.member.Call(t, "POST "+f.path+"/notes/changes", change("late")).Refused(t, errs.MeetingNotActive)
	})
	// Reading goes on.
	for _, what := range []string{"", "/participants", "/notes", "/notes/changes"} {
		f.observer.Call(t, "GET "+f.path+what, nil).Expect(t, 200)
	}
	f.consistent(t)
}

// All that one call writes has one time, in whole milliseconds.
func TestTimesOfOneCallAgree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	invitedAt := func(p *testkit.Person) time.Time {
		t.Helper()
		for _, participant := range testkit.As[meetings.List[meetings.Participant]](t, f.host.Call(t, "GET "+f.path+"/participants", nil)).Items {
			if participant.UserID == p.ID {
				return participant.InvitedAt
			}
		}
		t.Fatalf("%s is not in the meeting", p.ID)
		return time.Time{}
	}
	agree := func(what string, m meetings.Meeting, at *time.Time) {
		t.Helper()
		if at == nil || !at.Equal(m.UpdatedAt) || !at.Equal(at.Truncate(time.Millisecond)) {
			t.Errorf("%s at %v, the meeting changed at %v", what, at, m.UpdatedAt)
		}
	}
	m := f.meeting(t)
	for _, p := range []*testkit.Person{f.host, f.member} {
		if at := invitedAt(p); !at.Equal(m.CreatedAt) {
			t.Errorf("%s was invited at %v, the meeting created at %v", p.ID, at, m.CreatedAt)
		}
	}
	f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer")).Expect(t, 201)
	at := invitedAt(f.outsider)
	agree("invited", f.meeting(t), &at)
	m = testkit.As[meetings.Meeting](t, f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200))
	agree("started", m, m.StartedAt)
	m = testkit.As[meetings.Meeting](t, f.host.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200))
	agree("ended", m, m.EndedAt)
}

// change is a change of the notes that inserts a text at their beginning.
func change(text string) object {
	return object{"baseVersion": 0, "clientId": "c", "clientSeq": 1, "ops": list{object{"type": "insert", "position": 0, "content": text}}}
}

func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.cohost.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	f.member.Call(t, "POST "+f.path+"/end", nil).Refused(t, errs.Forbidden)
	f.outsider.Call(t, "GET "+f.path, nil).Refused(t, errs.Forbidden)
	found := map[string]int{}
	for key, entry := range f.Stored(t, "Audit") {
		if strings.HasPrefix(key, "AUDIT#meetings/"+f.id+"/") {
			found[strings.Join([]string{entry["userId"].(string), entry["action"].(string), entry["result"].(string)}, " ")]++
		}
		if entry["requestId"] == nil || entry["sessionId"] == nil {
			t.Errorf("an entry without request or session: %v", entry)
		}
	}
	want := map[string]int{
		"user_host meetings.create done": 1, "user_host meetings.remove done": 1, "user_cohost meetings.start done": 1,
		"user_member meetings.end denied": 1, "user_outsider meetings.get denied": 1,
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
