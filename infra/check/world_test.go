package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

type object = map[string]any

// world speaks to a runner's public doors.
type world struct {
	t          *testing.T
	base, wsAt string
	keys       int
}

type person struct{ id, token string }

func newWorld(t *testing.T, base, socket string) *world {
	return &world{t: t, base: base, wsAt: socket}
}

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

// socket is an open WebSocket whose frames are read as they come.
type socket struct {
	ctx    context.Context
	w      *world
	conn   *websocket.Conn
	frames chan object
	ids    int
}

func (w *world) socket(ctx context.Context, as *person) *socket {
	w.t.Helper()
	ticket := w.call(as, "POST /v1/realtime/tickets", nil, 200)["url"].(string)
	conn, response, err := websocket.Dial(ctx, ticket, nil)
	if err != nil {
		w.t.Fatalf("open a socket: %v (%v)", err, response)
	}
	const longest = 64 << 10
	conn.SetReadLimit(longest)
	s := &socket{ctx: ctx, w: w, conn: conn, frames: make(chan object, 10000)}
	go s.read()
	return s
}

func (s *socket) read() {
	defer close(s.frames)
	for {
		_, text, err := s.conn.Read(s.ctx)
		if err != nil {
			return
		}
		var frame object
		if json.Unmarshal(text, &frame) == nil {
			s.frames <- frame
		}
	}
}

// ask sends a frame and wants an answer of a type.
func (s *socket) ask(frame object, want string) object {
	s.w.t.Helper()
	id := s.send(frame)
	answer := s.next(fmt.Sprintf("the answer to %v", frame), func(f object) bool { return f["id"] == id })
	if answer["type"] != want {
		s.w.t.Fatalf("%v got %v, want %s", frame, answer, want)
	}
	return answer
}

// burst sends frames at once and waits until each is answered.
func (s *socket) burst(n int, frame func(int) object) {
	s.w.t.Helper()
	waiting := map[string]bool{}
	for i := range n {
		waiting[s.send(frame(i))] = true
	}
	for len(waiting) > 0 {
		got := s.next("an answer to a burst", func(f object) bool { id, _ := f["id"].(string); return waiting[id] })
		delete(waiting, got["id"].(string))
	}
}

// expect waits for a frame of a type that nobody asked for.
func (s *socket) expect(kind string) {
	s.w.t.Helper()
	s.next("a frame "+kind, func(f object) bool { return f["type"] == kind })
}

func (s *socket) send(frame object) string {
	s.w.t.Helper()
	s.ids++
	frame["id"] = strconv.Itoa(s.ids)
	text, err := json.Marshal(frame)
	if err != nil {
		s.w.t.Fatal(err)
	}
	if err := s.conn.Write(s.ctx, websocket.MessageText, text); err != nil {
		s.w.t.Fatalf("send %s: %v", text, err)
	}
	return frame["id"].(string)
}

func (s *socket) next(what string, is func(object) bool) object {
	s.w.t.Helper()
	for {
		select {
		case frame, open := <-s.frames:
			if !open {
				s.w.t.Fatalf("the socket closed before %s came", what)
			}
			if is(frame) {
				return frame
			}
		case <-s.ctx.Done():
			s.w.t.Fatalf("%s did not come", what)
		}
	}
}

func (s *socket) close() {
	if err := s.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		s.w.t.Log("close:", err)
	}
}
