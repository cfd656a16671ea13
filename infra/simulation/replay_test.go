package simulation

import (
	"slices"
	"testing"
)

// A seed is replayed to the nanosecond: two runs say the same, line by line.
func TestReplay(t *testing.T) {
	out := newOutside(t)
	// One of each: a rough world, a hot one, and one that is neither.
	for _, fits := range []func(plan) bool{
		func(p plan) bool { return p.rough && !p.hot && p.rate > 0 },
		func(p plan) bool { return p.hot && p.rate > 0 },
		func(p plan) bool { return !p.hot && !p.rough && p.rate > 0 },
	} {
		p := planOf(1)
		for !fits(p) {
			p = planOf(p.seed + 1)
		}
		var first, second result
		t.Run("first", func(t *testing.T) { first = simulate(t, out, p, mutant{}) })
		t.Run("second", func(t *testing.T) { second = simulate(t, out, p, mutant{}) })
		if slices.Equal(first.trace, second.trace) {
			continue
		}
		for i := range min(len(first.trace), len(second.trace)) {
			if first.trace[i] != second.trace[i] {
				t.Errorf("seed %d: %d and %d lines, which differ from line %d on:\n%s\n%s", p.seed,
					len(first.trace), len(second.trace), i+1, first.trace[i], second.trace[i])
				break
			}
		}
	}
}
