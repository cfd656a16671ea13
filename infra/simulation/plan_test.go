package simulation

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/rapport/rapport/infra/local/faults"
)

// cappedSkew is how far clocks may be off for the frame cap to hold: with 100 ms
// it was exceeded. Amazon's clocks are right to a millisecond.
const cappedSkew = 50 * time.Millisecond

// plan is what a seed makes of a run.
type plan struct {
	seed uint64
	// rate is that of the faults.
	rate float64
	// rough is a run of slow calls, hot one in which people write without
	// pausing.
	rough, hot bool
	// skew is how far clocks are off.
	skew     time.Duration
	people   int
	windows  int
	meetings int
	// actions is how many each window does.
	actions int
}

func planOf(seed uint64) plan {
	p := plan{seed: seed}
	r := p.random("plan")
	p.rate = []float64{0, 0.01, 0.02, 0.05, 0.1}[r.IntN(5)]
	p.rough = r.IntN(3) == 0
	p.hot = r.IntN(4) == 0
	p.skew = []time.Duration{cappedSkew, faults.MaxSkew}[r.IntN(2)]
	p.people = 2 + r.IntN(3)
	p.windows = 1 + r.IntN(2)
	p.meetings = 1 + r.IntN(2)
	p.actions = (20 + r.IntN(41)) / (p.people * p.windows)
	if p.hot {
		p.windows, p.meetings, p.actions = 1, 1, 60
	}
	return p
}

// random gives the dice of one part of a run.
func (p plan) random(who string) *rand.Rand {
	hash := fnv.New64a()
	hash.Write([]byte(who)) // never fails, as hash.Hash says
	return rand.New(rand.NewPCG(p.seed, hash.Sum64()))
}
