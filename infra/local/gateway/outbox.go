package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/core/clock"
)

// Bounds of what waits to be sent to one socket.
const (
	maxQueuedFrames = 512
	maxQueuedBytes  = 1 << 20
)

var (
	errGone = errors.New("the connection is gone")
	errFull = errors.New("the connection's buffer is full")
)

// outbox is what waits to be sent to one socket, in order, and at its end how
// the socket is to be closed. Putting never waits.
type outbox struct {
	// travel is how long a frame is on its way, nil where that takes no time.
	travel func() time.Duration
	clock  clock.Clock

	// ready holds a word where the writer, which may be waiting, has something to
	// look at.
	ready chan struct{}

	mu     sync.Mutex
	frames []queued
	// last is when the newest frame arrives; none overtakes another.
	last   time.Time
	bytes  int
	ended  bool
	code   websocket.StatusCode
	reason string
}

// queued is a frame and when it is to be sent; the zero time means at once.
type queued struct {
	frame []byte
	due   time.Time
}

func newOutbox(travel func() time.Duration, c clock.Clock) *outbox {
	return &outbox{travel: travel, clock: c, ready: make(chan struct{}, 1)}
}

// put queues a frame: errFull when there is no room, errGone after end.
func (o *outbox) put(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return errGone
	}
	if o.bytes+len(frame) > maxQueuedBytes || len(o.frames) >= maxQueuedFrames {
		return errFull
	}
	next := queued{frame: frame}
	if o.travel != nil {
		if next.due = o.clock.Now().Add(o.travel()); next.due.Before(o.last) {
			next.due = o.last
		}
	}
	o.frames = append(o.frames, next)
	o.bytes += len(frame)
	o.last = next.due
	o.wake()
	return nil
}

func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// take waits for the next frame; there is none where the outbox has ended and all
// before was taken. One goroutine takes.
func (o *outbox) take() (next queued, more bool) {
	for {
		o.mu.Lock()
		if len(o.frames) > 0 {
			next, o.frames[0] = o.frames[0], queued{}
			if o.frames = o.frames[1:]; len(o.frames) == 0 {
				// Room for a burst isn't kept.
				o.frames = nil
			}
			o.mu.Unlock()
			return next, true
		}
		ended := o.ended
		o.mu.Unlock()
		if ended {
			return queued{}, false
		}
		<-o.ready
	}
}

// sent makes the room of a frame free again.
func (o *outbox) sent(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(frame)
}

// end takes no more frames; those queued are sent before the socket is closed
// with code and reason. Only the first end counts.
func (o *outbox) end(code websocket.StatusCode, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	o.ended, o.code, o.reason = true, code, reason
	o.wake()
}

// ending is the code and reason given to end.
func (o *outbox) ending() (websocket.StatusCode, string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.code, o.reason
}
