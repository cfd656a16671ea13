package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// recorder keeps what comes over a socket.
type recorder struct {
	mu     sync.Mutex
	frames []client.Frame
}

func (r *recorder) add(f client.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, f)
}

// highest is the newest position of a topic that came, in events and heads.
func (r *recorder) highest(topic string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var highest int64
	for _, frame := range r.frames {
		if frame.Topic != topic {
			continue
		}
		highest = max(highest, frame.Position)
		for _, event := range frame.Events {
			highest = max(highest, event.Position)
		}
	}
	return highest
}

func (r *recorder) revoked(topic string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, frame := range r.frames {
		if frame.Type == "revoked" && frame.Topic == topic {
			return frame.Reason
		}
	}
	return ""
}

func open(ctx context.Context, t testing.TB, c *client.Client) (*client.Socket, *recorder) {
	t.Helper()
	seen := &recorder{}
	socket, err := c.Open(ctx, seen.add)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(socket.Cut)
	return socket, seen
}

func subscribe(ctx context.Context, t testing.TB, socket *client.Socket, topic string) client.Frame {
	t.Helper()
	answer, err := socket.Ask(ctx, map[string]any{"action": "subscribe", "topic": topic, "from": 0})
	if err != nil {
		t.Fatalf("subscribe %s: %v", topic, err)
	}
	return answer
}

// insert commits one change on its own, whatever others do.
func insert(ctx context.Context, socket *client.Socket, meetingID, clientID string, seq int) (client.Frame, error) {
	for {
		answer, err := socket.Ask(ctx, map[string]any{
			"action": "edit", "meetingId": meetingID, "baseVersion": 0, "clientId": clientID, "clientSeq": seq,
			"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: strconv.Itoa(seq)}},
		})
		if refused, ok := errors.AsType[*client.Refused](err); ok && refused.Again() {
			continue
		}
		return answer, err
	}
}

func version(ctx context.Context, t testing.TB, c *client.Client, meetingID string) int64 {
	t.Helper()
	var text struct{ Version int64 }
	if err := c.Do(ctx, http.MethodGet, "/v1/meetings/"+meetingID+"/notes", nil, &text); err != nil {
		t.Fatal(err)
	}
	return text.Version
}

func refusedWith(err error, code string) bool {
	refused, ok := errors.AsType[*client.Refused](err)
	return ok && refused.Code == code
}

// A role change ends the streams, and holds at once for open sockets.
func TestRoleChangeHoldsAtOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada, grace := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "grace")
	id := meeting(ctx, t, ada, grace)
	topic := "meetings/" + id + "/notes"
	socket, seen := open(ctx, t, grace)
	subscribe(ctx, t, socket, topic)
	if _, err := insert(ctx, socket, id, "c", 1); err != nil {
		t.Fatal(err)
	}
	role := map[string]string{"role": "observer"}
	if err := ada.Do(ctx, http.MethodPatch, "/v1/meetings/"+id+"/participants/"+grace.UserID, role, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := insert(ctx, socket, id, "c", 2); !refusedWith(err, "FORBIDDEN") {
		t.Errorf("an observer's edit: %v, want FORBIDDEN", err)
	}
	eventually(t, "role_changed", func() bool { return seen.revoked(topic) == "role_changed" })
	if answer := subscribe(ctx, t, socket, topic); answer.Position != 1 {
		t.Errorf("subscribed at %d, want 1", answer.Position)
	}
}

// A meeting's end ends all streams but its state's, and closes the notes.
func TestEndOfMeeting(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada, grace := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "grace")
	id := meeting(ctx, t, ada, grace)
	notes, state := "meetings/"+id+"/notes", "meetings/"+id
	socket, seen := open(ctx, t, grace)
	subscribe(ctx, t, socket, notes)
	subscribed := subscribe(ctx, t, socket, state)
	if _, err := insert(ctx, socket, id, "c", 1); err != nil {
		t.Fatal(err)
	}
	if err := ada.Do(ctx, http.MethodPost, "/v1/meetings/"+id+"/end", nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "meeting_ended", func() bool { return seen.revoked(notes) == "meeting_ended" })
	eventually(t, "the concluded state", func() bool { return seen.highest(state) > subscribed.Position })
	if _, err := insert(ctx, socket, id, "c", 2); !refusedWith(err, "MEETING_NOT_ACTIVE") {
		t.Errorf("an edit after the end: %v, want MEETING_NOT_ACTIVE", err)
	}
	if answer, err := insert(ctx, socket, id, "c", 1); err != nil || answer.Version != 1 {
		t.Errorf("the retry of a committed edit: version %d, %v; want its first answer", answer.Version, err)
	}
	if _, err := socket.Ask(ctx, map[string]any{"action": "subscribe", "topic": notes}); !refusedWith(err, "MEETING_NOT_ACTIVE") {
		t.Errorf("subscribe to the notes after the end: %v, want MEETING_NOT_ACTIVE", err)
	}
	subscribe(ctx, t, socket, state)
	if got := version(ctx, t, grace, id); got != 1 {
		t.Errorf("the notes are at %d, want 1", got)
	}
}

// A ticket opens one socket, however many try at once.
func TestTicketOpensOneSocket(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada := signIn(ctx, t, r, "ada")
	var ticket struct{ URL string }
	if err := ada.Do(ctx, http.MethodPost, "/v1/realtime/tickets", nil, &ticket); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	opened := 0
	for range 8 {
		group.Go(func() {
			conn, response, err := websocket.Dial(ctx, ticket.URL, nil) //nolint:bodyclose // the library closes it
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				opened++
				_ = conn.CloseNow()
			} else if response == nil || response.StatusCode != http.StatusUnauthorized {
				t.Errorf("a used ticket: %v, want 401", err)
			}
		})
	}
	group.Wait()
	if opened != 1 {
		t.Errorf("%d sockets opened with one ticket", opened)
	}
}

func TestRefusedFrames(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada, mallory := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "mallory")
	id := meeting(ctx, t, ada)
	socket, _ := open(ctx, t, mallory)
	own, _ := open(ctx, t, ada)
	tests := []struct {
		name   string
		socket *client.Socket
		frame  map[string]any
		want   string
	}{
		{"another's notes", socket, map[string]any{"action": "subscribe", "topic": "meetings/" + id + "/notes"}, "FORBIDDEN"},
		{"no such meeting", socket, map[string]any{"action": "subscribe", "topic": "meetings/none"}, "FORBIDDEN"},
		{"unknown kind", own, map[string]any{"action": "subscribe", "topic": "meetings/" + id + "/weather"}, "VALIDATION_ERROR"},
		{"from beyond the newest", own, map[string]any{"action": "subscribe", "topic": "meetings/" + id + "/notes", "from": 1}, "VALIDATION_ERROR"},
		{"unknown action", own, map[string]any{"action": "dance"}, "VALIDATION_ERROR"},
		{"an action that is a route", own, map[string]any{"action": "$connect"}, "VALIDATION_ERROR"},
		{"the other route", own, map[string]any{"action": "$disconnect"}, "VALIDATION_ERROR"},
		{"unknown field", own, map[string]any{"action": "ping", "x": 1}, "VALIDATION_ERROR"},
		{"base beyond the newest", own, map[string]any{
			"action": "edit", "meetingId": id, "baseVersion": 9, "clientId": "c", "clientSeq": 1,
			"ops": ot.Change{{Type: ot.Insert, Content: "x"}},
		}, "VALIDATION_ERROR"},
		{"does not fit", own, map[string]any{
			"action": "edit", "meetingId": id, "baseVersion": 0, "clientId": "c", "clientSeq": 1,
			"ops": ot.Change{{Type: ot.Delete, Position: 0, Length: 1}},
		}, "VALIDATION_ERROR"},
	}
	for _, tt := range tests {
		if _, err := tt.socket.Ask(ctx, tt.frame); !refusedWith(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if answer, err := own.Ask(ctx, map[string]any{"action": "ping"}); err != nil || answer.Type != "pong" {
		t.Errorf("after refusals the socket answered %v, %v; want pong", answer, err)
	}
	if got := version(ctx, t, ada, id); got != 0 {
		t.Errorf("refused edits left version %d", got)
	}
}

func TestLimitsOfSocketsAndTopics(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada := signIn(ctx, t, r, "ada")
	socket, _ := open(ctx, t, ada)
	for i := range 11 {
		id := meeting(ctx, t, ada)
		for _, topic := range []string{"meetings/" + id, "meetings/" + id + "/notes"} {
			_, err := socket.Ask(ctx, map[string]any{"action": "subscribe", "topic": topic})
			if want := i >= 10; refusedWith(err, "RATE_LIMITED") != want || (err != nil && !want) {
				t.Errorf("topic of meeting %d: %v", i, err)
			}
		}
	}
	for range 9 {
		open(ctx, t, ada)
	}
	if extra, err := ada.Open(ctx, func(client.Frame) {}); err == nil {
		extra.Cut()
		t.Error("an eleventh socket opened")
	}
	socket.Cut()
	eventually(t, "a place to come free", func() bool {
		extra, err := ada.Open(ctx, func(client.Frame) {})
		if err == nil {
			extra.Cut()
		}
		return err == nil
	})
}

// A client that never reads must not slow the others.
func TestClientThatNeverReads(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada, grace := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "grace")
	id := meeting(ctx, t, ada, grace)
	topic := "meetings/" + id + "/notes"
	var ticket struct{ URL string }
	if err := grace.Do(ctx, http.MethodPost, "/v1/realtime/tickets", nil, &ticket); err != nil {
		t.Fatal(err)
	}
	deaf, _, err := websocket.Dial(ctx, ticket.URL, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.CloseNow() //nolint:errcheck // it is to be cut
	request := fmt.Sprintf(`{"action":"subscribe","id":"1","topic":%q}`, topic)
	if err := deaf.Write(ctx, websocket.MessageText, []byte(request)); err != nil {
		t.Fatal(err)
	}
	socket, seen := open(ctx, t, ada)
	subscribe(ctx, t, socket, topic)
	large := make([]byte, 12<<10)
	for i := range large {
		large[i] = 'x'
	}
	var slowest time.Duration
	for seq := 1; seq <= 150; seq++ {
		begun := time.Now()
		_, err := socket.Ask(ctx, map[string]any{
			"action": "edit", "meetingId": id, "baseVersion": seq - 1, "clientId": "c", "clientSeq": seq,
			"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: string(large)}},
		})
		if refusedWith(err, "PAYLOAD_TOO_LARGE") {
			break // the document is full
		}
		if err != nil {
			t.Fatalf("edit %d: %v", seq, err)
		}
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("slowest answer beside a client that never reads: %v", slowest)
	newest := version(ctx, t, ada, id)
	eventually(t, "the reader to see everything", func() bool { return seen.highest(topic) >= newest })
}
