package realtime

import (
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/clock"
)

const (
	// Lifetime is how long API Gateway lets a WebSocket live.
	Lifetime = 2 * time.Hour
	// longestWindow is how long before its end a socket is asked to move over at
	// the earliest: clients ping at least that often.
	longestWindow = 10 * time.Minute
	// longestMargin is how long before its end a socket should have moved.
	longestMargin = time.Minute
	// reminders is how often it is asked at most, per window and instance.
	reminders = 10
	// maxReminded bounds the sockets that an instance remembers to have asked.
	maxReminded = 10_000
)

// window is how long before its end a socket is asked to move over: ten minutes,
// or the last third of a short life.
func window(lifetime time.Duration) time.Duration { return min(longestWindow, lifetime/3) }

type reconnectFrame struct {
	Type   string    `json:"type"`
	Before time.Time `json:"before"`
}

// Handover asks clients to move to a new socket before API Gateway closes the
// old one. It is asked at each frame of a client and reads no table: the event
// says when its socket opened. This instance's memory has the sockets that
// were reminded lately, so that a busy client isn't reminded with every frame.
type Handover struct {
	lifetime time.Duration
	clock    clock.Clock

	mu       sync.Mutex
	reminded map[string]time.Time
}

// NewHandover makes the asker for sockets that live this long.
func NewHandover(lifetime time.Duration, c clock.Clock) *Handover {
	return &Handover{lifetime: lifetime, clock: c, reminded: map[string]time.Time{}}
}

// Frame gives what a socket is to be sent that has just sent a frame: nothing
// unless it is near its end and wasn't reminded lately.
func (h *Handover) Frame(connectionID string, connectedAt time.Time) []byte {
	now, end := h.clock.Now(), connectedAt.Add(h.lifetime)
	near := window(h.lifetime)
	if now.Before(end.Add(-near)) || !now.Before(end) {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.reminded[connectionID]) < near/reminders {
		return nil
	}
	if len(h.reminded) >= maxReminded {
		clear(h.reminded)
	}
	h.reminded[connectionID] = now
	before := end.Add(-min(longestMargin, near/4))
	if before.Before(now) {
		before = end
	}
	// A type and a time always encode.
	frame, _ := json.Marshal(reconnectFrame{Type: "reconnect", Before: before.UTC().Truncate(time.Millisecond)})
	return frame
}
