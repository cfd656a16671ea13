package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// fake is a server of one topic, whose misbehaviour the test decides.
type fake struct {
	t   *testing.T
	url string
	// newest is the topic's newest position.
	mu     sync.Mutex
	newest int64
	// asked are the frames that came, by socket.
	asked   []string
	sockets []*websocket.Conn
	// answer, where it is set, answers a frame in its own way; it is false where
	// the usual answer is to be given.
	answer func(conn *websocket.Conn, frame map[string]any) bool
}

func startFake(t *testing.T) *fake {
	f := &fake{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /dev/token", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"accessToken":"t","userId":"user_ada","expiresIn":3600}`)
	})
	mux.HandleFunc("POST /v1/realtime/tickets", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"url":%q}`, strings.Replace(f.url, "http", "ws", 1)+"/socket")
	})
	mux.HandleFunc("GET /socket", f.serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	f.mu.Lock()
	f.sockets = append(f.sockets, conn)
	f.mu.Unlock()
	for {
		_, raw, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		var frame map[string]any
		if err := json.Unmarshal(raw, &frame); err != nil {
			f.t.Error(err)
		}
		f.mu.Lock()
		f.asked = append(f.asked, string(raw))
		own := f.answer
		f.mu.Unlock()
		if own != nil && own(conn, frame) {
			continue
		}
		f.usual(conn, frame)
	}
}

// usual answers as the contract says.
func (f *fake) usual(conn *websocket.Conn, frame map[string]any) {
	switch frame["action"] {
	case "subscribe":
		f.mu.Lock()
		newest := f.newest
		f.mu.Unlock()
		f.send(conn, `{"type":"subscribed","id":%q,"topic":%q,"position":%d}`, frame["id"], frame["topic"], newest)
		from, _ := frame["from"].(float64)
		f.events(conn, int64(from)+1, newest)
	case "edit":
		f.send(conn, `{"type":"ack","id":%q,"version":1,"ops":[]}`, frame["id"])
	}
}

func (f *fake) send(conn *websocket.Conn, format string, args ...any) {
	if err := conn.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		f.t.Logf("the fake server could not send: %v", err)
	}
}

const topic = "meetings/m/notes"

// events sends the positions from one to another in one frame.
func (f *fake) events(conn *websocket.Conn, from, to int64) {
	var events []string
	for at := from; at <= to; at++ {
		events = append(events, fmt.Sprintf(`{"position":%d,"at":"2026-01-01T00:00:00Z","data":{"version":%d}}`, at, at))
	}
	if events != nil {
		f.send(conn, `{"type":"event","topic":%q,"events":[%s]}`, topic, strings.Join(events, ","))
	}
}

// commit makes positions exist and gives the newest socket.
func (f *fake) commit(n int64) *websocket.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest += n
	return f.sockets[len(f.sockets)-1]
}

func (f *fake) frames(action string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.asked), func(raw string) bool { return !strings.Contains(raw, `"action":"`+action+`"`) })
}

// listener is a line with what it was given.
type listener struct {
	line   *Connection
	follow *Follow
	mu     sync.Mutex
	got    []int64
	moved  int
	NoObserver
}

func (l *listener) Opened(_ time.Duration, moved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if moved {
		l.moved++
	}
}

func listen(t *testing.T, f *fake) *listener {
	t.Helper()
	c, err := SignIn(t.Context(), f.url, "ada")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{}
	l.line = c.NewConnection(ConnectionOptions{Observer: l, Pause: func(int) time.Duration { return time.Millisecond }})
	l.follow = l.line.Follow(topic, FollowOptions{Event: func(e Event, _ time.Time) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, e.Position)
	}})
	if err := l.line.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// reaches waits until every position up to one came, once and in order.
func (l *listener) reaches(t *testing.T, newest int64) {
	t.Helper()
	var got []int64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		got = slices.Clone(l.got)
		l.mu.Unlock()
		if int64(len(got)) >= newest {
			break
		}
	}
	var want []int64
	for at := int64(1); at <= newest; at++ {
		want = append(want, at)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want 1 to %d", got, newest)
	}
}

func TestEventsComeOnceAndInOrder(t *testing.T) {
	f := startFake(t)
	l := listen(t, f)
	conn := f.commit(3)
	f.events(conn, 2, 3) // early
	f.events(conn, 1, 2) // with one that is known
	f.events(conn, 1, 3) // again
	l.reaches(t, 3)
	if c := l.follow.Counts(); c.Duplicates < 2 || c.Early != 2 {
		t.Errorf("counts %+v", c)
	}
}

func TestWhatIsMissingIsAskedFor(t *testing.T) {
	f := startFake(t)
	l := listen(t, f)
	f.events(f.commit(5), 4, 5) // 1 to 3 never come by themselves
	l.reaches(t, 5)
	f.send(f.commit(2), `{"type":"head","topic":%q,"position":7}`, topic) // nor do 6 and 7
	l.reaches(t, 7)
	f.commit(1)
	l.follow.Known(8, "") // from an answer
	l.reaches(t, 8)
	all := strings.Join(f.frames("subscribe"), "\n")
	for _, from := range []string{`"from":0`, `"from":5`, `"from":7`} {
		if !strings.Contains(all, from) {
			t.Errorf("nobody asked %s:\n%s", from, all)
		}
	}
}

func TestASocketThatIsCutComesBackWhereItWas(t *testing.T) {
	f := startFake(t)
	l := listen(t, f)
	f.events(f.commit(2), 1, 2)
	l.reaches(t, 2)
	f.commit(3)
	l.line.Cut()
	l.reaches(t, 5)
	if all := f.frames("subscribe"); !strings.Contains(all[len(all)-1], `"from":2`) {
		t.Errorf("subscriptions %v", all)
	}
}

// A move loses nothing and repeats nothing, although the old socket goes on
// delivering, and a question that waits there is answered there.
func TestMovingToANewSocket(t *testing.T) {
	f := startFake(t)
	l := listen(t, f)
	f.events(f.commit(2), 1, 2)
	l.reaches(t, 2)
	old := f.commit(0)
	held := make(chan map[string]any, 1)
	f.mu.Lock()
	f.answer = func(_ *websocket.Conn, frame map[string]any) bool {
		if frame["action"] == "edit" {
			held <- frame
			return true
		}
		return false
	}
	f.mu.Unlock()
	answered := make(chan error, 1)
	go func() {
		_, err := l.line.Ask(t.Context(), map[string]any{"action": "edit"})
		answered <- err
	}()
	edit := <-held
	f.send(old, `{"type":"reconnect","before":"2026-01-01T00:00:00Z"}`)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		moved := l.moved
		l.mu.Unlock()
		if moved == 1 {
			break
		}
	}
	current := f.commit(2)
	if current == old {
		t.Fatal("nobody moved")
	}
	f.events(old, 3, 3)
	f.events(current, 3, 4)
	l.reaches(t, 4)
	f.send(old, `{"type":"ack","id":%q,"version":4,"ops":[]}`, edit["id"])
	if err := <-answered; err != nil {
		t.Errorf("the question that waited: %v", err)
	}
	if n := len(f.frames("edit")); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

// Busy, cut: the same bytes are sent again until there is an answer.
func TestAskSendsTheSameBytesAgain(t *testing.T) {
	f := startFake(t)
	l := listen(t, f)
	tries := 0
	f.mu.Lock()
	f.answer = func(conn *websocket.Conn, frame map[string]any) bool {
		if frame["action"] != "edit" {
			return false
		}
		tries++
		switch tries {
		case 1:
			f.send(conn, `{"type":"error","id":%q,"code":"RATE_LIMITED","detail":"busy","retryable":true}`, frame["id"])
		case 2:
			_ = conn.CloseNow()
		default:
			return false
		}
		return true
	}
	f.mu.Unlock()
	answer, err := l.line.Ask(t.Context(), map[string]any{"action": "edit", "clientSeq": 1, "ops": []int{1, 2}})
	if err != nil || answer.Version != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	all := f.frames("edit")
	if len(all) != 3 || all[0] != all[1] || all[1] != all[2] {
		t.Errorf("sent %v", all)
	}
	f.mu.Lock()
	f.answer = func(conn *websocket.Conn, frame map[string]any) bool {
		f.send(conn, `{"type":"error","id":%q,"code":"FORBIDDEN","detail":"no"}`, frame["id"])
		return true
	}
	f.mu.Unlock()
	if _, err := l.line.Ask(t.Context(), map[string]any{"action": "edit"}); err == nil || !strings.Contains(err.Error(), "FORBIDDEN") {
		t.Errorf("a refusal for good: %v", err)
	}
}

func TestARevokedTopicIsOver(t *testing.T) {
	f := startFake(t)
	c, err := SignIn(t.Context(), f.url, "ada")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 2)
	line := c.NewConnection(ConnectionOptions{Pause: func(int) time.Duration { return time.Millisecond }})
	line.Follow(topic, FollowOptions{Event: func(Event, time.Time) { t.Error("an event after the end") }, Refused: func(err error) { over <- err }})
	if err := line.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := f.commit(1)
	f.send(conn, `{"type":"revoked","topic":%q,"reason":"removed"}`, topic)
	if err := <-over; !strings.Contains(err.Error(), "removed") {
		t.Error(err)
	}
	f.events(conn, 1, 1)
	line.Cut()
	if _, err := line.Ask(t.Context(), map[string]any{"action": "edit"}); err != nil {
		t.Errorf("the line is of no use any more: %v", err)
	}
	if n := len(f.frames("subscribe")); n != 1 {
		t.Errorf("%d subscriptions, want the first alone", n)
	}
}

func TestFastTyping(t *testing.T) {
	var last [FastEdits]time.Time
	now := time.Unix(1000, 0)
	for i, want := range []bool{false, false, false, true, true} {
		now = now.Add(200 * time.Millisecond)
		if got := Fast(&last, now); got != want {
			t.Errorf("edit %d: fast is %v", i+1, got)
		}
	}
	if Fast(&last, now.Add(time.Minute)) {
		t.Error("an edit after a minute is fast")
	}
}
