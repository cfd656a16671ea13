package meetings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

const plan = `{"title":"Once"}`

// titled counts the stored meetings of a title.
func (f *fixture) titled(t *testing.T, title string) int {
	t.Helper()
	n := 0
	for _, item := range f.Stored(t, "Data") {
		if item["SK"] == "MEETING" && item["title"] == title {
			n++
		}
	}
	return n
}

func TestSameKeySameAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	requests := []struct {
		line string
		body any
	}{
		{"POST /v1/meetings", plan},
		{"PATCH " + f.path, object{"revision": f.meeting(t).Revision, "title": "Other"}},
		{"POST " + f.path + "/participants", invitee(f.outsider, "observer")},
		{"PATCH " + f.participantPath(f.observer), object{"role": "participant"}},
		{"DELETE " + f.participantPath(f.member), nil},
		{"POST " + f.path + "/start", nil},
		{"POST " + f.path + "/end", nil},
	}
	var first []testkit.Answer
	for _, r := range requests {
		first = append(first, f.host.Call(t, r.line, r.body, testkit.Key("k")))
	}
	// Long after, and though none of them would be possible any more.
	f.ChangesNothing(t, func() {
		for i, r := range requests {
			again := f.host.Call(t, r.line, r.body, testkit.Key("k"))
			first[i].Header.Del("X-Request-Id")
			again.Header.Del("X-Request-Id")
			if diff := cmp.Diff(first[i], again); diff != "" || again.Status > 299 {
				t.Errorf("%s, again (-first +again):\n%s", r.line, diff)
			}
		}
	})
	f.consistent(t)
}

func TestKeysBelongToUserMethodAndPath(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.path
	f.start(t)
	key := testkit.Key("k")
	f.host.Call(t, "POST /v1/meetings", plan, key).Expect(t, 201)
	f.ChangesNothing(t, func() {
		f.host.Call(t, "POST /v1/meetings", ` { "title" : "\u004fnce" } `, key).Expect(t, 201)
		f.host.Call(t, "POST /v1/meetings", `{"title":"Twice"}`, key).Refused(t, errs.Conflict)
	})
	f.member.Call(t, "POST /v1/meetings", plan, key).Expect(t, 201)
	f.host.Call(t, "POST "+f.path+"/start", nil, key).Expect(t, 200)
	f.host.Call(t, "POST "+other+"/start", nil, key).Expect(t, 200)
	f.host.Call(t, "POST "+f.path+"/end", nil, key).Expect(t, 200)
	if got := f.titled(t, "Once"); got != 2 {
		t.Errorf("%d meetings, want one of each of two people", got)
	}
	for _, bad := range []string{strings.Repeat("k", 256)} {
		f.host.Call(t, "POST /v1/meetings", plan, testkit.Key(bad)).Refused(t, errs.Validation, "header.Idempotency-Key")
	}
	f.host.Call(t, "POST /v1/meetings", plan, testkit.Key(strings.Repeat("k", 255))).Expect(t, 201)
}

func TestRefusedRequestsKeepTheirKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := testkit.Key("k")
	f.ChangesNothing(t, func() {
		f.member.Call(t, "POST "+f.path+"/start", nil, key).Refused(t, errs.Forbidden)
		f.host.Call(t, "POST /v1/meetings", `{"title":""}`, key).Refused(t, errs.Validation, "body.title")
		f.host.Call(t, "POST /v1/meetings", `{"title":"x","participants":[{"userId":"user_nobody","role":"observer"}]}`, key).
			Refused(t, errs.Validation, "body.participants[0].userId")
		f.host.Call(t, "DELETE "+f.participantPath(f.outsider), nil, key).Refused(t, errs.NotFound)
		f.host.Call(t, "POST "+f.path+"/end", nil, key).Refused(t, errs.Conflict)
	})
	f.host.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "co-host"}).Expect(t, 200)
	f.member.Call(t, "POST "+f.path+"/start", nil, key).Expect(t, 200)
	f.host.Call(t, "POST /v1/meetings", plan, key).Expect(t, 201)
	f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer")).Expect(t, 201)
	f.host.Call(t, "DELETE "+f.participantPath(f.outsider), nil, key).Expect(t, 204)
	f.host.Call(t, "POST "+f.path+"/end", nil, key).Expect(t, 200)
}

func TestDuplicatesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := map[string]bool{}
	for _, answer := range testkit.AtOnce(6, func(int) testkit.Answer {
		return f.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k"))
	}) {
		if answer.Status == 409 {
			answer.Refused(t, errs.Conflict)
			continue
		}
		ids[testkit.As[meetings.Meeting](t, answer).MeetingID] = true
	}
	if got := f.titled(t, "Once"); len(ids) != 1 || got != 1 {
		t.Errorf("%d meetings were answered, %d are stored, want 1", len(ids), got)
	}
}

// A provider that failed is asked again with the same key.
func TestProviderThatFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	newcomer := f.Newcomer("newcomer")
	f.Directory.Down(500)
	newcomer.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Refused(t, errs.Provider)
	f.Directory.Down(0)
	newcomer.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Expect(t, 201)
	if got := f.titled(t, "Once"); got != 1 {
		t.Errorf("%d meetings", got)
	}
}

// execution is one that a function began and died in: the adapter's own steps, as
// far as they got.
func (f *fixture) execution(t *testing.T, begun time.Time) (*meetings.Service, caller.Caller, *idempotency.Execution) {
	t.Helper()
	d := composition.New(f.Env(), endpoint.Overrides{})
	store := idempotency.New(d.Control(), clock.NewManual(begun))
	execution, _, err := store.Begin(t.Context(), f.host.ID+" POST /v1/meetings", "k", nil, []byte(plan))
	if err != nil || execution == nil {
		t.Fatalf("begin: %v, %v", execution, err)
	}
	return d.Meetings(), caller.Caller{UserID: f.host.ID, DisplayName: f.host.DisplayName, SessionID: "s", RequestID: "r"}, execution
}

func TestCrashAfterTheCommit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	service, author, dying := f.execution(t, time.Now().Add(-36*time.Second))
	want, _, err := service.Create(t.Context(), author, dying, meetings.CreateRequest{Title: "Once"})
	if err != nil {
		t.Fatal(err)
	}
	// It never answers, and never says that it has ended.
	got := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Expect(t, 201))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("another answer (-committed +answered):\n%s", diff)
	}
	if got := f.titled(t, "Once"); got != 1 {
		t.Errorf("%d meetings, want 1", got)
	}
}

func TestCrashBeforeTheCommit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	service, author, dying := f.execution(t, time.Now().Add(-36*time.Second))
	got := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Expect(t, 201))
	// It wasn't dead, only slow: now it is too late.
	if late, _, err := service.Create(t.Context(), author, dying, meetings.CreateRequest{Title: "Once"}); !errs.Is(err, errs.Conflict) {
		t.Errorf("the one that was taken over creates %+v: %v", late, err)
	}
	if stored := f.titled(t, "Once"); stored != 1 || f.Stored(t, "Data")["MEETING#"+got.MeetingID+"/MEETING"] == nil {
		t.Errorf("%d meetings, want the one that was answered", stored)
	}
}

func TestUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.execution(t, time.Now())
	f.ChangesNothing(t, func() {
		f.host.Call(t, "POST /v1/meetings", `{"title":"Other"}`, testkit.Key("k")).Refused(t, errs.Conflict)
		// This one waits, and waits in vain.
		f.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Refused(t, errs.Conflict)
	})
}
