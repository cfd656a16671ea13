package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/core/clock"
)

// socket is one open connection. One goroutine reads, one writes, and each
// frame that is being answered has one of its own. Most sockets are quiet most of
// the time, so all that stands for one is small.
type socket struct {
	id          string
	connectedAt time.Time
	client      client
	limits      SocketLimits
	conn        *websocket.Conn
	// raw is the connection under conn, for deadlines and for cutting it.
	raw net.Conn
	// shaken is closed when the handshake is over: conn and raw are set, or it has
	// failed and they never will be.
	shaken     chan struct{}
	out        *outbox
	lastActive atomic.Int64
	// idle and lifetime end the socket when it was idle too long or has lived long
	// enough.
	idle, lifetime *time.Timer
	clock          clock.Clock
	// cuts says of each frame whether the connection ends in its middle; nil never.
	cuts func() bool
}

// client is who opened a socket, as events and connection info show it.
type client struct {
	sourceIP  string
	userAgent string
	host      string
}

// ended is why a socket is no more: the code and reason of $disconnect.
type ended struct {
	code   websocket.StatusCode
	reason string
}

// touch notes that a frame, a ping among them, went one way or the other.
func (s *socket) touch() {
	s.lastActive.Store(s.clock.Now().UnixMilli())
	s.idle.Reset(s.limits.Idle)
}

// send queues a frame for the client.
func (s *socket) send(frame []byte) error { return s.out.put(frame) }

// cut ends the connection without a word.
func (s *socket) cut() {
	// It may be closed already, which is what is wanted.
	_ = s.raw.Close()
}

// read hands each frame to dispatch until the connection ends, and tells why
// it did. A place for the frame is taken before it is read: when none is free,
// reading stops and the client's own sending comes to a halt.
func (s *socket) read(ctx context.Context, dispatch func(frame string, done func())) ended {
	places := make(chan struct{}, s.limits.InFlight)
	release := func() { <-places }
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return s.farewell(ctx.Err())
		}
		frame, err := s.next(ctx)
		if err != nil {
			return s.farewell(err)
		}
		s.touch()
		dispatch(frame, release)
	}
}

// refusal is a frame that ends its connection.
type refusal struct {
	code   websocket.StatusCode
	reason string
}

func (r refusal) Error() string { return r.reason }

// next reads one text frame within the limits.
func (s *socket) next(ctx context.Context) (string, error) {
	kind, reader, err := s.conn.Reader(ctx)
	if err != nil {
		return "", err
	}
	if kind != websocket.MessageText {
		return "", refusal{websocket.StatusUnsupportedData, "Binary frames are not supported"}
	}
	frame, err := io.ReadAll(io.LimitReader(reader, s.limits.Frame+1))
	if err != nil {
		return "", err
	}
	if int64(len(frame)) > s.limits.Frame {
		return "", refusal{websocket.StatusMessageTooBig, "Frame is too large"}
	}
	if !utf8.Valid(frame) {
		return "", refusal{websocket.StatusInvalidFramePayloadData, "Text is not UTF-8"}
	}
	return string(frame), nil
}

// farewell turns the error that ended reading into the code and reason of the
// end, and has the socket closed with them.
func (s *socket) farewell(err error) ended {
	if r, ok := errors.AsType[refusal](err); ok {
		s.out.end(r.code, r.reason)
		return ended(r)
	}
	if code, reason := s.out.ending(); code != 0 {
		return ended{code, reason}
	}
	s.out.end(websocket.StatusGoingAway, "Going away")
	if closing, ok := errors.AsType[websocket.CloseError](err); ok {
		if closing.Code == websocket.StatusNoStatusRcvd {
			return ended{closing.Code, "Client-side close frame status not set"}
		}
		return ended{closing.Code, closing.Reason}
	}
	return ended{websocket.StatusAbnormalClosure, ""}
}

// write sends what is queued until the queue ends, then closes. A client that
// takes no frame within the stall limit is cut.
func (s *socket) write(ctx context.Context) {
	for next, more := s.out.take(); more; next, more = s.out.take() {
		frame := next.frame
		if !next.due.IsZero() && s.clock.Sleep(ctx, next.due.Sub(s.clock.Now())) != nil {
			s.out.end(websocket.StatusAbnormalClosure, "")
			s.cut()
			return
		}
		if s.cuts != nil && s.cuts() {
			s.breakOff(frame)
			return
		}
		bounded, cancel := context.WithTimeout(ctx, s.limits.Stall)
		err := s.conn.Write(bounded, websocket.MessageText, frame)
		cancel()
		s.out.sent(frame)
		if err != nil {
			s.out.end(websocket.StatusAbnormalClosure, "")
			s.cut()
			return
		}
		s.touch()
	}
	s.close()
}

// close shakes hands for the end. The library drains what the client was still
// sending, which a reset connection would lose together with the close frame,
// but doesn't bound that: the deadline does.
func (s *socket) close() {
	code, reason := s.out.ending()
	stop := time.AfterFunc(s.limits.Handshake, s.cut)
	defer stop.Stop()
	// The client may not answer; the connection is closed all the same.
	_ = s.conn.Close(code, reason)
}

// age begins to count the socket's life and idleness. The timers are stopped by
// stopAging, after the last touch.
func (s *socket) age() {
	away := func() { s.out.end(websocket.StatusGoingAway, "Going away") }
	s.lifetime = time.AfterFunc(s.limits.Lifetime, away)
	s.idle = time.AfterFunc(s.limits.Idle, away)
}

func (s *socket) stopAging() {
	s.lifetime.Stop()
	s.idle.Stop()
}
