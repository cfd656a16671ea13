package users_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/testkit"
)

type object = map[string]any

// The event of a session ends it at once: tokens, tickets and sockets, and
// nothing of another session of the same person.
func TestSessionRevoked(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	elsewhere := *ada
	elsewhere.Session = "session_ada_elsewhere"
	meeting := testkit.As[struct{ MeetingID string }](t, ada.Call(t, "POST /v1/meetings", object{"title": "Plan"})).MeetingID
	state, notes := "meetings/"+meeting, "meetings/"+meeting+"/notes"
	first, second, other := ada.Connect(t), ada.Connect(t), elsewhere.Connect(t)
	for _, s := range []*testkit.Socket{first, second, other} {
		for _, topic := range []string{state, notes} {
			if got := s.Ask(t, object{"action": "subscribe", "id": "1", "topic": topic}); got.Type != "subscribed" {
				t.Fatalf("subscribe: %s", got.Raw)
			}
		}
	}
	unspent := testkit.As[struct{ Ticket string }](t, ada.Call(t, "POST /v1/realtime/tickets", nil)).Ticket

	for _, name := range []string{"the event", "the event again"} {
		if got := testkit.As[struct{ Handled bool }](t, ada.Revoke(t)); !got.Handled {
			t.Errorf("%s: not handled", name)
		}
		for _, s := range []*testkit.Socket{first, second} {
			revoked := map[string]string{}
			for _, frame := range s.Frames(t) {
				if frame.Type == "revoked" {
					revoked[frame.Topic] += frame.Reason
				}
			}
			if len(revoked) != 2 || revoked[state] != "session_ended" || revoked[notes] != "session_ended" {
				t.Errorf("%s: told %v, want session_ended once on both topics", name, revoked)
			}
			if s.Open() {
				t.Errorf("%s: the socket is open", name)
			}
			for key := range h.Stored(t, "Realtime") {
				if strings.Contains(key, s.ID) {
					t.Errorf("%s: %s is left", name, key)
				}
			}
		}
	}
	if !other.Open() || len(other.Events(t, state)) != 1 {
		t.Error("the socket of another session has ended")
	}
	ada.Call(t, "GET /v1/me", nil).Refused(t, errs.Unauthorized)
	if _, status := ada.Handshake(t, map[string][]string{"ticket": {unspent}}); status != 401 {
		t.Errorf("a ticket of the ended session: status %d, want 401", status)
	}
	elsewhere.Call(t, "POST /v1/meetings/"+meeting+"/start", nil).Expect(t, 200)
	if got := len(other.Events(t, state)); got != 2 {
		t.Errorf("%d states over the socket that goes on, want 2", got)
	}
	for name, s := range map[string]*testkit.Socket{"first": first, "second": second} {
		if got := len(s.Events(t, state)); got != 1 {
			t.Errorf("%s: %d states, want only the one from before", name, got)
		}
	}
	if ended := audited(t, h, "sessions.end"); ended != 2 {
		t.Errorf("the end is audited %d times, want once an event", ended)
	}
	if begun, ended := audited(t, h, "realtime.subscribe"), audited(t, h, "realtime.unsubscribe"); begun != 6 || ended != 4 {
		t.Errorf("audited %d subscriptions and %d ends, want 6 and 4", begun, ended)
	}
}

func audited(t *testing.T, h *testkit.Harness, action string) (n int) {
	t.Helper()
	for _, entry := range h.Stored(t, "Audit") {
		if entry["action"] == action && entry["result"] == "done" {
			n++
		}
	}
	return n
}

// A function died after it had marked the session: the event comes again, and
// what is left is done.
func TestSessionRevokedAfterACrash(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	s := ada.Connect(t)
	s.Ask(t, object{"action": "subscribe", "id": "1", "topic": "users/" + ada.ID})
	if err := ada.EndSession(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada.Revoke(t).Expect(t, 200)
	frames := s.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "revoked" || last.Reason != "session_ended" || s.Open() {
		t.Errorf("told %s, open %v; want revoked and closed", last.Raw, s.Open())
	}
}

// A socket that hangs keeps nobody from ending its session.
func TestSessionOfAHangingSocket(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	s := ada.Connect(t)
	s.Ask(t, object{"action": "subscribe", "id": "1", "topic": "users/" + ada.ID})
	s.Hang()
	ada.Revoke(t).Expect(t, 200)
	for key := range h.Stored(t, "Realtime") {
		if strings.Contains(key, s.ID) {
			t.Errorf("%s is left", key)
		}
	}
}

// A session of somebody who was never here ends all the same, and nobody's else;
// neither does one of that name elsewhere.
func TestSessionOfANewcomer(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.Newcomer("ben")
	s := ada.Connect(t)
	if got := testkit.As[struct{ Handled bool }](t, ben.Revoke(t)); !got.Handled {
		t.Error("not handled")
	}
	ben.Call(t, "GET /v1/me", nil).Refused(t, errs.Unauthorized)
	if h.Directory.Lookups() != 0 || len(h.Stored(t, "Data")) != 3 {
		t.Error("somebody whose session has ended was made a user")
	}
	if ended := audited(t, h, "sessions.end"); ended != 0 || !s.Open() {
		t.Errorf("%d ends are audited, ada's socket is open: %v", ended, s.Open())
	}
	ben.Session = "session_of_the_next_day"
	ben.Call(t, "GET /v1/me", nil).Expect(t, 200)
	ada.Call(t, "GET /v1/me", nil).Expect(t, 200)
}

// The user id in an event is the provider's: ours means nobody there.
func TestSessionRevokedByOurID(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	s := ada.Connect(t)
	h.Webhook(t, object{"id": "event_1", "event": "session.revoked", "data": object{"id": "session_other", "user_id": ada.ID}}).Expect(t, 200)
	if !s.Open() || audited(t, h, "sessions.end") != 0 {
		t.Error("ada was taken for whom the event names")
	}
}

func TestRefusedWebhooks(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	ada.Connect(t)
	event := func(data any) object { return object{"id": "event_1", "event": "session.revoked", "data": data} }
	good := event(object{"id": ada.Session, "user_id": ada.Subject})
	signed := func(secret string, at time.Time) testkit.Option {
		return testkit.Header(workos.SignatureHeader, workos.Sign(secret, at, []byte(`{}`)))
	}
	h.ChangesNothing(t, func() {
		for _, option := range []testkit.Option{
			testkit.Header(workos.SignatureHeader, ""),
			testkit.Header(workos.SignatureHeader, "t=1, v1=00"),
			signed("whsec_other", time.Now()),
			signed(testkit.WebhookSecret, time.Now()), // of another body
			testkit.Bearer(ada.Token(t)),
		} {
			h.Webhook(t, good, testkit.Header(workos.SignatureHeader, ""), option).Refused(t, errs.Unauthorized)
		}
		h.Webhook(t, "{}", signed(testkit.WebhookSecret, time.Now().Add(-time.Hour))).Refused(t, errs.Unauthorized)
		h.Webhook(t, "not JSON").Refused(t, errs.Validation, "body")
		h.Webhook(t, object{"id": "event_1"}).Refused(t, errs.Validation, "body.data", "body.event")
		h.Webhook(t, event("ada")).Refused(t, errs.Validation, "body.data")
		h.Webhook(t, event(object{"user_id": ada.Subject})).Refused(t, errs.Validation, "body.data.id")
		h.Webhook(t, event(object{"id": ada.Session})).Refused(t, errs.Validation, "body.data.user_id")
		other := object{"id": "event_2", "event": "user.updated", "data": object{"id": ada.Subject}}
		if got := testkit.As[struct{ Handled bool }](t, h.Webhook(t, other)); got.Handled {
			t.Error("an event that means nothing here was handled")
		}
	})
}
