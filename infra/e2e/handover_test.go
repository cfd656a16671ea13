package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// shortLife is a socket's life in these tests: its last third is left for moving.
const shortLife = 9 * time.Second

// mover follows the notes over a line that moves, and keeps what it is given.
type mover struct {
	client.NoObserver
	line        *client.Connection
	moved, lost atomic.Int64

	mu        sync.Mutex
	text      string
	positions []int64
	authors   map[string]int
	wrong     error
}

// Opened implements client.Observer.
func (m *mover) Opened(_ time.Duration, moved bool) {
	if moved {
		m.moved.Add(1)
	}
}

// Lost implements client.Observer.
func (m *mover) Lost() { m.lost.Add(1) }

func (m *mover) event(e client.Event, _ time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var change struct {
		ClientID  string
		ClientSeq int
		Ops       ot.Change
	}
	err := json.Unmarshal(e.Data, &change)
	if err == nil {
		m.text, err = ot.Apply(m.text, change.Ops)
	}
	if err != nil && m.wrong == nil {
		m.wrong = fmt.Errorf("event %d: %w", e.Position, err)
	}
	m.positions = append(m.positions, e.Position)
	m.authors[fmt.Sprint(change.ClientID, " ", change.ClientSeq)]++
}

// Clients move to new sockets before the old ones are closed, while they write,
// and none loses an event, gets one twice or is cut.
func TestHandover(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := start(t, ":memory:", "SOCKET_LIFETIME="+shortLife.String())
	var people []*client.Client
	for _, name := range []string{"ada", "grace", "linus"} {
		people = append(people, signIn(ctx, t, r, name))
	}
	id := meeting(ctx, t, people[0], people[1:]...)
	var movers []*mover
	for _, person := range people {
		m := &mover{authors: map[string]int{}}
		m.line = person.NewConnection(client.ConnectionOptions{Observer: m})
		m.line.Follow("meetings/"+id+"/notes", client.FollowOptions{
			Event:   m.event,
			Refused: func(err error) { t.Errorf("refused: %v", err) },
		})
		if err := m.line.Start(ctx); err != nil {
			t.Fatal(err)
		}
		movers = append(movers, m)
	}
	var group sync.WaitGroup
	var acked atomic.Int64
	end := time.Now().Add(2 * time.Minute)
	for i, m := range movers {
		group.Go(func() {
			for seq := 1; m.moved.Load() < 2; seq++ {
				if time.Now().After(end) {
					t.Errorf("client %d has moved %d times in two minutes", i, m.moved.Load())
					return
				}
				_, err := m.line.Ask(ctx, map[string]any{
					"action": "edit", "meetingId": id, "baseVersion": 0, "clientId": "c" + strconv.Itoa(i), "clientSeq": seq,
					"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: fmt.Sprintf("%c%d ", 'a'+i, seq)}},
				})
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				acked.Add(1)
				time.Sleep(150 * time.Millisecond)
			}
		})
	}
	group.Wait()
	var text struct {
		Version int64
		Content string
	}
	if err := people[0].Do(ctx, http.MethodGet, "/v1/meetings/"+id+"/notes", nil, &text); err != nil {
		t.Fatal(err)
	}
	if text.Version != acked.Load() {
		t.Errorf("%d changes are acknowledged, the notes are at %d", acked.Load(), text.Version)
	}
	for i, m := range movers {
		eventually(t, "everything to arrive", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return int64(len(m.positions)) >= text.Version
		})
		m.mu.Lock()
		for n, position := range m.positions {
			if position != int64(n+1) {
				t.Errorf("client %d: event %d came at place %d", i, position, n+1)
				break
			}
		}
		for change, times := range m.authors {
			if times != 1 {
				t.Errorf("client %d: change %s came %d times", i, change, times)
			}
		}
		if m.wrong != nil || m.text != text.Content {
			t.Errorf("client %d has another text of %d bytes, the server one of %d: %v", i, len(m.text), len(text.Content), m.wrong)
		}
		m.mu.Unlock()
		if lost := m.lost.Load(); lost > 0 {
			t.Errorf("client %d was cut %d times before it had moved", i, lost)
		}
	}
}

// A raw socket, which does nothing about it, is asked to move before its end,
// not with every frame, and is then closed.
func TestReconnectIsAsked(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:", "SOCKET_LIFETIME=3s")
	ada := signIn(ctx, t, r, "ada")
	var ticket struct{ URL string }
	if err := ada.Do(ctx, http.MethodPost, "/v1/realtime/tickets", nil, &ticket); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	conn, _, err := websocket.Dial(ctx, ticket.URL, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() //nolint:errcheck // it is over
	stop := make(chan struct{})
	var group sync.WaitGroup
	defer group.Wait()
	defer close(stop)
	group.Go(func() {
		for n := 0; ; n++ {
			ping := fmt.Sprintf(`{"action":"ping","id":"%d"}`, n)
			if conn.Write(ctx, websocket.MessageText, []byte(ping)) != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	asked, answered := 0, 0
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			break
		}
		var frame client.Frame
		if err := json.Unmarshal(raw, &frame); err != nil {
			t.Fatal(err)
		}
		switch frame.Type {
		case "pong":
			answered++
		case "reconnect":
			asked++
			// The gateway's clock is this machine's.
			if frame.Before.Before(began) || frame.Before.After(time.Now().Add(3*time.Second)) {
				t.Errorf("asked to move before %v; the socket was opened at %v", frame.Before, began)
			}
		}
	}
	if asked == 0 || asked > 15 {
		t.Errorf("asked %d times with %d answers, want a few", asked, answered)
	}
}
