package check

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/infra/client"
)

type object = map[string]any

// world speaks to a runner's public doors.
type world struct {
	t    *testing.T
	base string
	keys int
}

type person struct{ id, token string }

func newWorld(t *testing.T, base string) *world { return &world{t: t, base: base} }

func (w *world) signIn(name string) *person {
	w.t.Helper()
	answer := w.call(nil, "POST /dev/token", object{"user": name}, 200)
	return &person{id: answer["userId"].(string), token: answer["accessToken"].(string)}
}

// call makes one request, mutations twice under one key, and wants a status.
func (w *world) call(as *person, route string, body object, want int) object {
	w.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	w.keys++
	key := "key-" + strconv.Itoa(w.keys)
	answer := w.once(as, method, path, key, body, want)
	if method != http.MethodGet && as != nil && want < http.StatusBadRequest {
		w.once(as, method, path, key, body, want)
	}
	return answer
}

func (w *world) once(as *person, method, path, key string, body object, want int) object {
	w.t.Helper()
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, content)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if as != nil {
		request.Header.Set("Authorization", "Bearer "+as.token)
		if method != http.MethodGet {
			request.Header.Set("Idempotency-Key", key)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if response.StatusCode != want {
		w.t.Errorf("%s %s: %d, want %d: %s", method, path, response.StatusCode, want, text)
	}
	var answer object
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			w.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	return answer
}

// until waits for something that happens behind the answers.
func (w *world) until(ctx context.Context, what string, done func() bool) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			w.t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// socket is somebody's open WebSocket.
type socket struct {
	ctx  context.Context
	w    *world
	open *client.Socket
	// pushed are the types of the frames that nobody asked for.
	pushed chan string
}

// manyFrames is more than a scenario is sent.
const manyFrames = 10_000

func (w *world) socket(ctx context.Context, name string) *socket {
	w.t.Helper()
	person, err := client.SignIn(ctx, w.base, name)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &socket{ctx: ctx, w: w, pushed: make(chan string, manyFrames)}
	if s.open, err = person.Open(ctx, func(f client.Frame) { s.pushed <- f.Type }); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// crowd opens as many sockets of one person as may be open, and asks for one more,
// with a new ticket and with one from before: who lets it in, or not, looks which of
// the others are still there.
func (w *world) crowd(ctx context.Context, name string) {
	w.t.Helper()
	const sockets = 10
	person := w.signIn(name)
	early := w.call(person, "POST /v1/realtime/tickets", nil, 200)["url"].(string)
	for range sockets {
		s := w.socket(ctx, name)
		defer s.open.Cut()
	}
	w.call(person, "POST /v1/realtime/tickets", nil, 429)
	conn, _, err := websocket.Dial(ctx, early, nil) //nolint:bodyclose // the library closes it
	if err == nil {
		_ = conn.CloseNow()
		w.t.Errorf("%s opened %d sockets", name, sockets+1)
	}
}

// ask sends a frame and wants an answer of a type.
func (s *socket) ask(frame object, want string) {
	s.w.t.Helper()
	answer, err := s.open.Ask(s.ctx, frame)
	if answer.Type != want {
		s.w.t.Fatalf("%v got %q (%v), want %s", frame, answer.Type, err, want)
	}
}

// burst sends frames at once and waits until each is answered, in whatever way.
func (s *socket) burst(n int, frame func(int) object) {
	s.w.t.Helper()
	var group errgroup.Group
	for i := range n {
		group.Go(func() error {
			answer, err := s.open.Ask(s.ctx, frame(i))
			if answer.Type == "" {
				return err
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		s.w.t.Fatal(err)
	}
}

// expect waits for a frame of a type that nobody asked for.
func (s *socket) expect(kind string) {
	s.w.t.Helper()
	for {
		select {
		case got := <-s.pushed:
			if got == kind {
				return
			}
		case <-s.ctx.Done():
			s.w.t.Fatalf("no frame %s came", kind)
		}
	}
}
