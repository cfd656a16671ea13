package simulation

import (
	"slices"
	"testing"
)

// replays bounds how often a seed is run again: where two goroutines of one
// operation name the same, a replay may differ.
const replays = 4

// A seed is replayed to the nanosecond: two runs say the same, line by line.
func TestReplay(t *testing.T) {
	out := newOutside(t)
	// One of each: a rough run, a hot one, and one that is neither.
	for name, fits := range map[string]func(plan) bool{
		"rough": func(p plan) bool { return p.rough && !p.hot && p.rate > 0 },
		"hot":   func(p plan) bool { return p.hot && p.rate > 0 && p.people == 2 },
		"calm":  func(p plan) bool { return !p.hot && !p.rough && p.rate > 0 },
	} {
		p := planOf(1)
		for !fits(p) {
			p = planOf(p.seed + 1)
		}
		t.Run(name, func(t *testing.T) {
			var first, again result
			t.Run("first", func(t *testing.T) { first = simulate(t, out, p, mutant{}) })
			for range replays {
				t.Run("again", func(t *testing.T) { again = simulate(t, out, p, mutant{}) })
				if slices.Equal(first.trace, again.trace) {
					return
				}
			}
			for i := range min(len(first.trace), len(again.trace)) {
				if first.trace[i] != again.trace[i] {
					t.Errorf("seed %d: %d and %d lines, which differ from line %d on:\n%s\n%s", p.seed,
						len(first.trace), len(again.trace), i+1, first.trace[i], again.trace[i])
					break
				}
			}
		})
	}
}
