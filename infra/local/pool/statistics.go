package pool

import (
	"cmp"
	"errors"
	"slices"
	"sort"
	"time"
)

// Buckets are the upper bounds of the duration histogram.
func Buckets() []time.Duration {
	all := make([]time.Duration, 0, bucketCount)
	for _, ms := range bucketBounds() {
		all = append(all, ms*time.Millisecond)
	}
	return all
}

const bucketCount = 13

// bucketBounds are in milliseconds.
func bucketBounds() [bucketCount]time.Duration {
	return [...]time.Duration{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000}
}

// Statistics are what a function has done since the start.
type Statistics struct {
	Folder      string
	Invocations int64
	// Errors counts invocations that ended in an error, timeouts and panics
	// among them. Throttles are not invocations.
	Errors    int64
	Timeouts  int64
	Throttles int64
	// Opens counts instances started, Idle those that wait, Running the events
	// under way.
	Opens   int64
	Idle    int
	Running int
	// Duration is the sum of all invocations, Longest the longest.
	Duration time.Duration
	Longest  time.Duration
	// Histogram counts durations up to each of Buckets (not cumulative), and
	// beyond the last.
	Histogram []int64
}

// Snapshot gives the statistics of every function, ordered by folder.
func (p *Pool) Snapshot() []Statistics {
	all := make([]Statistics, 0, len(p.functions))
	for _, f := range p.functions {
		all = append(all, f.snapshot())
	}
	slices.SortFunc(all, func(a, b Statistics) int { return cmp.Compare(a.Folder, b.Folder) })
	return all
}

type counters struct {
	invocations, errors, timeouts, throttles, opens int64
	running                                         int
	total, longest                                  time.Duration
	histogram                                       [bucketCount + 1]int64
}

func (c *counters) add(took time.Duration, err error) {
	c.running--
	c.invocations++
	c.total += took
	c.longest = max(c.longest, took)
	bounds := bucketBounds()
	c.histogram[sort.Search(len(bounds), func(i int) bool { return took <= bounds[i]*time.Millisecond })]++
	if err != nil {
		c.errors++
	}
	if _, late := errors.AsType[*TimedOut](err); late {
		c.timeouts++
	}
}

func (f *function) count(change func(*counters)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.seen)
}

func (f *function) snapshot() Statistics {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Statistics{
		Folder: f.spec.Folder, Invocations: f.seen.invocations, Errors: f.seen.errors, Timeouts: f.seen.timeouts,
		Throttles: f.seen.throttles, Opens: f.seen.opens, Idle: len(f.idle), Running: f.seen.running,
		Duration: f.seen.total, Longest: f.seen.longest, Histogram: slices.Clone(f.seen.histogram[:]),
	}
}
