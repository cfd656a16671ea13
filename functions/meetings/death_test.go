package meetings_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/dispatch"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// following is a person's new socket that follows the meeting's state and notes.
func (c *cast) following(t *testing.T, p *testkit.Person) *testkit.Socket {
	t.Helper()
	socket := p.Connect(t)
	for _, topic := range []string{"meetings/" + c.id, "meetings/" + c.id + "/notes"} {
		if got := socket.Ask(t, object{"action": "subscribe", "id": "s", "topic": topic}); got.Type != "subscribed" {
			t.Fatalf("subscribe %s: %s", topic, got.Raw)
		}
	}
	return socket
}

// subscribed are the topics that a socket follows, below the meeting's.
func (c *cast) subscribed(t *testing.T, socket *testkit.Socket) string {
	t.Helper()
	var topics []string
	for _, kind := range []string{"", "/notes"} {
		if c.Stored(t, "Realtime")["TOPIC#meetings/"+c.id+kind+"/CONNECTION#"+socket.ID] != nil {
			topics = append(topics, "state"+kind)
		}
	}
	return strings.Join(topics, " ")
}

// mark changes a row as a function does that dies right after its commit: its
// streams still go on.
func (c *cast) mark(t *testing.T, sk string, u table.Update) {
	t.Helper()
	if err := c.Tables.Data.Update(t.Context(), table.Key{PK: "MEETING#" + c.id, SK: sk}, u); err != nil {
		t.Fatal(err)
	}
}

// revoked counts the topics that a socket was told to have lost, by reason.
func revoked(t *testing.T, socket *testkit.Socket) map[string]int {
	t.Helper()
	told := map[string]int{}
	for _, frame := range socket.Frames(t) {
		if frame.Type == "revoked" {
			told[frame.Reason]++
		}
	}
	return told
}

func TestDeathBeforeTheStreamsOfTheRemovedEnded(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	gone, stays := c.following(t, c.member), c.following(t, c.observer)
	c.mark(t, "PARTICIPANT#"+c.member.ID, table.Update{Set: map[string]any{"status": "removed"}})
	c.host.Call(t, "DELETE "+c.seat(c.member), nil).Refused(t, errs.NotFound)
	if got := c.subscribed(t, gone); got != "" {
		t.Errorf("the removed still follow %s", got)
	}
	if told := revoked(t, gone); told["removed"] != 2 {
		t.Errorf("told %v", told)
	}
	if got := c.subscribed(t, stays); got != "state state/notes" {
		t.Errorf("another follows %q", got)
	}
	// Only who may remove may make others' streams end.
	c.observer.Call(t, "DELETE "+c.seat(c.member), nil).Refused(t, errs.Forbidden)
}

func TestDeathBeforeTheStreamsOfTheOldRoleEnded(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	before := c.following(t, c.member)
	c.mark(t, "PARTICIPANT#"+c.member.ID, table.Update{Set: map[string]any{"role": "observer"}})
	after := c.following(t, c.member)
	c.host.Call(t, "PATCH "+c.seat(c.member), object{"role": "observer"}).Expect(t, 200)
	if got := c.subscribed(t, before); got != "" {
		t.Errorf("in the old role they follow %s", got)
	}
	if told := revoked(t, before); told["role_changed"] != 2 {
		t.Errorf("told %v", told)
	}
	if got := c.subscribed(t, after); got != "state state/notes" {
		t.Errorf("in the new role they follow %q", got)
	}
	if told := revoked(t, after); len(told) > 0 {
		t.Errorf("in the new role they were told %v", told)
	}
}

func TestDeathBeforeTheStreamsOfTheMeetingEnded(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.host.Call(t, "POST "+c.path+"/start", nil).Expect(t, 200)
	socket := c.following(t, c.member)
	c.mark(t, "MEETING", table.Update{Set: map[string]any{"state": "concluded"}})
	c.host.Call(t, "POST "+c.path+"/end", nil).Refused(t, errs.Conflict)
	if got := c.subscribed(t, socket); got != "state" {
		t.Errorf("after the end they follow %q", got)
	}
	if told := revoked(t, socket); told["meeting_ended"] != 1 {
		t.Errorf("told %v", told)
	}
	// An append that had been let in before the end loses.
	for _, kind := range []string{"/notes#", "/transcript#"} {
		if stored := c.Stored(t, "Log"); !closedIn(stored, kind) {
			t.Errorf("%s is not closed: %v", kind, stored)
		}
	}
}

// A removal that commits, and then can't end the streams, answers nobody before
// a repetition has ended them.
func TestRepeatedRemovalEndsTheStreams(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	gone := c.following(t, c.member)
	p := platform.New(c.Env(), endpoint.Overrides{})
	begun := clock.NewManual(time.Now().Add(-36 * time.Second))
	dying, _, err := idempotency.New(p.Control(), begun).Begin(t.Context(), c.host.ID+" DELETE "+c.seat(c.member), "k", nil, nil)
	if err != nil || dying == nil {
		t.Fatalf("begin: %v, %v", dying, err)
	}
	d := c.behind(t, func(w http.ResponseWriter, op, body string) bool {
		if op != "Query" || !strings.Contains(body, "TOPIC#") {
			return false
		}
		http.Error(w, "{}", http.StatusInternalServerError)
		return true
	})
	remove := meetings.RemoveRequest{MeetingID: c.id, UserID: c.member.ID}
	_, effects, err := d.Meetings().Remove(t.Context(), by(c.host), dying, remove)
	if err != nil || len(effects) != 1 {
		t.Fatalf("removed: %v, %v", effects, err)
	}
	if err := dispatch.New(d.Publisher(), d.Audit()).Dispatch(t.Context(), effects[0]); err == nil || c.subscribed(t, gone) == "" {
		t.Fatalf("the revocation went through: %v", err)
	}
	c.host.Call(t, "DELETE "+c.seat(c.member), nil, testkit.Key("k")).Expect(t, 204)
	if got := c.subscribed(t, gone); got != "" {
		t.Errorf("the removed still follow %s", got)
	}
	if told := revoked(t, gone); told["removed"] != 2 {
		t.Errorf("told %v", told)
	}
	c.consistent(t)
}

// Who is invited again while a removal is repeated keeps what they subscribe.
func TestInvitedAgainWhileARemovalIsRepeated(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.mark(t, "PARTICIPANT#"+c.member.ID, table.Update{Set: map[string]any{"status": "removed"}})
	var again *testkit.Socket
	invited := sync.OnceFunc(func() {
		c.host.Call(t, "POST "+c.path+"/participants", invitee(c.member, "participant")).Expect(t, 201)
		again = c.following(t, c.member)
	})
	d := c.behind(t, func(_ http.ResponseWriter, op, body string) bool {
		if op == "Query" && strings.Contains(body, "TOPIC#") {
			invited() // the topics are read at once: the others wait
		}
		return false
	})
	_, effects, err := d.Meetings().Remove(t.Context(), by(c.host), nil, meetings.RemoveRequest{MeetingID: c.id, UserID: c.member.ID})
	if !errs.Is(err, errs.NotFound) || len(effects) != 1 {
		t.Fatalf("got %v, %v", effects, err)
	}
	if err := dispatch.New(d.Publisher(), d.Audit()).Dispatch(t.Context(), effects[0]); err != nil || again == nil {
		t.Fatalf("the revocation: %v", err)
	}
	if got := c.subscribed(t, again); got != "state state/notes" {
		t.Errorf("invited again, they follow %q", got)
	}
	if told := revoked(t, again); len(told) > 0 {
		t.Errorf("invited again, they were told %v", told)
	}
}

func closedIn(stored testkit.Stored, kind string) bool {
	for key, item := range stored {
		if strings.Contains(key, kind) && item["k"] == "closed" {
			return true
		}
	}
	return false
}
