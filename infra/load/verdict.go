package main

import "fmt"

// The service's objectives, in milliseconds, and what the driver asks of itself.
const (
	deliveryP95, deliveryP99 = 150.0, 300.0
	queryP95, queryP99       = 120.0, 250.0
	// hotWait is what a topic above eight commits a second may wait more.
	hotWait = 125.0
	// maxLateness is how late the driver's own 99th percentile may be before the
	// report says that its figures include the driver's lag.
	maxLateness = 20.0
)

// Verdict is one line of what a run is held against.
type Verdict struct {
	Name   string `json:"name"`
	Pass   bool   `json:"pass"`
	Figure string `json:"figure"`
	// Correctness lines fail the run whatever SLO says; lines that only inform
	// never do.
	Correctness bool `json:"correctness,omitempty"`
	Informs     bool `json:"informs,omitempty"`
}

// verdicts hold a run against the objectives.
func verdicts(r *Report) []Verdict {
	var all []Verdict
	slo := func(name string, got Latency, p95, p99 float64) {
		if got.Count == 0 {
			return
		}
		all = append(all,
			Verdict{Name: fmt.Sprintf("%s: p95 below %g ms", name, p95), Pass: got.P95 < p95, Figure: ms(got.P95)},
			Verdict{Name: fmt.Sprintf("%s: p99 below %g ms", name, p99), Pass: got.P99 < p99, Figure: ms(got.P99)})
	}
	wait := 0.0
	if r.Scenario.Mode == "hot" {
		wait = hotWait
	}
	slo("Delivery of notes", r.Latencies["noteDelivery"], deliveryP95+wait, deliveryP99+wait)
	slo("Delivery of transcripts", r.Latencies["transcriptDelivery"], deliveryP95, deliveryP99)
	slo("Queries", r.Latencies["queries"], queryP95, queryP99)
	f := r.Findings
	right := func(name string, wrong int64, format string, args ...any) {
		all = append(all, Verdict{Name: name, Pass: wrong == 0, Figure: fmt.Sprintf(format, args...), Correctness: true})
	}
	all = append(all, Verdict{
		Name: "Something was written and compared", Pass: f.Acked > 0 && f.Clients > 0, Correctness: true,
		Figure: fmt.Sprintf("%d operations in %d topics", f.Acked, f.Topics),
	})
	right("Nothing acknowledged is missing", f.Missing, "%d of %d missing", f.Missing, f.Acked)
	right("Nothing stands twice", f.Twice+f.Holes, "%d twice, %d out of order, of %d entries", f.Twice, f.Holes, f.Entries)
	right("All clients agree with the history", f.Behind+f.Differ, "%d behind, %d differ, of %d", f.Behind, f.Differ, f.Clients)
	right("Texts rebuilt by sessions are the server's", f.TextsDiffer, "%d differ, of %d", f.TextsDiffer, f.Texts)
	all = append(all,
		Verdict{Name: fmt.Sprintf("At most %d event and head frames in 5 s, a client and topic", capFrames), Pass: r.Frames.Most <= capFrames, Figure: fmt.Sprintf("%d at most", r.Frames.Most)},
		Verdict{Name: "No operation refused", Pass: r.Refused == 0, Figure: fmt.Sprintf("%d refused", r.Refused)},
		Verdict{Name: fmt.Sprintf("The driver kept time: p99 of its lateness below %g ms", maxLateness), Pass: r.Lateness.P99 <= maxLateness, Figure: ms(r.Lateness.P99), Informs: true})
	return all
}

// failed reports whether any line fails the run.
func failed(all []Verdict, misses bool) bool {
	for _, v := range all {
		if !v.Pass && !v.Informs && (v.Correctness || misses) {
			return true
		}
	}
	return false
}

func ms(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	case v >= 10:
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.2f ms", v)
}
