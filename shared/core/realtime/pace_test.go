package realtime

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// commit is one entry of the simulation, its times in milliseconds.
type commit struct {
	pace     Pace
	durable  int64 // from when on others read it
	returned int64 // when its writer knows
	posted   int64 // when a post carried it first
}

// simulate runs writers that want to commit at given times, each put taking so
// long, half of it until the entry is there. An entry's writer has read the one
// before it, so it begins after that is there. It gives what became of each
// entry and when frames were sent.
func simulate(at []int64, put func() int64) (commits []commit, frames []int64) {
	prev, there := Pace{}, int64(0)
	for i, now := range at {
		now = max(now, there)
		prev = prev.Next(int64(i+1), time.UnixMilli(now))
		took := put()
		there = now + took/2
		commits = append(commits, commit{pace: prev, durable: there, returned: now + took})
	}
	carry := func(from, sent int64) {
		frames = append(frames, sent)
		for j := from - 1; j < int64(len(commits)) && commits[j].durable <= sent; j++ {
			if c := &commits[j]; c.posted == 0 || sent < c.posted {
				c.posted = sent
			}
		}
	}
	for i, c := range commits {
		position := int64(i + 1)
		switch {
		case c.pace.posts && !c.pace.later && c.pace.from == position:
			frames = append(frames, c.returned)
			commits[i].posted = c.returned
		case c.pace.posts:
			carry(c.pace.from, max(c.pace.Due, c.returned))
		case c.pace.late(time.UnixMilli(c.returned)):
			sent := max(c.pace.Due+interval, c.returned)
			if i+1 == len(commits) || commits[i+1].durable > sent {
				carry(c.pace.Group, sent)
			}
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

// At any rate of commits, and however long puts take, no client gets more than
// 50 frames in five seconds (44 with puts of milliseconds).
// Every entry is posted; with puts of milliseconds none waits longer than the
// interval after its put.
func TestPaceHoldsTheFrameCap(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, slowest := range []int64{7, 60, 200} {
		for _, rate := range []float64{0.5, 1, 4, 8, 10, 20, 50, 90} {
			var at []int64
			for now := 1e6; now < 1e6+60_000; now += rng.ExpFloat64() * 1000 / rate {
				at = append(at, int64(now))
			}
			commits, frames := simulate(at, func() int64 { return 4 + rng.Int64N(slowest) })
			if got := most(frames, 5000); got > 44 && slowest == 7 || got > 50 {
				t.Errorf("seed %d: %v commits/s, puts up to %d ms: %d frames in 5 s", seed, rate, slowest+3, got)
			}
			var worst int64
			for i, c := range commits {
				if c.posted == 0 {
					t.Errorf("seed %d: %v commits/s: entry %d was never posted", seed, rate, i)
				}
				worst = max(worst, c.posted-c.returned)
			}
			t.Logf("%v commits/s, puts up to %d ms: %d frames in 5 s, longest wait %d ms", rate, slowest+3, most(frames, 5000), worst)
			if worst > interval+margin && slowest == 7 {
				t.Errorf("seed %d: %v commits/s: an entry waited %d ms", seed, rate, worst)
			}
		}
	}
}

// A quiet topic pays nothing: an entry that comes long after the last one is
// due at once.
func TestQuietTopicPaysNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(1e12, 2e12).Draw(t, "now")
		prev := Pace{}.Next(1, time.UnixMilli(now))
		later := now + rapid.Int64Range(interval, math.MaxInt32).Draw(t, "pause")
		next := prev.Next(2, time.UnixMilli(later))
		if !next.posts || next.later || next.Due != later {
			t.Fatalf("due at %d, posts %v; want at once, %d", next.Due, next.posts, later)
		}
	})
}

func TestBurst(t *testing.T) {
	now := time.UnixMilli(1e12)
	pace, posted := Pace{}, 0
	for i := range 20 {
		pace = pace.Next(int64(i+1), now)
		if pace.posts && pace.Due == now.UnixMilli() {
			posted++
		}
	}
	if posted != burst {
		t.Errorf("%d of 20 commits at one moment are posted at once, want %d", posted, burst)
	}
	if wait := until(pace.Due, now); wait <= 0 || wait > interval*time.Millisecond {
		t.Errorf("the others wait %v", wait)
	}
}

// A clock that is wrong by far neither silences a topic nor makes others wait.
func TestFastClock(t *testing.T) {
	now := time.UnixMilli(1e12)
	wrong := Pace{}.Next(1, now.Add(10*time.Second))
	next := wrong.Next(2, now)
	if !next.posts || next.Due > now.UnixMilli()+2*interval+margin {
		t.Errorf("after an entry from the future: posts %v, due in %d ms", next.posts, next.Due-now.UnixMilli())
	}
}
