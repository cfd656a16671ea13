package main

import (
	"context"
	"os"
	"runtime/metrics"
	"strings"
	"sync"
	"time"
)

// Sample is what one second was like. Rates are a second, latencies in
// milliseconds over that second, CPU in cores.
type Sample struct {
	// Seconds since the driver began; Measured reports whether it counts.
	Seconds  float64 `json:"seconds"`
	Measured bool    `json:"measured"`

	Latencies map[string]Latency `json:"latencies"`
	Lateness  Latency            `json:"lateness"`
	Scheduled [kinds]float64     `json:"scheduled"`
	Acked     [kinds]float64     `json:"acked"`
	Delivered float64            `json:"delivered"`
	FramesIn  float64            `json:"framesIn"`
	FramesOut float64            `json:"framesOut"`
	Requests  float64            `json:"requests"`
	Errors    float64            `json:"errors"`
	Sockets   int64              `json:"sockets"`

	ServerCPU float64 `json:"serverCpu"`
	EngineCPU float64 `json:"engineCpu"`
	DriverCPU float64 `json:"driverCpu"`
	// OthersCPU is what everything else on the machine used.
	OthersCPU float64 `json:"othersCpu"`
	ServerRSS int64   `json:"serverRss"`
	EngineRSS int64   `json:"engineRss"`
	DriverRSS int64   `json:"driverRss"`

	// Server are the rates of the server's own counters, and its gauges.
	Server map[string]float64 `json:"server,omitempty"`
}

// sampler looks once a second.
type sampler struct {
	fleet  *fleet
	server *server
	begun  time.Time
	show   func(Sample)

	mu      sync.Mutex
	samples []Sample
	// first and last are the server's metrics at the bounds of the measured time.
	first, last scraped
	before      totals
	stopped     chan struct{}
}

// totals are counters at one moment.
type totals struct {
	at                time.Time
	scheduled, acked  [kinds]int64
	delivered         int64
	in, out, requests int64
	errors            int64
	cpu               [3]time.Duration
	busy              time.Duration
	server            scraped
}

func newSampler(c *fleet, sv *server, show func(Sample)) *sampler {
	return &sampler{fleet: c, server: sv, begun: time.Now(), show: show, stopped: make(chan struct{})}
}

// run samples until ctx ends.
func (s *sampler) run(ctx context.Context) {
	defer close(s.stopped)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	s.before, _ = s.totals(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.look(ctx)
		}
	}
}

func (s *sampler) totals(ctx context.Context) (now totals, rss [3]int64) {
	t := s.fleet.tally
	now = totals{at: time.Now(), in: t.received.all.Load(), out: t.sent.all.Load(), requests: t.requests.all.Load()}
	for k := range kinds {
		now.scheduled[k], now.acked[k] = t.scheduled[k].Load(), t.acked[k].Load()
	}
	now.delivered = t.delivered[noteOp].Load() + t.delivered[transcriptOp].Load()
	for _, n := range t.failures() {
		now.errors += n
	}
	for i, pid := range []int{s.server.pid, s.server.engine, os.Getpid()} {
		used := usageOf(pid)
		now.cpu[i], rss[i] = used.cpu, used.rss
	}
	now.busy = busy()
	// A server that doesn't answer leaves a hole in the curve.
	now.server, _ = scrape(ctx, s.server.base)
	return now, rss
}

func (s *sampler) look(ctx context.Context) {
	now, rss := s.totals(ctx)
	t := s.fleet.tally
	before := s.before
	s.before = now
	over := now.at.Sub(before.at).Seconds()
	rate := func(a, b int64) float64 { return float64(a-b) / over }
	sample := Sample{
		Seconds: now.at.Sub(s.begun).Seconds(), Measured: t.measuring.Load(),
		Latencies: s.latencies(), Lateness: t.lateness.recent(),
		Delivered: rate(now.delivered, before.delivered), FramesIn: rate(now.in, before.in), FramesOut: rate(now.out, before.out),
		Requests: rate(now.requests, before.requests), Errors: rate(now.errors, before.errors), Sockets: t.sockets.Load(),
		ServerCPU: (now.cpu[0] - before.cpu[0]).Seconds() / over,
		EngineCPU: (now.cpu[1] - before.cpu[1]).Seconds() / over,
		DriverCPU: (now.cpu[2] - before.cpu[2]).Seconds() / over,
		ServerRSS: rss[0], EngineRSS: rss[1], DriverRSS: rss[2],
		Server: serverRates(now.server, before.server, over),
	}
	if s.server.pid > 0 {
		sample.OthersCPU = max(0, (now.busy-before.busy).Seconds()/over-sample.ServerCPU-sample.EngineCPU-sample.DriverCPU)
	}
	for k := range kinds {
		sample.Scheduled[k], sample.Acked[k] = rate(now.scheduled[k], before.scheduled[k]), rate(now.acked[k], before.acked[k])
	}
	s.mu.Lock()
	s.samples = append(s.samples, sample)
	s.mu.Unlock()
	s.show(sample)
}

func (s *sampler) latencies() map[string]Latency {
	t := s.fleet.tally
	all := map[string]Latency{
		"noteAck": t.noteAck.recent(), "noteDelivery": t.noteDelivery.recent(),
		"transcriptAck": t.transcriptAck.recent(), "transcriptDelivery": t.transcriptDelivery.recent(),
	}
	worst := Latency{}
	for _, m := range t.queries {
		latency := m.recent()
		worst.Count += latency.Count
		worst.P50, worst.P95, worst.P99, worst.Max = max(worst.P50, latency.P50), max(worst.P95, latency.P95), max(worst.P99, latency.P99), max(worst.Max, latency.Max)
	}
	all["queries"] = worst
	return all
}

// serverRates are the server's counters as rates, and its gauges as they are;
// what never moved is left out.
func serverRates(now, before scraped, over float64) map[string]float64 {
	out := map[string]float64{}
	for series, value := range now {
		if !strings.HasPrefix(series, "rapport_") {
			continue
		}
		name := family(series)
		if strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count") {
			if last, known := before[series]; known && value != last {
				out[series] = (value - last) / over
			}
		} else if value != 0 {
			out[series] = value
		}
	}
	return out
}

// measure begins or ends the measured time.
func (s *sampler) measure(ctx context.Context, on bool) {
	s.fleet.tally.measuring.Store(on)
	now, err := scrape(ctx, s.server.base)
	if err != nil {
		s.fleet.report("the server's metrics could not be read: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.first = now
	} else {
		s.last = now
	}
}

// count is how many samples there are.
func (s *sampler) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.samples)
}

// mean is that of a value since a sample.
func (s *sampler) mean(from int, of func(Sample) float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return meanOf(s.samples[min(from, len(s.samples)):], of)
}

func meanOf(samples []Sample, of func(Sample) float64) float64 {
	total := 0.0
	for _, sample := range samples {
		total += of(sample)
	}
	return total / float64(max(1, len(samples)))
}

// waiting is how long goroutines of the driver waited for a processor, by Go's
// own measure since the process began: the 99th percentile, in milliseconds,
// rounded down to Go's buckets.
func waiting() float64 {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := sample[0].Value.Float64Histogram()
	var total, sum uint64
	for _, n := range h.Counts {
		total += n
	}
	for i, n := range h.Counts {
		if sum += n; float64(sum) >= 0.99*float64(total) {
			return h.Buckets[i] * 1000
		}
	}
	return 0
}
