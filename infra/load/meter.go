package main

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest latency that a meter distinguishes; longer counts as it.
const longest = 2 * time.Minute

// meter keeps latencies: those of the measured time, and those since the last
// look. HdrHistogram to three digits, in microseconds. It is safe for
// concurrent use.
type meter struct {
	mu     sync.Mutex
	total  *hdrhistogram.Histogram
	window *hdrhistogram.Histogram
}

func newMeter() *meter { return &meter{total: newHistogram(), window: newHistogram()} }

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), 3)
}

// add takes a latency; it counts for the total where it was measured.
func (m *meter) add(d time.Duration, measured bool) {
	us := min(max(d.Microseconds(), 1), longest.Microseconds())
	m.mu.Lock()
	defer m.mu.Unlock()
	// The bounds above make an error impossible.
	_ = m.window.RecordValue(us)
	if measured {
		_ = m.total.RecordValue(us)
	}
}

// Latency is a distribution, in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	if h.TotalCount() == 0 {
		return Latency{}
	}
	return Latency{
		Count: h.TotalCount(), Mean: h.Mean() / 1000,
		P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1000,
	}
}

// measured is the distribution of the measured time so far.
func (m *meter) measured() Latency {
	m.mu.Lock()
	defer m.mu.Unlock()
	return latencyOf(m.total)
}

// recent is the distribution since the last call of recent.
func (m *meter) recent() Latency {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := latencyOf(m.window)
	m.window.Reset()
	return l
}

// reset forgets everything.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total.Reset()
	m.window.Reset()
}

// merged is the distribution of several meters together.
func merged(meters ...*meter) Latency {
	all := newHistogram()
	for _, m := range meters {
		m.mu.Lock()
		all.Merge(m.total)
		m.mu.Unlock()
	}
	return latencyOf(all)
}
