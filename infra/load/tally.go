package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rapport/rapport/infra/client"
)

// tally is everything that the driver counts and measures, for all clients
// together. It is safe for concurrent use.
type tally struct {
	noteAck, noteAnswer, noteDelivery *meter
	transcriptAck, transcriptDelivery *meter
	queries                           map[string]*meter
	// lateness is how long after its time an operation was begun.
	lateness *meter
	opening  *meter
	subscribing,
	ticketing *meter

	// What operations became.
	scheduled, acked, refused [kinds]atomic.Int64
	delivered                 [kinds]atomic.Int64
	expected                  [kinds]atomic.Int64

	// measuring is set while requests and frames count for the cost estimate.
	measuring atomic.Bool
	requests  counter
	sent      counter // frames to the server, in units of 32 KB
	received  counter // frames from the server, in units of 32 KB
	bytesIn   counter
	bytesOut  counter

	opened, lost, moved atomic.Int64
	sockets             atomic.Int64
	again               atomic.Int64

	mu     sync.Mutex
	errors map[string]int64
	frames map[string]int64
}

// counter counts always, and apart while measuring.
type counter struct{ all, measured atomic.Int64 }

func (c *counter) add(n int64, measuring bool) {
	c.all.Add(n)
	if measuring {
		c.measured.Add(n)
	}
}

func newTally() *tally {
	t := &tally{
		noteAck: newMeter(), noteAnswer: newMeter(), noteDelivery: newMeter(), transcriptAck: newMeter(), transcriptDelivery: newMeter(),
		lateness: newMeter(), opening: newMeter(), subscribing: newMeter(), ticketing: newMeter(),
		queries: map[string]*meter{}, errors: map[string]int64{}, frames: map[string]int64{},
	}
	for _, q := range queryMix() {
		t.queries[q.name] = newMeter()
	}
	return t
}

// fail counts something that went wrong, by what was being done and how.
func (t *tally) fail(doing string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[doing+" "+code(err)]++
}

// failures is a copy of what went wrong.
func (t *tally) failures() map[string]int64 { return copied(&t.mu, t.errors) }

// frameCounts is a copy of the frames received by type.
func (t *tally) frameCounts() map[string]int64 { return copied(&t.mu, t.frames) }

func copied(mu *sync.Mutex, from map[string]int64) map[string]int64 {
	mu.Lock()
	defer mu.Unlock()
	to := make(map[string]int64, len(from))
	for name, n := range from {
		to[name] = n
	}
	return to
}

func (t *tally) frame(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frames[kind]++
}

// unit is what API Gateway counts as one message, in bytes.
const unit = 32 << 10

func units(bytes int) int64 { return int64(max(1, (bytes+unit-1)/unit)) }

// code names an error in a few words.
func code(err error) string {
	if refused, ok := errors.AsType[*client.Refused](err); ok {
		return refused.Code
	}
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		if problem.Code != "" {
			return problem.Code
		}
		return "HTTP " + itoa(int64(problem.Status))
	}
	switch {
	case errors.Is(err, client.ErrCut):
		return "socket cut"
	case errors.Is(err, context.Canceled):
		return "the run ended"
	case isTimeout(err):
		return "no answer"
	}
	return "connection failed"
}

// since is a duration from a time to another, never negative.
func since(from, to time.Time) time.Duration { return max(0, to.Sub(from)) }
