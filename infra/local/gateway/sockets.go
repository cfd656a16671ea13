package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/core/clock"
)

// SocketLimits bounds sockets. The zero value of a field stands for AWS's.
type SocketLimits struct {
	// Idle is how long no frame may go either way: 10 minutes.
	Idle time.Duration
	// Lifetime is how long a socket may be open: 2 hours.
	Lifetime time.Duration
	// Stall is how long a client may take for one frame before it is cut: 10 s.
	Stall time.Duration
	// Handshake is how long a client may take to answer a close: 2 s.
	Handshake time.Duration
	// Frame is the largest message from a client, in bytes: 32 KB.
	Frame int64
	// InFlight is how many frames of a socket are answered at once: 16.
	InFlight int
	// Sockets is how many may be open at once: 16,384.
	Sockets int
}

func (l SocketLimits) withDefaults() SocketLimits {
	setDefault(&l.Idle, 10*time.Minute)
	setDefault(&l.Lifetime, 2*time.Hour)
	setDefault(&l.Stall, 10*time.Second)
	setDefault(&l.Handshake, 2*time.Second)
	setDefault(&l.Frame, 32<<10)
	setDefault(&l.InFlight, 16)
	setDefault(&l.Sockets, 16384)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// socketBuffer bounds what the system keeps for a client that doesn't read, in
// bytes, so that the stall limit is felt.
const socketBuffer = 256 << 10

// SocketOptions describe a WebSocket API.
type SocketOptions struct {
	// Selection is the route selection expression; empty means
	// `$request.body.action`.
	Selection string
	Routes    []SocketRoute
	Limits    SocketLimits
	// Travel gives how long a frame is on its way to a client; nil means no time.
	// Frames stay in order.
	Travel func() time.Duration
	// Cuts says of each frame to a client whether its connection ends in the
	// frame's middle; nil never does.
	Cuts    func() bool
	Invoker Invoker
	Clock   clock.Clock
	Log     *slog.Logger
}

// Sockets is a WebSocket API with its @connections interface, both on one port.
type Sockets struct {
	SocketOptions
	routes selection

	// ctx ends when Shutdown gives up waiting.
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	open   map[string]*socket
	places int
	closed bool
}

// NewSockets refuses a selection expression or routes that it does not
// understand.
func NewSockets(o SocketOptions) (*Sockets, error) {
	routes, err := newSelection(o.Selection, o.Routes)
	if err != nil {
		return nil, fmt.Errorf("websocket api: %w", err)
	}
	o.Limits = o.Limits.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	return &Sockets{SocketOptions: o, routes: routes, ctx: ctx, cancel: cancel, open: map[string]*socket{}}, nil
}

// Open is how many sockets are open.
func (g *Sockets) Open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// Shutdown closes every socket with 1001 after what is queued for it, takes no
// new ones, and waits until $disconnect has run for each. When ctx ends first,
// what is left is cut and its functions are told to end.
func (g *Sockets) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	for _, s := range g.open {
		s.out.end(websocket.StatusGoingAway, "Going away")
	}
	g.mu.Unlock()

	done := make(chan struct{})
	go func() {
		g.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		g.cancel()
		return nil
	case <-ctx.Done():
	}
	g.cancel()
	g.mu.Lock()
	left := len(g.open)
	g.mu.Unlock()
	return fmt.Errorf("close sockets: %d left: %w", left, ctx.Err())
}

// ServeHTTP implements http.Handler: handshakes, and calls to @connections.
func (g *Sockets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, ok := connectionPath(r.URL.Path); ok {
		g.serveConnection(w, r, id)
		return
	}
	if !isHandshake(r) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		writeMessage(w, http.StatusUpgradeRequired, "Connect with a WebSocket handshake")
		return
	}
	if !g.takePlace() {
		writeMessage(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	}
	s, open := g.connect(w, r)
	if !open {
		g.leavePlace()
		return
	}
	// Not here: the server's own goroutine, with what it holds of the request, ends
	// with the handshake.
	go func() {
		defer g.leavePlace()
		g.run(s)
	}()
}

// takePlace counts a socket in from its handshake to the end of $disconnect.
func (g *Sockets) takePlace() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.places >= g.Limits.Sockets {
		return false
	}
	g.places++
	g.work.Add(1)
	return true
}

func (g *Sockets) leavePlace() {
	g.mu.Lock()
	g.places--
	g.mu.Unlock()
	g.work.Done()
}

// connect runs $connect and, where it lets the client in, opens the socket.
func (g *Sockets) connect(w http.ResponseWriter, r *http.Request) (opened *socket, open bool) {
	s := &socket{
		id: newID(),
		// API Gateway tells times in milliseconds.
		connectedAt: g.Clock.Now().Truncate(time.Millisecond),
		client:      client{sourceIP: sourceIP(r), userAgent: r.UserAgent(), host: hostname(r)},
		limits:      g.Limits,
		out:         newOutbox(g.Travel, g.Clock),
		shaken:      make(chan struct{}),
		clock:       g.Clock,
		cuts:        g.Cuts,
	}
	subprotocols, admitted := g.admit(w, r, s)
	if !admitted {
		return nil, false
	}
	s.age()
	// From the moment that the client sees its socket open, posts reach it.
	g.register(s)
	catch := &hijackCatcher{ResponseWriter: w}
	conn, err := websocket.Accept(catch, r, &websocket.AcceptOptions{
		Subprotocols: subprotocols,
		// The ticket alone admits a socket, whatever its Origin.
		InsecureSkipVerify: true,
		OnPingReceived: func(context.Context, []byte) bool {
			s.touch()
			return true
		},
	})
	if err != nil {
		// $connect has let the client in, so it must learn that it is gone.
		g.Log.Warn("handshake failed", "connectionId", s.id, "error", err.Error())
		close(s.shaken)
		g.forget(s)
		s.stopAging()
		g.disconnect(s, ended{websocket.StatusAbnormalClosure, ""})
		return nil, false
	}
	// The socket counts for itself: the library would close at once, before
	// what is queued, and the client might never see the code.
	conn.SetReadLimit(-1)
	s.conn, s.raw = conn, catch.conn
	close(s.shaken)
	return s, true
}

// run serves an open socket to its end.
func (g *Sockets) run(s *socket) {
	if tcp, ok := s.raw.(*net.TCPConn); ok {
		if err := tcp.SetWriteBuffer(socketBuffer); err != nil {
			g.Log.Warn("write buffer", "connectionId", s.id, "error", err.Error())
		}
	}
	defer s.stopAging()
	var writing sync.WaitGroup
	writing.Go(func() { s.write(g.ctx) })

	why := s.read(g.ctx, func(frame string, done func()) {
		g.work.Go(func() {
			defer done()
			g.message(s, frame)
		})
	})
	g.forget(s)
	g.disconnect(s, why)
	writing.Wait()
}

// register makes a socket known; frames for it wait until its writer runs.
func (g *Sockets) register(s *socket) {
	s.touch()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[s.id] = s
	if g.closed {
		s.out.end(websocket.StatusGoingAway, "Going away")
	}
}

func (g *Sockets) forget(s *socket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, s.id)
}

func (g *Sockets) find(id string) (*socket, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.open[id]
	return s, ok
}
