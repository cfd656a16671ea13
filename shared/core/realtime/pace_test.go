package realtime

import (
	"math"
	"math/rand/v2"
	"slices"
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

// racer is a writer of the simulation. It reads the newest entry, prepares its own
// behind it, and puts that; where another's stands there by then, it pauses and
// does so again.
type racer struct {
	at   []int64 // when it wants to commit what is left
	next int64   // when it does its next step
	// pace is that of the entry whose put is under way, at a position that is then
	// above zero; took is how long the put takes.
	pace     Pace
	position int64
	took     int64
}

// race has writers commit at given times, in turns, each put or read taking so
// long. A put's entry is there after half of it.
func race(at []int64, writers int, take func() int64) (commits []commit) {
	racers := make([]racer, writers)
	for i, ms := range at {
		r := &racers[i%writers]
		r.at = append(r.at, ms)
	}
	for i := range racers {
		if len(racers[i].at) > 0 {
			racers[i].next = racers[i].at[0]
		}
	}
	for {
		var r *racer
		for i := range racers {
			if len(racers[i].at) > 0 && (r == nil || racers[i].next < r.next) {
				r = &racers[i]
			}
		}
		if r == nil {
			return commits
		}
		switch {
		case r.position == 0:
			prev := Pace{}
			if n := len(commits); n > 0 {
				prev = commits[n-1].pace
			}
			now := r.next + take()/2 // the answer to its read is half a call old
			r.position = int64(len(commits)) + 1
			r.pace, r.took = prev.Next(r.position, time.UnixMilli(now)), take()
			r.next = now + r.took/2
		case r.position == int64(len(commits))+1:
			returned := r.next + r.took/2
			commits = append(commits, commit{pace: r.pace, durable: r.next, returned: returned})
			r.at, r.position = r.at[1:], 0
			if len(r.at) > 0 {
				r.next = max(returned, r.at[0])
			}
		default:
			r.position, r.next = 0, r.next+r.took/2+take()/2
		}
	}
}

// frames are the times at which posts were sent for some commits; it notes which
// post carried each.
func frames(commits []commit) (sent []int64) {
	carry := func(from, at int64) {
		sent = append(sent, at)
		for j := from - 1; j < int64(len(commits)) && commits[j].durable <= at; j++ {
			if c := &commits[j]; c.posted == 0 || at < c.posted {
				c.posted = at
			}
		}
	}
	for i, c := range commits {
		position := int64(i + 1)
		switch {
		case c.pace.posts && !c.pace.later && c.pace.from == position:
			sent = append(sent, c.returned)
			if c.posted == 0 || c.returned < c.posted {
				commits[i].posted = c.returned
			}
		case c.pace.posts:
			carry(c.pace.from, max(c.pace.Due, c.returned))
		case c.pace.late(time.UnixMilli(c.returned)):
			at := max(c.pace.Due+interval, c.returned)
			if i+1 == len(commits) || commits[i+1].durable > at {
				carry(c.pace.Group, at)
			}
		}
	}
	return sent
}

// most is the most frames in any window, in milliseconds.
func most(sent []int64, window int64) int {
	slices.Sort(sent)
	highest, first := 0, 0
	for i := range sent {
		for sent[i]-sent[first] >= window {
			first++
		}
		highest = max(highest, i-first+1)
	}
	return highest
}

// poisson are the times of commits at a rate a second, by chance, within some
// milliseconds.
func poisson(rng *rand.Rand, rate float64, within int64) (at []int64) {
	for now := 1e6; now < float64(1e6+within); now += rng.ExpFloat64() * 1000 / rate {
		at = append(at, int64(now))
	}
	return at
}

// mostPosts is how many of a client's 50 frames in five seconds are left beside
// heads: one comes in 2.5 seconds at most.
const mostPosts = 50 - 3

// With eight racing writers, at any rate of commits, that changes meanwhile, and
// however long calls take, posts leave room for the heads among the 50 frames
// that a client gets in five seconds. Every entry is posted; with calls of
// milliseconds none waits longer than the interval after its put.
func TestPaceHoldsTheFrameCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slowest := rapid.SampledFrom([]int64{7, 60, 200}).Draw(t, "slowest")
		rates := rapid.SliceOfN(rapid.SampledFrom([]float64{0.1, 1, 4, 5, 7, 8, 10, 20, 50, 90}), 1, 6).Draw(t, "rates")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var at []int64
		const phase = 13_000
		from := int64(0)
		for _, rate := range rates {
			for _, ms := range poisson(rng, rate, phase) {
				at = append(at, from+ms)
			}
			from += phase
		}
		commits := race(at, 8, func() int64 { return 4 + rng.Int64N(slowest) })
		if got := most(frames(commits), 5000); got > mostPosts {
			t.Fatalf("%d posts in 5 s, at most %d are allowed", got, mostPosts)
		}
		for i, c := range commits {
			if c.posted == 0 {
				t.Fatalf("entry %d was never posted", i+1)
			}
			if wait := c.posted - c.returned; wait > interval+margin && slowest == 7 {
				t.Fatalf("entry %d waited %d ms", i+1, wait)
			}
		}
	})
}

// A topic of five commits a second, by chance, hardly ever waits: the cap adds
// nothing to the 95th percentile of its deliveries.
func TestPaceLeavesFiveCommitsASecondAlone(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, slowest := range []int64{7, 60, 200} {
		commits := race(poisson(rng, 5, 3_600_000), 5, func() int64 { return 4 + rng.Int64N(slowest) })
		sent, waited := frames(commits), 0
		for _, c := range commits {
			if c.posted > c.returned {
				waited++
			}
		}
		share := 100 * float64(waited) / float64(len(commits))
		t.Logf("calls up to %d ms: %.2f %% of %d commits wait, %d frames in 5 s", slowest+3, share, len(commits), most(sent, 5000))
		if share >= 2 {
			t.Errorf("seed %d: with calls up to %d ms %.2f %% of the commits wait", seed, slowest+3, share)
		}
	}
}

// A topic that stays hot waits for a post an interval, and no longer.
func TestPaceOfAHotTopic(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, rate := range []float64{12, 22, 45} {
		commits := race(poisson(rng, rate, 600_000), 8, func() int64 { return 4 + rng.Int64N(7) })
		frames(commits)
		var waits []int64
		for _, c := range commits {
			waits = append(waits, c.posted-c.returned)
		}
		slices.Sort(waits)
		p95 := waits[len(waits)*95/100]
		t.Logf("%v commits/s: half wait %d ms, 95 %% at most %d", rate, waits[len(waits)/2], p95)
		if p95 > interval {
			t.Errorf("seed %d: %v commits/s: 5 %% wait more than %d ms", seed, rate, p95)
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
