package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/testkit/frames"
)

// AnswerLimit is how long a frame's answer is waited for, as the contract says.
const AnswerLimit = 10 * time.Second

// Frame is what comes over a socket.
type Frame = frames.Frame

// Event is something at a position of a topic.
type Event = frames.Event

// Present is somebody who is there in a topic.
type Present = frames.Present

// Refused is an error frame.
type Refused struct {
	Code, Detail string
	// Epoch comes with HISTORY_GONE where an earlier state was restored: what
	// positions belong to now.
	Epoch string
	again bool
}

// Error names code and detail.
func (r *Refused) Error() string { return r.Code + ": " + r.Detail }

// Again reports whether the same frame may be sent again.
func (r *Refused) Again() bool { return r.again }

// ErrCut says that the socket went before the answer came.
var ErrCut = errors.New("the socket is closed")

// Socket is one open WebSocket.
type Socket struct {
	conn   *websocket.Conn
	handle func(Frame)
	// answered, where set, sees every answer before whoever asked does, in order
	// with what handle gets.
	answered func(Frame)
	done     chan struct{}

	mu      sync.Mutex
	next    int
	waiting map[string]chan Frame
}

// Open spends a ticket and opens a socket; handle gets every frame that isn't
// an answer, in order, from one goroutine.
func (c *Client) Open(ctx context.Context, handle func(Frame)) (*Socket, error) {
	return c.open(ctx, handle, nil)
}

// Ticket asks for a ticket, and gives the address that it opens a socket at: once,
// and for 30 seconds.
func (c *Client) Ticket(ctx context.Context) (string, error) {
	var ticket struct {
		URL string `json:"url"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/realtime/tickets", nil, &ticket); err != nil {
		return "", fmt.Errorf("ticket: %w", err)
	}
	return ticket.URL, nil
}

// Dial opens a socket at a ticket's address; handle is Open's.
func (c *Client) Dial(ctx context.Context, address string, handle func(Frame)) (*Socket, error) {
	return c.dial(ctx, address, handle, nil)
}

func (c *Client) open(ctx context.Context, handle, answered func(Frame)) (*Socket, error) {
	address, err := c.Ticket(ctx)
	if err != nil {
		return nil, err
	}
	return c.dial(ctx, address, handle, answered)
}

func (c *Client) dial(ctx context.Context, address string, handle, answered func(Frame)) (*Socket, error) {
	conn, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: c.site.dial}) //nolint:bodyclose // the library closes it
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	conn.SetReadLimit(64 << 10)
	s := &Socket{conn: conn, handle: handle, answered: answered, done: make(chan struct{}), waiting: map[string]chan Frame{}}
	go s.read()
	return s, nil
}

// Done is closed when the socket is.
func (s *Socket) Done() <-chan struct{} { return s.done }

// Cut closes the socket without a word, as a lost network does.
func (s *Socket) Cut() { _ = s.conn.CloseNow() }

func (s *Socket) read() {
	defer close(s.done)
	for {
		_, raw, err := s.conn.Read(context.Background())
		received := time.Now()
		if err != nil {
			_ = s.conn.CloseNow()
			return
		}
		frame, err := frames.Decode(raw)
		if err != nil {
			continue
		}
		frame.Received = received
		s.mu.Lock()
		answer, ok := s.waiting[frame.ID]
		delete(s.waiting, frame.ID)
		s.mu.Unlock()
		if ok && frame.ID != "" {
			if s.answered != nil {
				s.answered(frame)
			}
			answer <- frame
		} else {
			s.handle(frame)
		}
	}
}

// Ask sends a frame, without its id, and waits for the answer. An error frame
// is a *Refused.
func (s *Socket) Ask(ctx context.Context, frame map[string]any) (Frame, error) {
	s.mu.Lock()
	s.next++
	id := strconv.Itoa(s.next)
	s.mu.Unlock()
	raw, err := frames.Encode(id, frame)
	if err != nil {
		return Frame{}, err
	}
	return s.exchange(ctx, id, raw)
}

// exchange sends a frame that has an id and waits for the answer.
func (s *Socket) exchange(ctx context.Context, id string, raw []byte) (Frame, error) {
	answer := make(chan Frame, 1)
	s.mu.Lock()
	s.waiting[id] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, id)
		s.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(ctx, AnswerLimit)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, raw); err != nil {
		return Frame{}, errors.Join(ErrCut, err)
	}
	select {
	case got := <-answer:
		if got.Type == "error" {
			return got, &Refused{Code: string(got.Code), Detail: got.Detail, Epoch: got.Epoch, again: got.Again()}
		}
		return got, nil
	case <-s.done:
		return Frame{}, ErrCut
	case <-ctx.Done():
		return Frame{}, ctx.Err()
	}
}

// idle reports whether nobody waits for an answer.
func (s *Socket) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) == 0
}
