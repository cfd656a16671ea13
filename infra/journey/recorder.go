package journey

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/client"
)

// frameLimit is how long a frame may take: stream readers may start cold.
const frameLimit = 30 * time.Second

// recorder keeps what comes over a socket unasked.
type recorder struct {
	mu     sync.Mutex
	frames []client.Frame
	more   chan struct{}
}

func newRecorder() *recorder { return &recorder{more: make(chan struct{}, 1)} }

func (r *recorder) add(f client.Frame) {
	r.mu.Lock()
	r.frames = append(r.frames, f)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// await waits until a frame has come that satisfies want, and gives it; what says
// which it is.
func (r *recorder) await(ctx context.Context, what string, want func(client.Frame) bool) (client.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, frameLimit)
	defer cancel()
	for {
		if frame, ok := r.received(want); ok {
			return frame, nil
		}
		select {
		case <-r.more:
		case <-ctx.Done():
			return client.Frame{}, fmt.Errorf("never received %s; received %s", what, r.types())
		}
	}
}

func (r *recorder) received(want func(client.Frame) bool) (client.Frame, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, frame := range r.frames {
		if want(frame) {
			return frame, true
		}
	}
	return client.Frame{}, false
}

// types names the frames that came, without their content.
func (r *recorder) types() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.frames) == 0 {
		return "nothing"
	}
	var all []string
	for _, frame := range r.frames {
		all = append(all, strings.TrimSpace(frame.Type+" "+frame.Topic+" "+frame.Reason))
	}
	return strings.Join(all, ", ")
}

// Revoked is the end of a stream, for a reason.
func Revoked(topic, reason string) func(client.Frame) bool {
	return func(f client.Frame) bool { return f.Type == "revoked" && f.Topic == topic && f.Reason == reason }
}

// event is one of a topic at a position.
func event(topic string, position int64) func(client.Frame) bool {
	return func(f client.Frame) bool {
		if f.Type != "event" || f.Topic != topic {
			return false
		}
		for _, event := range f.Events {
			if event.Position == position {
				return true
			}
		}
		return false
	}
}
