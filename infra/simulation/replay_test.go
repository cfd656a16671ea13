package simulation

import (
	"slices"
	"strings"
	"testing"
)

// replays bounds how often a seed is run again: where two goroutines of one
// operation name the same, a replay may differ.
const replays = 4

// A seed is replayed to the nanosecond: two runs say the same, line by line.
func TestReplay(t *testing.T) {
	f := newFixture(t)
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
			t.Run("first", func(t *testing.T) { first = simulate(t, f, p, mutant{}) })
			for range replays {
				t.Run("again", func(t *testing.T) { again = simulate(t, f, p, mutant{}) })
				if slices.Equal(canonical(first.trace), canonical(again.trace)) {
					return
				}
			}
			one, other := canonical(first.trace), canonical(again.trace)
			for i := range min(len(one), len(other)) {
				if one[i] != other[i] {
					t.Errorf("seed %d: %d and %d lines, which differ from line %d on:\n%s\n%s", p.seed,
						len(one), len(other), i+1, one[i], other[i])
					return
				}
			}
			t.Errorf("seed %d: %d and %d lines", p.seed, len(one), len(other))
		})
	}
}

// canonical orders the lines of each instant by their text: what goroutines do at
// one and the same time has no order.
func canonical(trace []string) []string {
	instant := func(line string) string {
		at, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		return at
	}
	sorted := slices.Clone(trace)
	for i := 0; i < len(sorted); {
		end := i + 1
		for end < len(sorted) && instant(sorted[end]) == instant(sorted[i]) {
			end++
		}
		slices.Sort(sorted[i:end])
		i = end
	}
	return sorted
}
