package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// The number of arrivals is Poisson too: six standard deviations are never left.
func TestPlanHasItsRates(t *testing.T) {
	full := rates{noteOp: 200, transcriptOp: 50, queryOp: 0}
	ramp, steady := 20*time.Second, 40*time.Second
	ops := plan(full, ramp, steady, true, seeded(t))
	if !slices.IsSortedFunc(ops, func(a, b op) int { return int(a.at - b.at) }) {
		t.Fatal("the operations are not in order")
	}
	count := func(k kind, from, to time.Duration) float64 {
		n := 0.0
		for _, o := range ops {
			if o.kind == k && o.at >= from && o.at < to {
				n++
			}
		}
		return n
	}
	for _, tt := range []struct {
		name     string
		kind     kind
		from, to time.Duration
		want     float64
	}{
		{"notes while steady", noteOp, ramp, ramp + steady, 8000},
		{"notes in the first half of the ramp: a quarter of it", noteOp, 0, ramp / 2, 500},
		{"notes in its second half", noteOp, ramp / 2, ramp, 1500},
		{"transcripts while steady", transcriptOp, ramp, ramp + steady, 2000},
		{"no queries", queryOp, 0, time.Hour, 0},
		{"nothing after the end", noteOp, ramp + steady, time.Hour, 0},
	} {
		if got := count(tt.kind, tt.from, tt.to); math.Abs(got-tt.want) > 6*math.Sqrt(tt.want) {
			t.Errorf("%s: %v, want about %v", tt.name, got, tt.want)
		}
	}
}

func TestFixedPlanIsEven(t *testing.T) {
	ops := plan(rates{noteOp: 10}, 0, time.Second, false, seeded(t))
	for i, o := range ops {
		if want := time.Duration(i+1) * 100 * time.Millisecond; (o.at - want).Abs() > time.Microsecond {
			t.Errorf("operation %d at %v, want %v", i, o.at, want)
		}
	}
	if len(ops) != 9 {
		t.Errorf("%d operations, want 9 inside the second", len(ops))
	}
}

func TestSameSeedSamePlan(t *testing.T) {
	of := func() []op {
		return plan(rates{noteOp: 50, queryOp: 5}, time.Second, time.Second, true, rand.New(rand.NewPCG(7, 7)))
	}
	if !slices.Equal(of(), of()) {
		t.Error("one seed made two plans")
	}
}

// What an operation does never delays the next, and lateness is measured from
// the plan.
func TestDispatchNeverWaits(t *testing.T) {
	ops := []op{{at: 0}, {at: time.Millisecond}, {at: 2 * time.Millisecond}}
	start := time.Now().Add(-time.Second)
	var late []time.Duration
	var due []time.Time
	dispatch(ops, start, nil, func(_ op, at time.Time) { due = append(due, at) }, func(d time.Duration) { late = append(late, d) })
	if len(due) != 3 || !due[2].Equal(start.Add(2*time.Millisecond)) {
		t.Errorf("due at %v", due)
	}
	for _, d := range late {
		if d < 900*time.Millisecond {
			t.Errorf("an operation of a second ago counts as %v late", d)
		}
	}
	stop := make(chan struct{})
	close(stop)
	dispatch([]op{{at: time.Hour}}, time.Now(), stop, func(op, time.Time) { t.Error("an operation ran after the stop") }, func(time.Duration) {})
}
