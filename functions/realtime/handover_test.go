package realtime_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

// ticketOf gives the query of a handshake.
func ticketOf(t *testing.T, p *testkit.Person) url.Values {
	t.Helper()
	ticket := testkit.As[struct{ Ticket string }](t, p.Call(t, "POST /v1/realtime/tickets", nil))
	return url.Values{"ticket": {ticket.Ticket}}
}

// A socket near its end is asked to move over, by whatever frame it sends.
func TestReconnect(t *testing.T) {
	t.Parallel()
	s := testkit.New(t, functions.All()).User("ben").Connect(t)
	if got := s.Ask(t, map[string]any{"action": "ping", "id": "0"}); got.Type != "pong" || len(s.Frames(t)) != 1 {
		t.Fatalf("a young socket is told %v", s.Frames(t))
	}
	opened := time.Now()
	s.Age(t, time.Hour+55*time.Minute)
	end := opened.Add(5 * time.Minute)
	for _, frame := range []any{
		map[string]any{"action": "ping", "id": "1"},
		map[string]any{"action": "subscribe", "id": "2", "topic": "meetings/other"},
		map[string]any{"action": "dance", "id": "3"},
	} {
		before := len(s.Frames(t))
		s.Send(t, frame)
		frames := s.Frames(t)[before:]
		if len(frames) != 2 || frames[1].Type != "reconnect" {
			t.Fatalf("%v: got %d frames, want an answer and reconnect", frame, len(frames))
		}
		var got struct{ Before time.Time }
		if err := json.Unmarshal(frames[1].Raw, &got); err != nil {
			t.Fatal(err)
		}
		if got.Before.After(end) || got.Before.Before(end.Add(-2*time.Minute)) {
			t.Errorf("%v: before %v, want a little before %v", frame, got.Before, end)
		}
		s.Send(t, frame)
		if got := s.Frames(t)[before+2:]; len(got) != 1 {
			t.Errorf("%v: told again at once", frame)
		}
	}
}

// Who has ten sockets can still move over: those near their end don't count.
func TestHandoverBeyondTenSockets(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	early, late := ticketOf(t, ada), ticketOf(t, ada)
	var sockets []*testkit.Socket
	for range 10 {
		sockets = append(sockets, ada.Connect(t))
	}
	if _, status := ada.Handshake(t, early); status != 429 {
		t.Fatalf("the eleventh socket: status %d, want 429", status)
	}
	// A page can't read that status, but it can read this.
	refused := ada.Call(t, "POST /v1/realtime/tickets", nil).Refused(t, errs.RateLimited)
	if want := "You have 10 connections open. Please close one."; refused.Detail != want {
		t.Errorf("a ticket for the eleventh socket: %q, want %q", refused.Detail, want)
	}
	for _, s := range sockets[:2] {
		s.Age(t, time.Hour+52*time.Minute)
	}
	for range 2 {
		sockets = append(sockets, ada.Connect(t))
	}
	if _, status := ada.Handshake(t, late); status != 429 {
		t.Errorf("a third socket for two: status %d, want 429", status)
	}
	ada.Call(t, "POST /v1/realtime/tickets", nil).Refused(t, errs.RateLimited)
	for _, s := range sockets {
		if !s.Open() {
			t.Errorf("%s was closed", s.ID)
		}
	}
}

// Sockets whose end nobody was notified of make place for new ones.
func TestSocketsThatAreGoneMakePlace(t *testing.T) {
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	for range 10 {
		ada.Connect(t).Vanish()
	}
	ada.Connect(t)
}
