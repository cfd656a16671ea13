package realtime

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// commit is one entry of the simulation: when it was committed and when its put
// returned, in milliseconds.
type commit struct {
	pace     Pace
	returned int64
	posted   int64 // when a post carried it
}

// simulate runs writers that commit at given times, each put taking so long,
// and gives what became of each entry and when frames were sent.
func simulate(at []int64, put func() int64) (commits []commit, frames []int64) {
	prev := Pace{}
	for _, now := range at {
		pace := prev.Next(time.UnixMilli(now))
		commits = append(commits, commit{pace: pace, returned: now + put()})
		prev = pace
	}
	for i, c := range commits {
		returned := time.UnixMilli(c.returned)
		switch {
		case c.pace.Posts:
			sent := max(c.pace.Due, c.returned)
			frames = append(frames, sent)
			// The post reads on from its own entry: whatever was put by then.
			alone := sent == c.returned
			for j := i; j < len(commits); j++ {
				if commits[j].returned <= sent && (j == i || !alone) && commits[j].posted == 0 {
					commits[j].posted = sent
				}
			}
		case c.pace.Late(returned):
			frames = append(frames, c.returned)
			commits[i].posted = c.returned
		}
	}
	return commits, frames
}

// most is the most frames in any window, in milliseconds.
func most(frames []int64, window int64) int {
	highest := 0
	for _, from := range frames {
		n := 0
		for _, at := range frames {
			if at >= from && at < from+window {
				n++
			}
		}
		highest = max(highest, n)
	}
	return highest
}

// At any rate of commits no client gets more than 45 frames in five seconds
// (50 with a head a second), every entry is posted, and none waits longer than
// the interval and its own put.
func TestPaceHoldsTheFrameCap(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, rate := range []float64{0.5, 1, 4, 8, 10, 20, 50, 90} {
		var at []int64
		for now := 1e6; now < 1e6+60_000; now += rng.ExpFloat64() * 1000 / rate {
			at = append(at, int64(now))
		}
		commits, frames := simulate(at, func() int64 { return 4 + rng.Int64N(7) })
		if got := most(frames, 5000); got > 45 {
			t.Errorf("seed %d: %v commits/s: %d frames in 5 s", seed, rate, got)
		}
		var worst int64
		for i, c := range commits {
			if c.posted == 0 {
				t.Errorf("seed %d: %v commits/s: entry %d was never posted", seed, rate, i)
			}
			worst = max(worst, c.posted-c.returned)
		}
		if worst > interval {
			t.Errorf("seed %d: %v commits/s: an entry waited %d ms", seed, rate, worst)
		}
	}
}

// A quiet topic pays nothing: an entry that comes long after the last one is
// due at once.
func TestQuietTopicPaysNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(1e12, 2e12).Draw(t, "now")
		prev := Pace{}.Next(time.UnixMilli(now))
		later := now + rapid.Int64Range(interval, math.MaxInt32).Draw(t, "pause")
		next := prev.Next(time.UnixMilli(later))
		if !next.Posts || next.Due != later {
			t.Fatalf("due at %d, posts %v; want at once, %d", next.Due, next.Posts, later)
		}
	})
}

func TestBurst(t *testing.T) {
	now := time.UnixMilli(1e12)
	pace, posted := Pace{}, 0
	for range 20 {
		pace = pace.Next(now)
		if pace.Posts && pace.Due == now.UnixMilli() {
			posted++
		}
	}
	if posted != burst {
		t.Errorf("%d of 20 commits at one moment are posted at once, want %d", posted, burst)
	}
	if wait := pace.Wait(now); wait <= 0 || wait > interval*time.Millisecond {
		t.Errorf("the others wait %v", wait)
	}
}
