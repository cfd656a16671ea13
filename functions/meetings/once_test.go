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
func (c *cast) titled(t *testing.T, title string) int {
	t.Helper()
	n := 0
	for _, item := range c.Stored(t, "Data") {
		if item["SK"] == "MEETING" && item["title"] == title {
			n++
		}
	}
	return n
}

func TestSameKeySameAnswer(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	requests := []struct {
		line string
		body any
	}{
		{"POST /v1/meetings", plan},
		{"PATCH " + c.path, object{"revision": c.meeting(t).Revision, "title": "Other"}},
		{"POST " + c.path + "/participants", invitee(c.stranger, "observer")},
		{"PATCH " + c.seat(c.observer), object{"role": "participant"}},
		{"DELETE " + c.seat(c.member), nil},
		{"POST " + c.path + "/start", nil},
		{"POST " + c.path + "/end", nil},
	}
	var first []testkit.Answer
	for _, r := range requests {
		first = append(first, c.host.Call(t, r.line, r.body, testkit.Key("k")))
	}
	// Long after, and though none of them would be possible any more.
	c.ChangesNothing(t, func() {
		for i, r := range requests {
			again := c.host.Call(t, r.line, r.body, testkit.Key("k"))
			first[i].Header.Del("X-Request-Id")
			again.Header.Del("X-Request-Id")
			if diff := cmp.Diff(first[i], again); diff != "" || again.Status > 299 {
				t.Errorf("%s, again (-first +again):\n%s", r.line, diff)
			}
		}
	})
	c.consistent(t)
}

func TestKeysBelongToUserMethodAndPath(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	other := c.path
	c.meet(t)
	key := testkit.Key("k")
	c.host.Call(t, "POST /v1/meetings", plan, key).Expect(t, 201)
	c.ChangesNothing(t, func() {
		c.host.Call(t, "POST /v1/meetings", ` { "title" : "\u004fnce" } `, key).Expect(t, 201)
		c.host.Call(t, "POST /v1/meetings", `{"title":"Twice"}`, key).Refused(t, errs.Conflict)
	})
	c.member.Call(t, "POST /v1/meetings", plan, key).Expect(t, 201)
	c.host.Call(t, "POST "+c.path+"/start", nil, key).Expect(t, 200)
	c.host.Call(t, "POST "+other+"/start", nil, key).Expect(t, 200)
	c.host.Call(t, "POST "+c.path+"/end", nil, key).Expect(t, 200)
	if got := c.titled(t, "Once"); got != 2 {
		t.Errorf("%d meetings, want one of each of two people", got)
	}
	for _, bad := range []string{strings.Repeat("k", 256)} {
		c.host.Call(t, "POST /v1/meetings", plan, testkit.Key(bad)).Refused(t, errs.Validation, "header.Idempotency-Key")
	}
	c.host.Call(t, "POST /v1/meetings", plan, testkit.Key(strings.Repeat("k", 255))).Expect(t, 201)
}

func TestRefusedRequestsKeepTheirKey(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	key := testkit.Key("k")
	c.ChangesNothing(t, func() {
		c.member.Call(t, "POST "+c.path+"/start", nil, key).Refused(t, errs.Forbidden)
		c.host.Call(t, "POST /v1/meetings", `{"title":""}`, key).Refused(t, errs.Validation, "body.title")
		c.host.Call(t, "POST /v1/meetings", `{"title":"x","participants":[{"userId":"user_nobody","role":"observer"}]}`, key).
			Refused(t, errs.Validation, "body.participants[0].userId")
		c.host.Call(t, "DELETE "+c.seat(c.stranger), nil, key).Refused(t, errs.NotFound)
		c.host.Call(t, "POST "+c.path+"/end", nil, key).Refused(t, errs.Conflict)
	})
	c.host.Call(t, "PATCH "+c.seat(c.member), object{"role": "co-host"}).Expect(t, 200)
	c.member.Call(t, "POST "+c.path+"/start", nil, key).Expect(t, 200)
	c.host.Call(t, "POST /v1/meetings", plan, key).Expect(t, 201)
	c.host.Call(t, "POST "+c.path+"/participants", invitee(c.stranger, "observer")).Expect(t, 201)
	c.host.Call(t, "DELETE "+c.seat(c.stranger), nil, key).Expect(t, 204)
	c.host.Call(t, "POST "+c.path+"/end", nil, key).Expect(t, 200)
}

func TestDuplicatesAtOnce(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	ids := map[string]bool{}
	for _, answer := range testkit.AtOnce(6, func(int) testkit.Answer {
		return c.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k"))
	}) {
		if answer.Status == 409 {
			answer.Refused(t, errs.Conflict)
			continue
		}
		ids[testkit.As[meetings.Meeting](t, answer).MeetingID] = true
	}
	if got := c.titled(t, "Once"); len(ids) != 1 || got != 1 {
		t.Errorf("%d meetings were answered, %d are stored, want 1", len(ids), got)
	}
}

// A provider that failed is asked again with the same key.
func TestProviderThatFails(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	newcomer := c.Newcomer("newcomer")
	c.Directory.Down(500)
	newcomer.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Refused(t, errs.Provider)
	c.Directory.Down(0)
	newcomer.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Expect(t, 201)
	if got := c.titled(t, "Once"); got != 1 {
		t.Errorf("%d meetings", got)
	}
}

// execution is one that a function began and died in: the door's own steps, as
// far as they got.
func (c *cast) execution(t *testing.T, begun time.Time) (*meetings.Service, caller.Caller, *idempotency.Execution) {
	t.Helper()
	d := composition.New(c.Env(), endpoint.Overrides{})
	store := idempotency.New(d.Control(), clock.NewManual(begun))
	execution, _, err := store.Begin(t.Context(), c.host.ID+" POST /v1/meetings", "k", nil, []byte(plan))
	if err != nil || execution == nil {
		t.Fatalf("begin: %v, %v", execution, err)
	}
	return d.Meetings(), caller.Caller{UserID: c.host.ID, DisplayName: c.host.DisplayName, SessionID: "s", RequestID: "r"}, execution
}

func TestDeathAfterTheCommit(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	service, author, dying := c.execution(t, time.Now().Add(-36*time.Second))
	want, _, err := service.Create(t.Context(), author, dying, meetings.CreateRequest{Title: "Once"})
	if err != nil {
		t.Fatal(err)
	}
	// It never answers, and never says that it has ended.
	got := testkit.As[meetings.Meeting](t, c.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Expect(t, 201))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("another answer (-committed +answered):\n%s", diff)
	}
	if got := c.titled(t, "Once"); got != 1 {
		t.Errorf("%d meetings, want 1", got)
	}
}

func TestDeathBeforeTheCommit(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	service, author, dying := c.execution(t, time.Now().Add(-36*time.Second))
	got := testkit.As[meetings.Meeting](t, c.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Expect(t, 201))
	// It wasn't dead, only slow: now it is too late.
	if late, _, err := service.Create(t.Context(), author, dying, meetings.CreateRequest{Title: "Once"}); !errs.Is(err, errs.Conflict) {
		t.Errorf("the one that was taken over creates %+v: %v", late, err)
	}
	if stored := c.titled(t, "Once"); stored != 1 || c.Stored(t, "Data")["MEETING#"+got.MeetingID+"/MEETING"] == nil {
		t.Errorf("%d meetings, want the one that was answered", stored)
	}
}

func TestUnderWay(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.execution(t, time.Now())
	c.ChangesNothing(t, func() {
		c.host.Call(t, "POST /v1/meetings", `{"title":"Other"}`, testkit.Key("k")).Refused(t, errs.Conflict)
		// This one waits, and waits in vain.
		c.host.Call(t, "POST /v1/meetings", plan, testkit.Key("k")).Refused(t, errs.Conflict)
	})
}
