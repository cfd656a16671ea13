package simulation

import (
	"context"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/local/faults"
)

// operation is one thing that happens in a run: an invocation of a function,
// or what leads to it. Its delays come from its name, which no other has.
type operation struct {
	seed     uint64
	name     string
	function string

	mu     sync.Mutex
	counts map[string]uint64
	// ended is when the last attempt of a call had its answer.
	ended map[string]time.Time
}

type operationKey struct{}

func operationOf(ctx context.Context) *operation {
	o, _ := ctx.Value(operationKey{}).(*operation)
	return o
}

// number gives the next number of this operation for something it does.
func (o *operation) number(what string) uint64 {
	o.mu.Lock()
	n := o.counts[what]
	o.counts[what] = n + 1
	o.mu.Unlock()
	return faults.Number(o.seed, o.name+"\n"+what, n)
}

// sleep waits for a delay of this operation, or until its context ends.
func (o *operation) sleep(ctx context.Context, what string, p pace) error {
	return sleep(ctx, p.of(o.number(what)))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		// The context may have ended at the same moment; the timer was first.
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pace is how long something takes: mostly between low and high, and once in so
// many times up to slow.
type pace struct {
	low, high time.Duration
	slow      time.Duration
	once      uint64
}

// of turns a number into a duration, to the nanosecond.
func (p pace) of(number uint64) time.Duration {
	limit := p.high
	if p.once > 0 && faults.Number(number, "slow", 0)%p.once == 0 {
		limit = p.slow
	}
	return p.low + time.Duration(number%uint64(limit-p.low))
}

// paces are how a run's parts take their time.
type paces struct {
	// table is one way of a table call, post one way of a post, network one way
	// between client and API Gateway, hop the way of a record to a reader.
	table, post, network, hop pace
}

func calm() paces {
	return paces{
		table:   pace{500 * time.Microsecond, 4 * time.Millisecond, 40 * time.Millisecond, 100},
		post:    pace{time.Millisecond, 8 * time.Millisecond, 60 * time.Millisecond, 100},
		network: pace{5 * time.Millisecond, 30 * time.Millisecond, 200 * time.Millisecond, 50},
		hop:     pace{100 * time.Millisecond, 400 * time.Millisecond, time.Second, 20},
	}
}

// rough is a bad day: calls that overtake each other by seconds.
func rough() paces {
	return paces{
		table:   pace{500 * time.Microsecond, 20 * time.Millisecond, 1500 * time.Millisecond, 25},
		post:    pace{time.Millisecond, 30 * time.Millisecond, 900 * time.Millisecond, 20},
		network: pace{5 * time.Millisecond, 150 * time.Millisecond, 3 * time.Second, 20},
		hop:     pace{50 * time.Millisecond, 600 * time.Millisecond, 4 * time.Second, 10},
	}
}
