package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
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

// ConnectionOptions say how a connection behaves. The zero value is a good client.
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
// follows go on where they were, without losing or repeating an event. Make
// the Connection, Follow its topics, then Start it.
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

// NewConnection makes a connection that isn't open yet.
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

// Start opens the connection and keeps it open until ctx ends. It returns when every
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

var errRevoked = errors.New("the stream has ended")

func revocation(topic, reason string) error {
	return fmt.Errorf("%s: %w: %s", topic, errRevoked, reason)
}
