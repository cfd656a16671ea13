package flags

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// Buckets are for good: another algorithm needs another number. The values are those of
// another implementation (Python's hashlib).
func TestBucketIsForGood(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		salt, userID string
		want         int
	}{
		{"", "", 3192}, {"salt", "user_ada", 9207}, {"salt", "user_ben", 3858}, {"pepper", "user_ada", 713}, {"salt", "Amélie 😀", 573},
		{"salt", strings.Repeat("x", 10_000), 4600},
	} {
		if got := bucket(tt.salt, tt.userID); got != tt.want {
			t.Errorf("bucket(%q, %.20q) is %d, want %d", tt.salt, tt.userID, got, tt.want)
		}
	}
}

// people are n ids.
func people(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("user_%07d", i)
	}
	return ids
}

// People spread evenly over a flag's buckets, and independently over two flags'.
func TestBucketsAreEvenAndIndependent(t *testing.T) {
	t.Parallel()
	const n, cells = 100_000, 100
	counts := make([]float64, cells)
	var x, y, xx, yy, xy float64
	for _, id := range people(n) {
		a, b := float64(bucket("one", id)), float64(bucket("other", id))
		counts[int(a)/(total/cells)]++
		x, y, xx, yy, xy = x+a, y+b, xx+a*a, yy+b*b, xy+a*b
	}
	chi := 0.0
	for _, got := range counts {
		want := float64(n) / cells
		chi += (got - want) * (got - want) / want
	}
	// 99 degrees of freedom: above 148 in one of a thousand.
	if chi > 148 {
		t.Errorf("chi square is %.1f", chi)
	}
	correlation := (n*xy - x*y) / math.Sqrt((n*xx-x*x)*(n*yy-y*y))
	if math.Abs(correlation) > 0.01 {
		t.Errorf("two flags correlate by %.4f", correlation)
	}
}

// Whatever weights follow each other, each variant has its part, and no more buckets
// change hands than must.
func TestWeightsMoveNoMoreThanTheyMust(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	names := []string{"a", "b", "c", "d", "e"}
	var ranges []share
	old := map[string]int{}
	for i := range 1000 {
		weights := randomWeights(random, names[:1+random.IntN(len(names))])
		next := reapportioned(ranges, weights)
		if got := sizes(next); !maps.Equal(got, positive(weights)) {
			t.Fatalf("weights %v give %v", weights, got)
		}
		if i > 0 {
			moved, must := 0, 0
			for b := range total {
				if ranges[holder(ranges, b)].Variant != next[holder(next, b)].Variant {
					moved++
				}
			}
			for _, name := range names {
				must += max(0, weights[name]-old[name])
			}
			if moved != must {
				t.Fatalf("from %v to %v move %d, %d must", old, weights, moved, must)
			}
		}
		ranges, old = next, weights
	}
}

func randomWeights(random *rand.Rand, names []string) map[string]int {
	weights := map[string]int{}
	left := total
	for _, name := range names[1:] {
		weights[name] = random.IntN(left + 1)
		left -= weights[name]
	}
	weights[names[0]] = left
	return weights
}

func sizes(ranges []share) map[string]int {
	got := map[string]int{}
	at := 0
	for _, r := range ranges {
		got[r.Variant] += r.Below - at
		at = r.Below
	}
	return got
}

func positive(weights map[string]int) map[string]int {
	w := maps.Clone(weights)
	maps.DeleteFunc(w, func(_ string, n int) bool { return n == 0 })
	return w
}

// Evaluating gives a variant that exists, whatever the flag and whoever asks, and the
// same one every time.
func TestEvaluationNeverFails(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for range 300 {
		names := []string{"a", "b", "c"}[:1+random.IntN(3)]
		f := Flag{Key: "k", Type: Number, Variants: map[string]Value{}, Default: names[random.IntN(len(names))], Rules: []Rule{}}
		for i, name := range names {
			f.Variants[name] = Value(fmt.Sprint(i))
		}
		r := record{Flag: f}
		switch random.IntN(3) {
		case 0:
			r.Flag.Rules = []Rule{{Serve: Serve{Variant: names[0]}}}
		case 1:
			weights := randomWeights(random, names)
			r.Flag.Rules = []Rule{{Serve: Serve{Weights: weights}}}
			r.Bucketing = bucketing{Algorithm: algorithm, Salt: fmt.Sprint(random.Uint64()), Ranges: reapportioned(nil, weights)}
		}
		c, err := compile(r)
		if err != nil {
			t.Fatal(err)
		}
		s := &Snapshot{flags: map[string]*compiled{"k": c}, killed: map[string]bool{"k": random.IntN(4) == 0}}
		for range 50 {
			id := string(randomBytes(random))
			got := s.Evaluate("k", id)
			if !slices.Contains(names, got.Variant) || string(got.Value) != string(f.Variants[got.Variant]) {
				t.Fatalf("%q gets %+v of %+v", id, got, r)
			}
			if again := s.Evaluate("k", id); again.Variant != got.Variant || again.Reason != got.Reason {
				t.Fatalf("%q gets %+v, then %+v", id, got, again)
			}
			if s.killed["k"] && got.Variant != f.Default {
				t.Fatalf("%q gets %+v of a flag that is killed", id, got)
			}
		}
		if got := s.Evaluate("unknown", "user"); got.Variant != "" || got.Reason != ReasonError || got.on {
			t.Fatalf("an unknown flag is %+v", got)
		}
	}
}

func randomBytes(random *rand.Rand) []byte {
	text := make([]byte, random.IntN(300))
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	return text
}

func TestDeclarationsAreValid(t *testing.T) {
	t.Parallel()
	all := compiledDeclarations()
	read, unread := &Snapshot{flags: all}, unreadSnapshot()
	for _, f := range Declared() {
		if err := f.check(); err != nil || all[f.Key] == nil {
			t.Errorf("%s: %v", f.Key, err)
		}
		if got := unread.Evaluate(f.Key, "user"); got.on != (f.Key == "transcription") || got.Reason != ReasonError {
			t.Errorf("%s is, for whoever knows nothing: %+v", f.Key, got)
		}
	}
	if len(all) != 7 || !read.Boolean(Transcription, "user") {
		t.Errorf("%d flags are declared; transcription is %+v", len(all), read.Evaluate("transcription", "user"))
	}
}

func splitSnapshot() *Snapshot {
	weights := map[string]int{"on": 2500, "off": 7500}
	f := Transcription.flag()
	f.Rules[0].Serve = Serve{Weights: weights}
	c, err := compile(record{Flag: f, Bucketing: bucketing{Algorithm: algorithm, Salt: "01K0ABCDEFGHJKMNPQRSTVWXYZ", Ranges: reapportioned(nil, weights)}})
	if err != nil {
		panic(err)
	}
	return &Snapshot{flags: map[string]*compiled{f.Key: c}, killed: map[string]bool{}}
}

func TestEvaluationAllocatesNothing(t *testing.T) {
	s := splitSnapshot()
	if n := testing.AllocsPerRun(1000, func() { s.Boolean(Transcription, "user_01K0ADA00000000000000000") }); n != 0 {
		t.Errorf("an evaluation allocates %v times", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	s := splitSnapshot()
	b.ReportAllocs()
	for b.Loop() {
		s.Boolean(Transcription, "user_01K0ADA00000000000000000")
	}
}
