// Package metrics is what CloudWatch would be: it takes what the functions
// measured, with what the runner knows of itself, and shows it at /metrics in
// Prometheus's text format.
//
// A count becomes a counter, `FramesPosted` by `Kind` and `Lane` becoming
// rapport_frames_posted_total{kind,lane}. What is observed becomes a summary with
// the median, p95 and p99 of the last minute, its sum and its count; durations
// are in seconds.
package metrics

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rapport/rapport/shared/core/metrics"
)

const (
	prefix = "rapport_"
	// window is how far back quantiles look.
	window = time.Minute
)

// Registry collects. It is safe for concurrent use.
type Registry struct {
	all *prometheus.Registry
	log *slog.Logger

	mu        sync.Mutex
	counters  map[string]*prometheus.CounterVec
	summaries map[string]*prometheus.SummaryVec
}

// New makes a registry that knows the process already.
func New(log *slog.Logger) *Registry {
	r := &Registry{
		all: prometheus.NewRegistry(), log: log,
		counters: map[string]*prometheus.CounterVec{}, summaries: map[string]*prometheus.SummaryVec{},
	}
	r.all.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Add shows what a collector knows. Two of the same name are a mistake of the
// caller's, and panic.
func (r *Registry) Add(all ...prometheus.Collector) { r.all.MustRegister(all...) }

// ServeHTTP writes everything.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	promhttp.HandlerFor(r.all, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelWarn)}).ServeHTTP(w, request)
}

// Collect implements the functions' sink.
func (r *Registry) Collect(groups []metrics.Group) {
	for _, g := range groups {
		names, labels := make([]string, len(g.Dimensions)), make([]string, len(g.Dimensions))
		for i, d := range g.Dimensions {
			names[i], labels[i] = snake(d.Name), d.Value
		}
		for _, s := range g.Series {
			if s.Counted {
				r.counter(s.Name, names).WithLabelValues(labels...).Add(s.Values[0])
				continue
			}
			summary, unit := r.summary(s, names).WithLabelValues(labels...), 1.0
			if s.Unit == metrics.Milliseconds {
				unit = 1000
			}
			for _, v := range s.Values {
				summary.Observe(v / unit)
			}
		}
	}
}

func (r *Registry) counter(name string, labels []string) *prometheus.CounterVec {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.counters[name]
	if !ok {
		found = prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + snake(name) + "_total", Help: "What functions counted as " + name + ".",
		}, labels)
		r.counters[name] = found
		r.all.MustRegister(found)
	}
	return found
}

func (r *Registry) summary(s metrics.Series, labels []string) *prometheus.SummaryVec {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.summaries[s.Name]
	if !ok {
		name := prefix + snake(s.Name)
		if s.Unit == metrics.Milliseconds {
			name += "_seconds"
		}
		found = prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: name, Help: "What functions observed as " + s.Name + ": quantiles of the last minute.",
			Objectives: map[float64]float64{0.5: 0.02, 0.95: 0.005, 0.99: 0.002}, MaxAge: window,
		}, labels)
		r.summaries[s.Name] = found
		r.all.MustRegister(found)
	}
	return found
}

// snake writes a CloudWatch name, such as FramesPosted, as Prometheus does.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
