package door

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

const (
	// idleWithin is how long a caller's connection may wait for its next call.
	idleWithin = 2 * time.Minute
	// readWithin and writeWithin bound a call's request and its answer.
	readWithin  = time.Minute
	writeWithin = time.Minute
	// maxHead bounds request line and headers, in bytes.
	maxHead = 32 << 10
)

// server speaks HTTP/1.1 with the callers, one goroutine a connection. It does
// less than net/http's, which watches every connection for its end while a call
// is under way: two switches of goroutines a call.
type server struct {
	handle func(*exchange, *http.Request) (Answer, error)
	// broken hears of panics.
	broken func(reason any, stack []byte)

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]bool
	callers   map[*caller]bool
	running   sync.WaitGroup
}

// caller is one connection.
type caller struct {
	conn net.Conn
	// limit bounds what the next request's head may take from conn.
	limit io.LimitedReader
	in    *bufio.Reader
	x     exchange
	out   bytes.Buffer
	// busy is under the server's lock: a call is under way.
	busy bool
}

var errClosed = errors.New("the door is closed")

func (s *server) serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.Join(errClosed, l.Close())
	}
	s.listeners[l] = true
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		c := &caller{conn: conn}
		c.limit.R = conn
		c.in = bufio.NewReaderSize(&c.limit, 4<<10)
		if !s.enter(c) {
			return errors.Join(errClosed, conn.Close())
		}
		go s.talk(c)
	}
}

func (s *server) enter(c *caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.callers[c] = true
	s.running.Add(1)
	return true
}

// begin and rest tell whether the connection goes on.
func (s *server) begin(c *caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.busy = true
	return !s.closed
}

func (s *server) rest(c *caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.busy = false
	return !s.closed
}

// talk serves a connection to its end.
func (s *server) talk(c *caller) {
	defer s.running.Done()
	defer func() {
		if reason := recover(); reason != nil {
			s.broken(reason, debug.Stack())
		}
		s.mu.Lock()
		delete(s.callers, c)
		s.mu.Unlock()
		// Whatever is left of it is of no use.
		_ = c.conn.Close()
	}()
	for s.rest(c) && c.wait() && s.begin(c) && s.one(c) {
		c.x.shrink()
	}
}

// wait is false where no further request comes.
func (c *caller) wait() bool {
	c.limit.N = maxHead
	if err := c.conn.SetReadDeadline(time.Now().Add(idleWithin)); err != nil {
		return false
	}
	_, err := c.in.Peek(1)
	return err == nil
}

// one answers one call. It is false where the connection ends with it.
func (s *server) one(c *caller) bool {
	if err := c.conn.SetDeadline(time.Now().Add(readWithin)); err != nil {
		return false
	}
	r, err := http.ReadRequest(c.in)
	if err != nil {
		return c.answer(TableError(http.StatusBadRequest, "SerializationException", "The request can't be read")) && false
	}
	if err := c.read(r); err != nil {
		return false
	}
	if c.x.request.Len() > MaxBody {
		return c.answer(TableError(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request is larger than 16 MB")) && false
	}
	answer, err := s.handle(&c.x, r)
	if err != nil {
		return false
	}
	return c.answer(answer) && !r.Close
}

// read takes a request's body, and at most one byte more than it may have.
func (c *caller) read(r *http.Request) error {
	c.limit.N = MaxBody + maxHead
	if r.Header.Get("Expect") != "" {
		if _, err := io.WriteString(c.conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	c.x.request.Reset()
	if 0 < r.ContentLength && r.ContentLength <= MaxBody {
		c.x.request.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := c.x.request.ReadFrom(io.LimitReader(r.Body, MaxBody+1))
	return err
}

// answer writes an answer.
func (c *caller) answer(a Answer) bool {
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return false
	}
	c.out.Reset()
	fmt.Fprintf(&c.out, "HTTP/1.1 %d %s\r\n", a.Status, http.StatusText(a.Status))
	for name, values := range a.Header {
		for _, value := range values {
			c.out.WriteString(name)
			c.out.WriteString(": ")
			c.out.WriteString(value)
			c.out.WriteString("\r\n")
		}
	}
	c.out.WriteString("Content-Length: ")
	c.out.Write(strconv.AppendInt(c.out.AvailableBuffer(), int64(len(a.Body)), 10))
	c.out.WriteString("\r\n\r\n")
	return writeTogether(c.conn, &c.out, a.Body) == nil
}

// shutdown takes no more calls and waits for those under way, at most until ctx
// ends; then it cuts them.
func (s *server) shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	errs := []error{}
	for l := range s.listeners {
		errs = append(errs, l.Close())
	}
	s.cut(func(c *caller) bool { return !c.busy })
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		s.cut(func(*caller) bool { return true })
		s.mu.Unlock()
		errs = append(errs, fmt.Errorf("calls of tables are still under way: %w", ctx.Err()))
	}
	return errors.Join(errs...)
}

// cut closes connections, under the lock.
func (s *server) cut(which func(*caller) bool) {
	for c := range s.callers {
		if which(c) {
			// It may be closed already, which is what is wanted.
			_ = c.conn.Close()
		}
	}
}
