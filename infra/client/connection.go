package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/testkit/frames"
)

const (
	// pauseBase and pauseCap bound the pause before a socket is opened anew:
	// full jitter below base * 2^attempt.
	pauseBase = 500 * time.Millisecond
	pauseCap  = 15 * time.Second
	// retryBase and retryCap bound the pause before a refused frame or request is
	// sent again: long enough in the end that many who are refused don't keep the
	// server busy with refusing.
	retryBase = 200 * time.Millisecond
	retryCap  = 10 * time.Second
	// moving is how long a socket that was replaced may finish what it was asked.
	moving = 5 * time.Second
)

// Observer sees what happens on a line. Its methods are called by several
// goroutines and must return at once. Embed NoObserver to leave some out.
type Observer interface {
	// Frame is every frame that came, answers too; replay says that it carries
	// events which were asked for again.
	Frame(f *Frame, replay bool)
	// Asked is every frame that is sent, again too.
	Asked(action string, bytes int, again bool)
	// Opened is a socket that took over, Lost one that ended unasked; trouble
	// is whatever went wrong and is tried again.
	Opened(took time.Duration, moved bool)
	Lost()
	Trouble(doing string, err error)
	// Subscribed is a topic that is followed again or anew.
	Subscribed(topic string, took time.Duration)
}

// ConnectionOptions say how a line behaves. The zero value is a good client.
type ConnectionOptions struct {
	// Pause is how long to wait before a socket is opened anew, for the given
	// attempt from 0; nil is full jitter below 500 ms * 2^attempt, 15 s at most.
	Pause func(attempt int) time.Duration
	// Presence gets frames of type presence.
	Presence func(*Frame)
	Observer Observer
}

// Connection is a person's lasting connection: one socket that comes back when it is
// cut, and moves to a new one when the server asks for it; the topics that it
// follows go on where they were, without losing or repeating an event. Make it,
// say what it follows, then Start it.
type Connection struct {
	client  *Client
	options ConnectionOptions

	mu     sync.Mutex
	socket *Socket
	// up is closed while a socket is there.
	up     chan struct{}
	move   chan struct{}
	topics map[string]*Follow
	next   int
}

// NewConnection makes a line that isn't open yet.
func (c *Client) NewConnection(o ConnectionOptions) *Connection {
	if o.Pause == nil {
		o.Pause = Jitter
	}
	if o.Observer == nil {
		o.Observer = NoObserver{}
	}
	return &Connection{client: c, options: o, up: make(chan struct{}), move: make(chan struct{}, 1), topics: map[string]*Follow{}}
}

// Jitter is a good client's pause before an attempt, from 0: full jitter below
// 500 ms * 2^attempt, 15 s at most.
func Jitter(attempt int) time.Duration {
	return rand.N(min(pauseCap, pauseBase<<min(attempt, 5)) + 1)
}

// Start opens the line and keeps it open until ctx ends. It returns when every
// topic is subscribed, or with the error that made it give up.
func (c *Connection) Start(ctx context.Context) error {
	socket, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	go c.keep(ctx, socket)
	return nil
}

// keep serves one socket after the other.
func (c *Connection) keep(ctx context.Context, socket *Socket) {
	stop := context.AfterFunc(ctx, c.Cut)
	defer stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-socket.Done():
			c.down()
			if ctx.Err() == nil {
				c.options.Observer.Lost()
				socket = c.reopen(ctx)
			}
		case <-c.move:
			old := socket
			next, err := c.connect(ctx, true)
			if err != nil {
				c.options.Observer.Trouble("move", err)
				continue // the old one serves until it is cut
			}
			socket = next
			go retire(old)
		}
	}
	c.Cut()
	c.down()
}

// retire closes a socket that was replaced, when what it was asked is answered.
func retire(s *Socket) {
	for end := time.Now().Add(moving); time.Now().Before(end) && !s.idle(); {
		time.Sleep(50 * time.Millisecond)
	}
	s.Cut()
}

// reopen tries until there is a socket, or ctx ends.
func (c *Connection) reopen(ctx context.Context) *Socket {
	for attempt := 0; ; attempt++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.options.Pause(attempt)):
		}
		socket, err := c.connect(ctx, false)
		if err == nil {
			return socket
		}
		if ctx.Err() == nil {
			c.options.Observer.Trouble("open", err)
		}
	}
}

// connect opens a socket, makes it follow every topic, and has it take over.
func (c *Connection) connect(ctx context.Context, moved bool) (*Socket, error) {
	begun := time.Now()
	socket, err := c.client.open(ctx, c.handle, c.answered)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	var topics []*Follow
	for _, f := range c.topics {
		topics = append(topics, f)
	}
	c.mu.Unlock()
	results := make(chan error, len(topics))
	for _, f := range topics {
		go func() { results <- f.subscribe(ctx, socket) }()
	}
	for range topics {
		err = errors.Join(err, <-results)
	}
	if err != nil {
		socket.Cut()
		return nil, err
	}
	c.mu.Lock()
	if c.socket == nil {
		close(c.up)
	}
	c.socket = socket
	c.mu.Unlock()
	c.options.Observer.Opened(time.Since(begun), moved)
	return socket, nil
}

func (c *Connection) down() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket != nil {
		c.socket, c.up = nil, make(chan struct{})
	}
}

// Cut loses the socket, if there is one, as a lost network does.
func (c *Connection) Cut() {
	c.mu.Lock()
	socket := c.socket
	c.mu.Unlock()
	if socket != nil {
		socket.Cut()
	}
}

// Open reports whether there is a socket now.
func (c *Connection) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.socket != nil
}

// current waits for a socket.
func (c *Connection) current(ctx context.Context) (*Socket, error) {
	for {
		c.mu.Lock()
		socket, up := c.socket, c.up
		c.mu.Unlock()
		if socket != nil {
			return socket, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-up:
		}
	}
}

// Ask sends a frame, without its id, and waits for the answer. Where none comes
// in ten seconds, the socket is cut, or the server says that trying again makes
// sense, the same bytes are sent again, over the socket that is there then,
// until ctx ends. Any other refusal is a *Refused.
func (c *Connection) Ask(ctx context.Context, frame map[string]any) (Frame, error) {
	c.mu.Lock()
	c.next++
	id := "l" + strconv.Itoa(c.next)
	c.mu.Unlock()
	raw, err := frames.Encode(id, frame)
	if err != nil {
		return Frame{}, err
	}
	action, _ := frame["action"].(string)
	for try := 0; ; try++ {
		socket, err := c.current(ctx)
		if err != nil {
			return Frame{}, err
		}
		c.options.Observer.Asked(action, len(raw), try > 0)
		answer, err := socket.exchange(ctx, id, raw)
		if err == nil || ctx.Err() != nil {
			return answer, err
		}
		if refused, ok := errors.AsType[*Refused](err); ok && !refused.Again() {
			return answer, err
		}
		c.options.Observer.Trouble(action, err)
		select {
		case <-ctx.Done():
			return Frame{}, ctx.Err()
		case <-time.After(retryPause(try)):
		}
	}
}

// retryPause is full jitter before a retry, from 0.
func retryPause(try int) time.Duration {
	return rand.N(min(retryCap, retryBase<<min(try, 6)) + 1)
}

// Send sends a frame that wants no answer, if there is a socket; an error says
// that it didn't go.
func (c *Connection) Send(ctx context.Context, frame map[string]any) error {
	c.mu.Lock()
	socket := c.socket
	c.mu.Unlock()
	if socket == nil {
		return ErrCut
	}
	raw, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	action, _ := frame["action"].(string)
	c.options.Observer.Asked(action, len(raw), false)
	ctx, cancel := context.WithTimeout(ctx, AnswerLimit)
	defer cancel()
	return socket.conn.Write(ctx, websocket.MessageText, raw)
}

// handle takes what comes unasked.
func (c *Connection) handle(frame Frame) {
	f := c.follow(frame.Topic)
	replay := f != nil && frame.Type == "event" && f.replays(&frame)
	c.options.Observer.Frame(&frame, replay)
	switch frame.Type {
	case "reconnect":
		select {
		case c.move <- struct{}{}:
		default:
		}
	case "presence":
		if c.options.Presence != nil {
			c.options.Presence(&frame)
		}
	case "event":
		if f != nil {
			f.events(&frame)
		}
	case "head":
		if f != nil {
			f.head(&frame)
		}
	case "revoked":
		if f != nil {
			f.revoked(&frame)
		}
	}
}

// answered sees answers in order with events, so that a replay is distinguished
// from what is new.
func (c *Connection) answered(frame Frame) {
	c.options.Observer.Frame(&frame, false)
	if frame.Type != "subscribed" {
		return
	}
	if f := c.follow(frame.Topic); f != nil {
		f.subscribed(&frame)
	}
}

func (c *Connection) follow(topic string) *Follow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.topics[topic]
}

// Follow adds a topic; Start subscribes to it.
func (c *Connection) Follow(topic string, o FollowOptions) *Follow {
	f := &Follow{line: c, topic: topic, options: o, position: o.From, known: o.From, epoch: o.Epoch}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.topics[topic] = f
	return f
}

// drop forgets a topic that was revoked or refused.
func (c *Connection) drop(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, topic)
}

// NoObserver sees nothing.
type NoObserver struct{}

// Frame does nothing.
func (NoObserver) Frame(*Frame, bool) {}

// Asked does nothing.
func (NoObserver) Asked(string, int, bool) {}

// Opened does nothing.
func (NoObserver) Opened(time.Duration, bool) {}

// Lost does nothing.
func (NoObserver) Lost() {}

// Trouble does nothing.
func (NoObserver) Trouble(string, error) {}

// Subscribed does nothing.
func (NoObserver) Subscribed(string, time.Duration) {}

var errRevoked = errors.New("the stream has ended")

func revocation(topic, reason string) error {
	return fmt.Errorf("%s: %w: %s", topic, errRevoked, reason)
}
