package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/client"
)

// beat says that a client has a meeting open.
func beat(ctx context.Context, t testing.TB, socket *client.Socket, meetingID, clientID string, seq int) {
	t.Helper()
	_, err := socket.Ask(ctx, map[string]any{
		"action": "presence", "topic": "meetings/" + meetingID, "clientId": clientID, "seq": seq, "status": "active",
	})
	if err != nil {
		t.Fatalf("presence: %v", err)
	}
}

// presence is what a socket was notified of a user: how often they came, and left.
func (r *recorder) presence(userID string) (here, left int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, frame := range r.frames {
		for _, present := range frame.Here {
			if present.UserID == userID {
				here++
			}
		}
		for _, present := range frame.Left {
			if present.UserID == userID {
				left++
			}
		}
	}
	return here, left
}

// metric is a figure at /metrics, summed over its labels.
func metric(t testing.TB, r *suite, name string) float64 {
	t.Helper()
	response, err := http.Get(r.base() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, found := range regexp.MustCompile(`(?m)^`+name+`(?:\{[^}]*\})? (\S+)$`).FindAllSubmatch(text, -1) {
		value, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum
}

// A window that closes is told as left within ten seconds, give or take what a
// busy machine needs; one that reloads isn't told at all.
func TestAClosedWindowLeavesAndAReloadStays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada, grace, linus := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "grace"), signIn(ctx, t, r, "linus")
	id := meeting(ctx, t, ada, grace, linus)
	watcher, seen := open(ctx, t, linus)
	subscribe(ctx, t, watcher, "meetings/"+id)
	closing, _ := open(ctx, t, ada)
	beat(ctx, t, closing, id, "ada-1", 1)
	reloading, _ := open(ctx, t, grace)
	beat(ctx, t, reloading, id, "grace-1", 1)
	eventually(t, "both are there", func() bool {
		a, _ := seen.presence(ada.UserID)
		g, _ := seen.presence(grace.UserID)
		return a == 1 && g == 1
	})

	closed := time.Now()
	closing.Cut()
	reloading.Cut()
	again, _ := open(ctx, t, grace)
	time.Sleep(time.Second) // a client is heard once a second
	beat(ctx, t, again, id, "grace-1", 2)
	eventually(t, "ada has left", func() bool { _, left := seen.presence(ada.UserID); return left > 0 })
	t.Logf("told %v after the socket closed", time.Since(closed).Round(10*time.Millisecond))
	eventually(t, "both messages are done", func() bool { return metric(t, r, "rapport_messages_total") == 2 })
	if here, left := seen.presence(grace.UserID); here != 1 || left != 0 {
		t.Errorf("of the reload others saw: came %d times, left %d times", here, left)
	}
	if here, left := seen.presence(ada.UserID); here != 1 || left != 1 {
		t.Errorf("of the closed window others saw: came %d times, left %d times", here, left)
	}
}

// A message that was sent survives kill -9 of everything.
func TestMessagesSurviveAKill(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, t.TempDir())
	ada, linus := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "linus")
	id := meeting(ctx, t, ada, linus)
	closing, _ := open(ctx, t, ada)
	beat(ctx, t, closing, id, "ada-1", 1)
	closing.Cut()
	eventually(t, "the message is kept", func() bool { return metric(t, r, "rapport_queue_delayed") == 1 })
	r.kill()
	r.run()
	linus = signIn(ctx, t, r, "linus")
	eventually(t, "ada is not shown any more", func() bool {
		socket, seen := open(ctx, t, linus)
		defer socket.Cut()
		subscribe(ctx, t, socket, "meetings/"+id)
		reported := func() bool {
			seen.mu.Lock()
			defer seen.mu.Unlock()
			for _, frame := range seen.frames {
				if frame.Type == "presence" {
					return true
				}
			}
			return false
		}
		eventually(t, "presence is told", reported)
		here, _ := seen.presence(ada.UserID)
		return here == 0
	})
	if taken := metric(t, r, "rapport_messages_total"); taken != 1 {
		t.Errorf("%v messages were taken after the kill", taken)
	}
}

// A scheduled function runs on request, and nothing else does.
func TestRunOnRequest(t *testing.T) {
	t.Parallel()
	r := start(t, ":memory:")
	c := signIn(t.Context(), t, r, "ada")
	var done struct {
		Texts *int `json:"texts"`
	}
	if err := c.Do(t.Context(), http.MethodPost, "/dev/run", map[string]string{"function": "notes/trim"}, &done); err != nil || done.Texts == nil {
		t.Errorf("%v %v", done, err)
	}
	for _, name := range []string{"notes/get", "realtime/leave", "nothing"} {
		err := c.Do(t.Context(), http.MethodPost, "/dev/run", map[string]string{"function": name}, nil)
		if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Status != http.StatusNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}
