package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/client"
)

// scene is a meeting in which one person writes all the time and another, who
// is about to lose it, follows and keeps on asking for more.
type scene struct {
	t               *testing.T
	r               *suite
	host, pen, lost *client.Client
	id, topic       string
	// seen is all that reached the loser, over all their sockets; told what
	// reached the writer.
	seen, revokedAt *recorder

	stop  chan struct{}
	group sync.WaitGroup

	mu      sync.Mutex
	sockets []*client.Socket
}

func newScene(ctx context.Context, t *testing.T, r *suite) *scene {
	t.Helper()
	s := &scene{
		t: t, r: r, seen: &recorder{}, stop: make(chan struct{}),
		host: signIn(ctx, t, r, "ada"), pen: signIn(ctx, t, r, "linus"), lost: signIn(ctx, t, r, "grace"),
	}
	s.id = meeting(ctx, t, s.host, s.pen, s.lost)
	s.topic = "meetings/" + s.id + "/notes"
	return s
}

// again runs f until the scene is over.
func (s *scene) again(f func(n int) bool) {
	s.group.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-s.stop:
				return
			default:
			}
			if !f(n) {
				return
			}
		}
	})
}

// open opens a socket of the loser's, which is not an error where it can't be.
func (s *scene) open(ctx context.Context) (*client.Socket, error) {
	socket, err := s.lost.Open(ctx, s.seen.add)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = append(s.sockets, socket)
	return socket, nil
}

// play lets the writer write and the loser follow; with asking, the loser goes
// on subscribing and heartbeating over the first socket, and with opening, they
// go on opening others.
func (s *scene) play(ctx context.Context, asking, opening bool) *client.Socket {
	s.t.Helper()
	writer, reported := open(ctx, s.t, s.pen)
	s.revokedAt = reported
	first, err := s.open(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	subscribe(ctx, s.t, writer, "meetings/"+s.id)
	subscribe(ctx, s.t, first, "meetings/"+s.id)
	subscribe(ctx, s.t, first, s.topic)
	if _, err := first.Ask(ctx, s.beat(1)); err != nil {
		s.t.Fatal(err)
	}
	s.again(func(n int) bool {
		_, err := insert(ctx, writer, s.id, "w", n)
		if err != nil && !refusedWith(err, "MEETING_NOT_ACTIVE") {
			s.t.Errorf("write: %v", err)
		}
		return err == nil
	})
	if asking {
		// Refused once it is over; before, it makes the race tighter.
		s.again(func(int) bool {
			_, err := first.Ask(ctx, map[string]any{"action": "subscribe", "topic": s.topic})
			return !errors.Is(err, client.ErrCut)
		})
		s.again(func(n int) bool {
			_, err := first.Ask(ctx, s.beat(n+1))
			return !errors.Is(err, client.ErrCut)
		})
	}
	if opening {
		s.again(func(int) bool {
			socket, err := s.open(ctx)
			if err != nil {
				time.Sleep(20 * time.Millisecond) // ten are open, or it is over
				return true
			}
			// It may be over before it is asked.
			_, _ = socket.Ask(ctx, map[string]any{"action": "subscribe", "topic": s.topic})
			return true
		})
	}
	eventually(s.t, "some changes to arrive", func() bool { return s.seen.highest(s.topic) > 3 })
	return first
}

func (s *scene) beat(seq int) map[string]any {
	return map[string]any{"action": "presence", "topic": "meetings/" + s.id, "clientId": "g", "seq": seq, "status": "active"}
}

// over waits until more was written, where that is possible, and holds that the
// loser has seen nothing of it.
func (s *scene) over(ctx context.Context, after int64, more bool) {
	s.t.Helper()
	if more {
		eventually(s.t, "changes after the end", func() bool { return version(ctx, s.t, s.host, s.id) > after+5 })
	}
	close(s.stop)
	s.group.Wait()
	if got := s.seen.highest(s.topic); got > after {
		s.t.Errorf("version %d reached who had lost it; %d was the newest after the answer", got, after)
	}
}

// departed reports whether the loser's presence has ended for the writer.
func (s *scene) departed() bool {
	s.revokedAt.mu.Lock()
	defer s.revokedAt.mu.Unlock()
	for _, frame := range s.revokedAt.frames {
		for _, present := range frame.Left {
			if present.UserID == s.lost.UserID {
				return true
			}
		}
	}
	return false
}

const rounds = 3

// Whoever is removed gets no frame that was committed after the removal was
// answered, while others go on writing and they go on subscribing.
func TestRemovalLeavesNoGap(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	for range rounds {
		s := newScene(ctx, t, r)
		socket := s.play(ctx, true, false)
		if err := s.host.Do(ctx, http.MethodDelete, "/v1/meetings/"+s.id+"/participants/"+s.lost.UserID, nil, nil); err != nil {
			t.Fatal(err)
		}
		s.over(ctx, version(ctx, t, s.host, s.id), true)
		if reason := s.seen.revoked(s.topic); reason != "removed" {
			t.Errorf("revoked with reason %q, want removed", reason)
		}
		eventually(t, "the others to know that they have left", s.departed)
		for what, frame := range map[string]map[string]any{
			"subscribe": {"action": "subscribe", "topic": s.topic}, "presence": s.beat(1_000_000),
		} {
			if _, err := socket.Ask(ctx, frame); !refusedWith(err, "FORBIDDEN") {
				t.Errorf("%s after the removal: %v, want FORBIDDEN", what, err)
			}
		}
		if _, err := insert(ctx, socket, s.id, "late", 1); !refusedWith(err, "FORBIDDEN") {
			t.Errorf("an edit after the removal: %v, want FORBIDDEN", err)
		}
	}
}

// A new role ends what the old one had subscribed, and holds for edits at once.
func TestRoleChangeLeavesNoGap(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	for range rounds {
		s := newScene(ctx, t, r)
		socket := s.play(ctx, false, false)
		seat := "/v1/meetings/" + s.id + "/participants/" + s.lost.UserID
		if err := s.host.Do(ctx, http.MethodPatch, seat, map[string]string{"role": "observer"}, nil); err != nil {
			t.Fatal(err)
		}
		s.over(ctx, version(ctx, t, s.host, s.id), true)
		if reason := s.seen.revoked(s.topic); reason != "role_changed" {
			t.Errorf("revoked with reason %q, want role_changed", reason)
		}
		if _, err := insert(ctx, socket, s.id, "late", 1); !refusedWith(err, "FORBIDDEN") {
			t.Errorf("an observer's edit: %v, want FORBIDDEN", err)
		}
		newest := version(ctx, t, s.host, s.id)
		if answer := subscribe(ctx, t, socket, s.topic); answer.Position != newest {
			t.Errorf("subscribed again at %d, want %d", answer.Position, newest)
		}
		if _, err := socket.Ask(ctx, s.beat(2)); err != nil {
			t.Errorf("an observer's presence: %v", err)
		}
	}
}

// After a meeting's end nothing is committed to its notes, and nobody follows
// them any more.
func TestEndOfMeetingLeavesNoGap(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	for range rounds {
		s := newScene(ctx, t, r)
		socket := s.play(ctx, true, false)
		if err := s.host.Do(ctx, http.MethodPost, "/v1/meetings/"+s.id+"/end", nil, nil); err != nil {
			t.Fatal(err)
		}
		after := version(ctx, t, s.host, s.id)
		s.over(ctx, after, false)
		if got := version(ctx, t, s.host, s.id); got != after {
			t.Errorf("the notes went on from %d to %d after the end was answered", after, got)
		}
		if reason := s.seen.revoked(s.topic); reason != "meeting_ended" {
			t.Errorf("revoked with reason %q, want meeting_ended", reason)
		}
		eventually(t, "everybody to have left", s.departed)
		for what, frame := range map[string]map[string]any{
			"subscribe": {"action": "subscribe", "topic": s.topic}, "presence": s.beat(1_000_000),
		} {
			if _, err := socket.Ask(ctx, frame); !refusedWith(err, "MEETING_NOT_ACTIVE") {
				t.Errorf("%s after the end: %v, want MEETING_NOT_ACTIVE", what, err)
			}
		}
	}
}

// When a person's sessions end, all their sockets are notified and closed, those
// that they were just opening too; nothing committed after the answer reaches
// them, and their tokens are refused. A new session is as good as any.
func TestEndedSessionsLeaveNoGap(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	for round := range rounds {
		s := newScene(ctx, t, r)
		other, err := client.SignIn(ctx, r.base(), "grace")
		if err != nil {
			t.Fatal(err)
		}
		s.play(ctx, true, true)
		revoke(ctx, t, r, "grace")
		s.over(ctx, version(ctx, t, s.host, s.id), true)
		if reason := s.seen.revoked(s.topic); reason != "session_ended" {
			t.Errorf("revoked with reason %q, want session_ended", reason)
		}
		eventually(t, "the others to know that they have left", s.departed)
		eventually(t, strconv.Itoa(len(s.sockets))+" sockets to be closed", func() bool {
			for _, socket := range s.sockets {
				select {
				case <-socket.Done():
				default:
					return false
				}
			}
			return true
		})
		for _, c := range []*client.Client{s.lost, other} {
			err := c.Do(ctx, http.MethodGet, "/v1/me", nil, nil)
			if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Code != "UNAUTHORIZED" {
				t.Errorf("round %d: a token of an ended session: %v, want UNAUTHORIZED", round, err)
			}
		}
	}
	again := signIn(ctx, t, r, "grace")
	if err := again.Do(ctx, http.MethodGet, "/v1/me", nil, nil); err != nil {
		t.Errorf("a new session: %v", err)
	}
}

// Sessions are remembered over a crash: those from before can be revoked.
func TestRevokeAfterARestart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, t.TempDir())
	grace := signIn(ctx, t, r, "grace")
	if err := grace.Do(ctx, http.MethodGet, "/v1/me", nil, nil); err != nil {
		t.Fatal(err)
	}
	r.kill()
	r.run()
	if err := grace.Do(ctx, http.MethodGet, "/v1/me", nil, nil); err != nil {
		t.Fatal(err)
	}
	revoke(ctx, t, r, "grace")
	err := grace.Do(ctx, http.MethodGet, "/v1/me", nil, nil)
	if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Code != "UNAUTHORIZED" {
		t.Errorf("a token from before the restart: %v, want UNAUTHORIZED", err)
	}
}

// The secret of webhooks rotates between them, and the function takes them at once.
func TestRevokeAfterARotation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	for range 2 {
		grace := signIn(ctx, t, r, "grace")
		revoke(ctx, t, r, "grace")
		err := grace.Do(ctx, http.MethodGet, "/v1/me", nil, nil)
		if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Code != "UNAUTHORIZED" {
			t.Errorf("a token of an ended session: %v, want UNAUTHORIZED", err)
		}
		post(ctx, t, r, "/dev/rotate", "{}")
	}
}

// revoke ends all sessions of a local person.
func revoke(ctx context.Context, t *testing.T, r *suite, user string) {
	t.Helper()
	post(ctx, t, r, "/dev/revoke", `{"user":"`+user+`"}`)
}

// post asks the runner for something.
func post(ctx context.Context, t *testing.T, r *suite, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // reading is over
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, response.StatusCode, text, err)
	}
}
