package latency

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/shared/core/clock"
)

const seed = 7

func model() (*Model, *clock.Manual) {
	c := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return AWS(seed, c), c
}

// TestSamplesHaveThePercentiles draws 100,000 samples of every distribution. The
// tolerance is in shares: of the samples, so many more or fewer than the
// percentile says may be at or below its time.
func TestSamplesHaveThePercentiles(t *testing.T) {
	const samples, tolerance = 100_000, 0.01
	m, _ := model()
	for name, d := range aws() {
		all := make([]time.Duration, samples)
		for i := range all {
			all[i] = m.draw(name)
		}
		slices.Sort(all)
		for _, p := range d {
			below, _ := slices.BinarySearch(all, p.at+1)
			if got := float64(below) / samples; got < p.share-tolerance || got > p.share+tolerance {
				t.Errorf("%s (seed %d): %.1f %% of the samples are at or below %v, want %.1f %%", name, seed, got*100, p.at, p.share*100)
			}
		}
		if all[0] < d[0].at || all[samples-1] > d[len(d)-1].at {
			t.Errorf("%s: samples from %v to %v, want from %v to %v", name, all[0], all[samples-1], d[0].at, d[len(d)-1].at)
		}
	}
}

func TestDistributionsGrow(t *testing.T) {
	for name, d := range aws() {
		if d[0].share != 0 || d[len(d)-1].share != 1 {
			t.Errorf("%s is not from minimum to maximum", name)
		}
		if !slices.IsSortedFunc(d, func(a, b point) int {
			if a.share < b.share && a.at < b.at {
				return -1
			}
			return 1
		}) {
			t.Errorf("%s doesn't grow: %v", name, d)
		}
	}
}

func TestQuantilesAreLogLinear(t *testing.T) {
	d := curve(0, 1, 50, 4, 100, 400)
	for share, want := range map[float64]time.Duration{
		-1: time.Millisecond, 0: time.Millisecond, 0.25: 2 * time.Millisecond, 0.5: 4 * time.Millisecond,
		0.75: 40 * time.Millisecond, 1: 400 * time.Millisecond, 2: 400 * time.Millisecond,
	} {
		if got := d.quantile(share); got < want-time.Microsecond || got > want+time.Microsecond {
			t.Errorf("quantile(%v) = %v, want %v", share, got, want)
		}
	}
}

func TestEveryLatencyHasItsDistribution(t *testing.T) {
	for name, draw := range map[string]func(*Model) time.Duration{
		warm: (*Model).Invoke, cold: (*Model).ColdStart, httpAPI: (*Model).HTTP, socketAPI: (*Model).Socket,
		network: (*Model).Network, streamHop: (*Model).StreamHop,
		postCall:             func(m *Model) time.Duration { return m.Call(proxy.Sockets, "PostToConnection") },
		"TransactWriteItems": func(m *Model) time.Duration { return m.Call(proxy.Tables, "TransactWriteItems") },
		"GetItem":            func(m *Model) time.Duration { return m.Call(proxy.Tables, "DescribeTable") },
	} {
		one, _ := model()
		other, _ := model()
		for range 100 {
			if got, want := draw(one), other.draw(name); got != want {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	}
}

func TestStepTakesTheLatencyAroundTheCall(t *testing.T) {
	m, c := model()
	drawn, _ := model()
	whole := drawn.Call(proxy.Tables, "PutItem")
	began := c.Now()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	var done time.Time
	answer, err := m.Middleware(ctx, &proxy.Call{Service: proxy.Tables, Operation: "PutItem"}, func(context.Context, *proxy.Call) (proxy.Response, error) {
		done = c.Now()
		return proxy.Response{Status: 200}, proxy.ErrCut
	})
	if answer.Status != 200 || !errors.Is(err, proxy.ErrCut) {
		t.Errorf("the step gave %d, %v", answer.Status, err)
	}
	if got := done.Sub(began); got != whole/2 {
		t.Errorf("done after %v of %v", got, whole)
	}
	if got := c.Now().Sub(began); got != whole {
		t.Errorf("answered after %v, want %v, also for a caller who has left", got, whole)
	}
}

// What the laptop takes for a call is part of the call's time, which is never
// shorter than was drawn.
func TestStepCountsWhatTheServiceTakes(t *testing.T) {
	for _, test := range []struct{ share float64 }{{0.3}, {0.5}, {2}} {
		m, c := model()
		drawn, _ := model()
		whole := drawn.Call(proxy.Tables, "Query")
		took := time.Duration(test.share * float64(whole))
		began := c.Now()
		_, err := m.Middleware(t.Context(), &proxy.Call{Service: proxy.Tables, Operation: "Query"}, func(context.Context, *proxy.Call) (proxy.Response, error) {
			c.Advance(took)
			return proxy.Response{}, nil
		})
		want := max(whole, whole/2+took)
		if got := c.Now().Sub(began); err != nil || got != want {
			t.Errorf("a service that takes %v of %v: answered after %v, want %v (%v)", took, whole, got, want, err)
		}
	}
}

// TestTheDocumentHasTheFigures compares docs/latency-model.md's table.
func TestTheDocumentHasTheFigures(t *testing.T) {
	text, err := os.ReadFile("../../../docs/latency-model.md")
	if err != nil {
		t.Fatal(err)
	}
	percentiles := []float64{0, 10, 50, 90, 95, 99, 100}
	said := map[string]distribution{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != len(percentiles)+2 {
			continue
		}
		var pairs []float64
		for i, percentile := range percentiles {
			cell := strings.TrimSpace(cells[i+1])
			at, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64)
			if err == nil {
				pairs = append(pairs, percentile, at)
			}
		}
		if len(pairs) == 0 {
			continue
		}
		for name := range strings.SplitSeq(cells[0], " / ") {
			said[strings.TrimSpace(name)] = curve(pairs...)
		}
	}
	figures := aws()
	for name, d := range figures {
		if !slices.Equal(said[name], d) {
			t.Errorf("%s is %v in docs/latency-model.md, %v here", name, said[name], d)
		}
	}
	for name := range said {
		if _, known := figures[name]; !known {
			t.Errorf("%q stands in docs/latency-model.md alone", name)
		}
	}
}

// TestTheObjectiveFitsTheModel draws an edit's and a chunk's way to another
// client, as docs/latency-model.md lists them, without the laptop's own time.
func TestTheObjectiveFitsTheModel(t *testing.T) {
	const samples = 200_000
	m, _ := model()
	permitted := func() time.Duration { return max(m.draw("BatchGetItem"), m.draw("Query")) }
	committed := func() time.Duration { return m.draw("GetItem") + permitted() + m.draw("PutItem") }
	delivered := func() time.Duration { return m.draw("Query") + m.draw(postCall)/2 + m.Network() }
	ways := map[string]func() time.Duration{
		"an edit's": func() time.Duration { return m.Network() + m.Socket() + m.Invoke() + committed() + delivered() },
		"a known socket's edit's": func() time.Duration {
			return m.Network() + m.Socket() + m.Invoke() + permitted() + m.draw("PutItem") + delivered()
		},
		"a chunk's": func() time.Duration {
			claimed := m.draw("UpdateItem")
			return m.Network() + m.HTTP() + m.Invoke() + claimed + committed() + delivered()
		},
	}
	for whose, way := range ways {
		all := make([]time.Duration, samples)
		for i := range all {
			all[i] = way()
		}
		slices.Sort(all)
		p50, p95, p99 := all[samples/2], all[samples*95/100], all[samples*99/100]
		t.Logf("%s delivery in the model: p50 %v, p95 %v, p99 %v", whose, p50, p95, p99)
		if p95 > 150*time.Millisecond || p99 > 300*time.Millisecond {
			t.Errorf("%s p95 %v, p99 %v: above the objective of 150 and 300 ms before the laptop does anything", whose, p95, p99)
		}
	}
}
