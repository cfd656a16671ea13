package runner

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/streams"
)

// gauges are what is measured beside the functions.
type gauges struct {
	started time.Time
	// sockets is how many are open.
	sockets func() int
	// functions are what they have done.
	functions func() []pool.Statistics
	// readers are the stream readers, and what they have done.
	readers func() []streams.Statistics
}

// ServeHTTP writes Prometheus's text format, version 0.0.4.
func (g gauges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	g.writeProcess(w)
	writeFunctions(w, g.functions())
	writeReaders(w, g.readers())
}

func metric(w io.Writer, name, kind, help string) {
	// The client may be gone; there is nobody else to tell.
	_, _ = fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func sample(w io.Writer, name, labels string, value float64) {
	// As above.
	_, _ = fmt.Fprintf(w, "%s%s %g\n", name, labels, value)
}

func (g gauges) writeProcess(w io.Writer) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}}
	metrics.Read(heap)
	for _, one := range []struct {
		name, help string
		value      float64
	}{
		{"process_start_time_seconds", "When the runner started, in Unix time.", float64(g.started.UnixMilli()) / 1000},
		{"go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine())},
		{"go_memstats_heap_alloc_bytes", "Bytes in live and not yet swept objects.", float64(heap[0].Value.Uint64())},
		{"go_memstats_sys_bytes", "Bytes taken from the system.", float64(heap[1].Value.Uint64())},
		{"rapport_sockets_open", "WebSockets that are open.", float64(g.sockets())},
	} {
		metric(w, one.name, "gauge", one.help)
		sample(w, one.name, "", one.value)
	}
}

func writeFunctions(w io.Writer, all []pool.Statistics) {
	for _, one := range []struct {
		name, kind, help string
		value            func(pool.Statistics) float64
	}{
		{"rapport_function_invocations_total", "counter", "Events that the function was given.", func(s pool.Statistics) float64 { return float64(s.Invocations) }},
		{"rapport_function_errors_total", "counter", "Events that ended in a function error.", func(s pool.Statistics) float64 { return float64(s.Errors) }},
		{"rapport_function_timeouts_total", "counter", "Events that took too long.", func(s pool.Statistics) float64 { return float64(s.Timeouts) }},
		{"rapport_function_throttles_total", "counter", "Events that found no free instance.", func(s pool.Statistics) float64 { return float64(s.Throttles) }},
		{"rapport_function_opens_total", "counter", "Instances that were opened.", func(s pool.Statistics) float64 { return float64(s.Opens) }},
		{"rapport_function_running", "gauge", "Events under way.", func(s pool.Statistics) float64 { return float64(s.Running) }},
	} {
		metric(w, one.name, one.kind, one.help)
		for _, s := range all {
			sample(w, one.name, fmt.Sprintf("{function=%q}", s.Folder), one.value(s))
		}
	}
	writeDurations(w, all)
}

func writeDurations(w io.Writer, all []pool.Statistics) {
	const name = "rapport_function_duration_seconds"
	metric(w, name, "histogram", "How long events took.")
	bounds := pool.Buckets()
	for _, s := range all {
		var count int64
		for i, bound := range bounds {
			count += s.Histogram[i]
			sample(w, name+"_bucket", fmt.Sprintf("{function=%q,le=\"%g\"}", s.Folder, bound.Seconds()), float64(count))
		}
		count += s.Histogram[len(bounds)]
		sample(w, name+"_bucket", fmt.Sprintf("{function=%q,le=\"+Inf\"}", s.Folder), float64(count))
		sample(w, name+"_sum", fmt.Sprintf("{function=%q}", s.Folder), s.Duration.Seconds())
		sample(w, name+"_count", fmt.Sprintf("{function=%q}", s.Folder), float64(count))
	}
}

func writeReaders(w io.Writer, all []streams.Statistics) {
	for _, one := range []struct {
		name, kind, help string
		value            func(streams.Statistics) float64
	}{
		{"rapport_stream_records_total", "counter", "Records that the function took.", func(s streams.Statistics) float64 { return float64(s.Records) }},
		{"rapport_stream_filtered_total", "counter", "Records that no filter let through.", func(s streams.Statistics) float64 { return float64(s.Filtered) }},
		{"rapport_stream_discarded_total", "counter", "Records that were given up.", func(s streams.Statistics) float64 { return float64(s.Discarded) }},
		{"rapport_stream_batches_total", "counter", "Batches that the function was given.", func(s streams.Statistics) float64 { return float64(s.Batches) }},
		{"rapport_stream_failures_total", "counter", "Batches that failed wholly or in part.", func(s streams.Statistics) float64 { return float64(s.Failures) }},
		{"rapport_stream_iterator_age_seconds", "gauge", "The age of the newest record of the last batch.", func(s streams.Statistics) float64 { return s.IteratorAge.Seconds() }},
	} {
		metric(w, one.name, one.kind, one.help)
		for _, s := range all {
			sample(w, one.name, fmt.Sprintf("{function=%q,event=%q,table=%q}", s.Folder, s.Event, s.Table), one.value(s))
		}
	}
}
