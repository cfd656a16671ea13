package main

import (
	"strings"
	"testing"
)

const page = `# HELP rapport_function_invocations_total Events.
# TYPE rapport_function_invocations_total counter
rapport_function_invocations_total{function="notes/edit"} 120
rapport_function_invocations_total{function="users/get"} 3
rapport_function_duration_seconds_bucket{function="notes/edit",le="0.1"} 100
rapport_function_duration_seconds_sum{function="notes/edit"} 6
rapport_function_duration_seconds_sum{function="users/get"} 0.003
rapport_write_units_total{function="notes/edit"} 240.5
rapport_read_units_total{function="notes/edit"} 60
rapport_sockets_open 5
rapport_fanout_seconds{quantile="0.99"} NaN
not a line
`

func TestMetrics(t *testing.T) {
	got, err := parseMetrics(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if n := got.sum("rapport_function_invocations_total", nil); n != 123 {
		t.Errorf("%v invocations", n)
	}
	if len(got) != 7 {
		t.Errorf("%d series: %v", len(got), got)
	}
	if w, r := capacity(got); w != 240.5 || r != 60 {
		t.Errorf("%v write and %v read units", w, r)
	}
	sums := functionSums(got.minus(scraped{`rapport_function_invocations_total{function="notes/edit"}`: 20}), map[string]float64{"notes/edit": 512})
	if len(sums) != 2 || sums[0].Name != "notes/edit" || sums[0].Invocations != 100 || sums[0].MeanMs != 60 {
		t.Fatalf("%+v", sums)
	}
	// 6 s, and half a millisecond for each of 100 invocations, at half a GB.
	if got, want := sums[0].GBSeconds, (6+0.05)*0.5; got != want {
		t.Errorf("%v GB-seconds, want %v", got, want)
	}
	if sums[1].MemoryMB != defaultMemoryMB {
		t.Errorf("a function that the templates don't tell of has %v MB", sums[1].MemoryMB)
	}
}

func TestVerdicts(t *testing.T) {
	fine := func() *Report {
		return &Report{
			Latencies: map[string]Latency{
				"noteDelivery": {Count: 1, P95: 149, P99: 299}, "queries": {Count: 1, P95: 119, P99: 249},
			},
			Findings: Findings{Topics: 1, Entries: 1, Acked: 1, Clients: 2}, Frames: FrameSums{Most: 50}, Lateness: Latency{P99: 3},
		}
	}
	for name, tt := range map[string]struct {
		change      func(*Report)
		wrong, miss bool // fails always; fails where misses count
	}{
		"fine":         {func(*Report) {}, false, false},
		"slow":         {func(r *Report) { r.Latencies["noteDelivery"] = Latency{Count: 1, P95: 150, P99: 200} }, false, true},
		"slow queries": {func(r *Report) { r.Latencies["queries"] = Latency{Count: 1, P95: 10, P99: 250} }, false, true},
		"hot topics may wait": {func(r *Report) {
			r.Scenario.Mode = "hot"
			r.Latencies["noteDelivery"] = Latency{Count: 1, P95: 274, P99: 424}
		}, false, false},
		"frames":               {func(r *Report) { r.Frames.Most = 51 }, false, true},
		"refused":              {func(r *Report) { r.Refused = 1 }, false, true},
		"the driver was late":  {func(r *Report) { r.Lateness.P99 = 21 }, false, false},
		"missing":              {func(r *Report) { r.Findings.Missing = 1 }, true, true},
		"twice":                {func(r *Report) { r.Findings.Twice = 1 }, true, true},
		"a hole":               {func(r *Report) { r.Findings.Holes = 1 }, true, true},
		"behind":               {func(r *Report) { r.Findings.Behind = 1 }, true, true},
		"another history":      {func(r *Report) { r.Findings.Differ = 1 }, true, true},
		"another text":         {func(r *Report) { r.Findings.TextsDiffer = 1 }, true, true},
		"nothing was measured": {func(r *Report) { clear(r.Latencies) }, false, false},
		"nothing was written":  {func(r *Report) { r.Findings = Findings{} }, true, true},
	} {
		r := fine()
		tt.change(r)
		all := verdicts(r)
		if got := failed(all, false); got != tt.wrong {
			t.Errorf("%s: fails although misses are only told: %v, want %v", name, got, tt.wrong)
		}
		if got := failed(all, true); got != tt.miss {
			t.Errorf("%s: fails: %v, want %v", name, got, tt.miss)
		}
	}
}

func TestReportPageStandsAlone(t *testing.T) {
	r := &Report{
		Title: "A <title>", Latencies: map[string]Latency{"noteDelivery": {Count: 3, P50: 1, P95: 2, P99: 3}},
		Samples: []Sample{{Seconds: 1, Sockets: 3}, {Seconds: 2, Sockets: 4, Measured: true, Latencies: map[string]Latency{"noteDelivery": {Count: 1, P50: 3}}}},
	}
	r.Verdicts = verdicts(r)
	text, err := r.page()
	if err != nil {
		t.Fatal(err)
	}
	html := string(text)
	for _, want := range []string{"A &lt;title&gt;", "<svg", "prefers-color-scheme: dark"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, outside := range []string{"http://", "https://", "<script", "<link", "@import", "ZgotmplZ"} {
		if strings.Contains(html, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
}
