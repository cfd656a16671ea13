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
func (f *fixture) following(t *testing.T, p *testkit.Person) *testkit.Socket {
	t.Helper()
	socket := p.Connect(t)
	for _, topic := range []string{"meetings/" + f.id, "meetings/" + f.id + "/notes"} {
		if got := socket.Ask(t, object{"action": "subscribe", "id": "s", "topic": topic}); got.Type != "subscribed" {
			t.Fatalf("subscribe %s: %s", topic, got.Raw)
		}
	}
	return socket
}

// subscribed are the topics that a socket follows, below the meeting's.
func (f *fixture) subscribed(t *testing.T, socket *testkit.Socket) string {
	t.Helper()
	var topics []string
	for _, kind := range []string{"", "/notes"} {
		if f.Stored(t, "Realtime")["TOPIC#meetings/"+f.id+kind+"/CONNECTION#"+socket.ID] != nil {
			topics = append(topics, "state"+kind)
		}
	}
	return strings.Join(topics, " ")
}

// mark changes a row as a function does that dies right after its commit: its
// streams still go on.
func (f *fixture) mark(t *testing.T, sk string, u table.Update) {
	t.Helper()
	if err := f.Tables.Data.Update(t.Context(), table.Key{PK: "MEETING#" + f.id, SK: sk}, u); err != nil {
		t.Fatal(err)
	}
}

// revoked counts the topics that a socket was told to have lost, by reason.
func revoked(t *testing.T, socket *testkit.Socket) map[string]int {
	t.Helper()
	received := map[string]int{}
	for _, frame := range socket.Frames(t) {
		if frame.Type == "revoked" {
			received[frame.Reason]++
		}
	}
	return received
}

func TestCrashBeforeARemovalRevokes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone, stays := f.following(t, f.member), f.following(t, f.observer)
	f.mark(t, "PARTICIPANT#"+f.member.ID, table.Update{Set: map[string]any{"status": "removed"}})
	f.host.Call(t, "DELETE "+f.participantPath(f.member), nil).Refused(t, errs.NotFound)
	if got := f.subscribed(t, gone); got != "" {
		t.Errorf("the removed still follow %s", got)
	}
	if received := revoked(t, gone); received["removed"] != 2 {
		t.Errorf("told %v", received)
	}
	if got := f.subscribed(t, stays); got != "state state/notes" {
		t.Errorf("another follows %q", got)
	}
	// Only who may remove may make others' streams end.
	f.observer.Call(t, "DELETE "+f.participantPath(f.member), nil).Refused(t, errs.Forbidden)
}

func TestCrashBeforeARoleChangeRevokes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.following(t, f.member)
	f.mark(t, "PARTICIPANT#"+f.member.ID, table.Update{Set: map[string]any{"role": "observer"}})
	after := f.following(t, f.member)
	f.host.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "observer"}).Expect(t, 200)
	if got := f.subscribed(t, before); got != "" {
		t.Errorf("in the old role they follow %s", got)
	}
	if received := revoked(t, before); received["role_changed"] != 2 {
		t.Errorf("told %v", received)
	}
	if got := f.subscribed(t, after); got != "state state/notes" {
		t.Errorf("in the new role they follow %q", got)
	}
	if received := revoked(t, after); len(received) > 0 {
		t.Errorf("in the new role they were told %v", received)
	}
}

func TestCrashBeforeAnEndRevokes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	socket := f.following(t, f.member)
	f.mark(t, "MEETING", table.Update{Set: map[string]any{"state": "concluded"}})
	f.host.Call(t, "POST "+f.path+"/end", nil).Refused(t, errs.Conflict)
	if got := f.subscribed(t, socket); got != "state" {
		t.Errorf("after the end they follow %q", got)
	}
	if received := revoked(t, socket); received["meeting_ended"] != 1 {
		t.Errorf("told %v", received)
	}
	// An append that had been let in before the end loses.
	for _, kind := range []string{"/notes#", "/transcript#"} {
		if stored := f.Stored(t, "Log"); !closedIn(stored, kind) {
			t.Errorf("%s is not closed: %v", kind, stored)
		}
	}
}

// A removal that commits, and then can't end the streams, answers nobody before
// a repetition has ended them.
func TestRepeatedRemovalRevokes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone := f.following(t, f.member)
	p := platform.New(f.Env(), endpoint.Overrides{})
	begun := clock.NewManual(time.Now().Add(-36 * time.Second))
	dying, _, err := idempotency.New(p.Control(), begun).Begin(t.Context(), f.host.ID+" DELETE "+f.participantPath(f.member), "k", nil, nil)
	if err != nil || dying == nil {
		t.Fatalf("begin: %v, %v", dying, err)
	}
	d := f.behind(t, func(w http.ResponseWriter, op, body string) bool {
		if op != "Query" || !strings.Contains(body, "TOPIC#") {
			return false
		}
		http.Error(w, "{}", http.StatusInternalServerError)
		return true
	})
	remove := meetings.RemoveRequest{MeetingID: f.id, UserID: f.member.ID}
	_, effects, err := d.Meetings().Remove(t.Context(), asCaller(f.host), dying, remove)
	if err != nil || len(effects) != 1 {
		t.Fatalf("removed: %v, %v", effects, err)
	}
	if err := dispatch.New(d.Publisher(), d.Audit()).Dispatch(t.Context(), effects[0]); err == nil || f.subscribed(t, gone) == "" {
		t.Fatalf("the revocation went through: %v", err)
	}
	f.host.Call(t, "DELETE "+f.participantPath(f.member), nil, testkit.Key("k")).Expect(t, 204)
	if got := f.subscribed(t, gone); got != "" {
		t.Errorf("the removed still follow %s", got)
	}
	if received := revoked(t, gone); received["removed"] != 2 {
		t.Errorf("told %v", received)
	}
	f.consistent(t)
}

// Who is invited again while a removal is repeated keeps what they subscribe.
func TestInvitedAgainWhileARemovalIsRepeated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mark(t, "PARTICIPANT#"+f.member.ID, table.Update{Set: map[string]any{"status": "removed"}})
	var again *testkit.Socket
	invited := sync.OnceFunc(func() {
		f.host.Call(t, "POST "+f.path+"/participants", invitee(f.member, "participant")).Expect(t, 201)
		again = f.following(t, f.member)
	})
	d := f.behind(t, func(_ http.ResponseWriter, op, body string) bool {
		if op == "Query" && strings.Contains(body, "TOPIC#") {
			invited() // the topics are read at once: the others wait
		}
		return false
	})
	_, effects, err := d.Meetings().Remove(t.Context(), asCaller(f.host), nil, meetings.RemoveRequest{MeetingID: f.id, UserID: f.member.ID})
	if !errs.Is(err, errs.NotFound) || len(effects) != 1 {
		t.Fatalf("got %v, %v", effects, err)
	}
	if err := dispatch.New(d.Publisher(), d.Audit()).Dispatch(t.Context(), effects[0]); err != nil || again == nil {
		t.Fatalf("the revocation: %v", err)
	}
	if got := f.subscribed(t, again); got != "state state/notes" {
		t.Errorf("invited again, they follow %q", got)
	}
	if received := revoked(t, again); len(received) > 0 {
		t.Errorf("invited again, they were told %v", received)
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
