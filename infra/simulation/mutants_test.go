package simulation

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// mutants are wrong products, each with what must be found of it and the runs
// that it shows in. They are made by changing what functions hear from the
// tables.
func mutants() map[string]struct {
	make  func() mutant
	fits  func(plan) bool
	finds string
} {
	return map[string]struct {
		make  func() mutant
		fits  func(plan) bool
		finds string
	}{
		"a sender that keeps a list of subscribers": {
			make:  cachedSubscribers,
			fits:  func(p plan) bool { return !p.hot && p.actions > 10 },
			finds: "LEAK",
		},
		"a writer that takes a lost answer for a failure": {
			make:  func() mutant { return forgetting(`"q":{"N":"\d+"}`, `"q":{"N":"0"}`, "LOG#") },
			fits:  func(p plan) bool { return p.rate >= 0.05 },
			finds: "committed twice",
		},
		"writers that post at once": {
			make: func() mutant {
				return forgetting(`"(due|tat|g)":{"N":"\d+"}`, `"$1":{"N":"0"}`, "LOG#")
			},
			fits:  func(p plan) bool { return p.hot && !p.rough && p.people > 3 && p.rate < 0.05 },
			finds: "frames of",
		},
		"a queue's function that takes messages for done": {
			make:  func() mutant { return sleeping("realtime/leave", "DeleteItem") },
			fits:  func(p plan) bool { return p.actions > 10 },
			finds: "by the closed socket",
		},
	}
}

// cachedSubscribers answers a query of subscribers as it was answered up to three
// seconds ago.
func cachedSubscribers() mutant {
	type cached struct {
		answer answer
		at     time.Time
	}
	var mu sync.Mutex
	known := map[string]cached{}
	about := func(c call) string { return fmt.Sprint(c.name(strings.NewReplacer()), c.fields["Limit"]) }
	return mutant{
		ask: func(_ *operation, c call) (answer, bool) {
			mu.Lock()
			defer mu.Unlock()
			cached, ok := known[about(c)]
			return cached.answer, ok && time.Since(cached.at) < 3*time.Second
		},
		answer: func(_ *operation, c call, a answer) answer {
			if c.queryOf("TOPIC#") {
				mu.Lock()
				defer mu.Unlock()
				known[about(c)] = cached{a, time.Now()}
			}
			return a
		},
	}
}

// forgetting changes what writers of notes read of entries.
func forgetting(pattern, replacement, partition string) mutant {
	what := regexp.MustCompile(pattern)
	return mutant{answer: func(o *operation, c call, a answer) answer {
		if o.function == "notes/edit" && strings.Contains(string(c.body), partition) {
			a.body = what.ReplaceAll(a.body, []byte(replacement))
		}
		return a
	}}
}

// sleeping answers a function's call as if it had happened.
func sleeping(function, what string) mutant {
	return mutant{ask: func(o *operation, c call) (answer, bool) {
		return answer{status: http.StatusOK, header: http.Header{}, body: []byte("{}")}, o.function == function && c.operation == what
	}}
}

// triesOf bounds the seeds that a mutant may survive.
const triesOf = 12

// The simulation finds what is wrong, and names it.
func TestMutants(t *testing.T) {
	f := newFixture(t)
	for name, mutant := range mutants() {
		t.Run(name, func(t *testing.T) {
			tried := 0
			for seed := uint64(1); tried < triesOf; seed++ {
				p := planOf(seed)
				if !mutant.fits(p) {
					continue
				}
				tried++
				var r result
				t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { r = simulate(t, f, p, mutant.make()) })
				for _, broken := range r.broken {
					if strings.Contains(broken, mutant.finds) {
						t.Logf("found with %d seeds: %s", tried, broken)
						return
					}
				}
			}
			t.Errorf("not found with %d seeds", tried)
		})
	}
}
