package runner

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rapport/rapport/infra/local/iam"
	"github.com/rapport/rapport/infra/local/pollers"
	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/schedules"
	"github.com/rapport/rapport/infra/local/streams"
	"github.com/rapport/rapport/shared/testkit/queues"
)

// gauges are what is known beside what functions measure. It implements
// prometheus.Collector.
type gauges struct {
	// sockets is how many sockets are open.
	sockets func() int
	// functions is what the functions have done.
	functions func() []pool.Statistics
	// readers is what the stream readers have done.
	readers func() []streams.Statistics
	// denied is the calls that were refused for want of a grant.
	denied func() []iam.DenialCount
	// queues are what the queues hold, pollers and schedules what they have done.
	queues    func() []queues.Statistics
	pollers   func() []pollers.Statistics
	schedules func() []schedules.Statistics
}

// column is one number of many things of a kind.
type column[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(T) float64
}

func counter[T any](name, help string, labels []string, value func(T) float64) column[T] {
	return column[T]{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, value}
}

func gauge[T any](name, help string, labels []string, value func(T) float64) column[T] {
	return column[T]{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, value}
}

func (c column[T]) collect(out chan<- prometheus.Metric, of T, labels ...string) {
	out <- prometheus.MustNewConstMetric(c.desc, c.kind, c.value(of), labels...)
}

func socketColumn() column[int] {
	return gauge("rapport_sockets_open", "WebSockets that are open.", nil, func(n int) float64 { return float64(n) })
}

func functionColumns() []column[pool.Statistics] {
	by := []string{"function"}
	return []column[pool.Statistics]{
		counter("rapport_function_invocations_total", "Events that the function was given.", by, func(s pool.Statistics) float64 { return float64(s.Invocations) }),
		counter("rapport_function_errors_total", "Events that ended in a function error.", by, func(s pool.Statistics) float64 { return float64(s.Errors) }),
		counter("rapport_function_timeouts_total", "Events that took too long.", by, func(s pool.Statistics) float64 { return float64(s.Timeouts) }),
		counter("rapport_function_throttles_total", "Events that found no free instance.", by, func(s pool.Statistics) float64 { return float64(s.Throttles) }),
		counter("rapport_function_opens_total", "Instances that were opened.", by, func(s pool.Statistics) float64 { return float64(s.Opens) }),
		gauge("rapport_function_running", "Events under way.", by, func(s pool.Statistics) float64 { return float64(s.Running) }),
	}
}

func durationDesc() *prometheus.Desc {
	return prometheus.NewDesc("rapport_function_duration_seconds", "How long events took.", []string{"function"}, nil)
}

func readerColumns() []column[streams.Statistics] {
	by := []string{"function", "event", "table"}
	return []column[streams.Statistics]{
		counter("rapport_stream_records_total", "Records that the function took.", by, func(s streams.Statistics) float64 { return float64(s.Records) }),
		counter("rapport_stream_filtered_total", "Records that no filter let through.", by, func(s streams.Statistics) float64 { return float64(s.Filtered) }),
		counter("rapport_stream_discarded_total", "Records that were given up.", by, func(s streams.Statistics) float64 { return float64(s.Discarded) }),
		counter("rapport_stream_batches_total", "Batches that the function was given.", by, func(s streams.Statistics) float64 { return float64(s.Batches) }),
		counter("rapport_stream_failures_total", "Batches that failed wholly or in part.", by, func(s streams.Statistics) float64 { return float64(s.Failures) }),
		gauge("rapport_stream_iterator_age_seconds", "The age that the newest record of the last batch had when the function was given it.", by, func(s streams.Statistics) float64 { return s.IteratorAge.Seconds() }),
		gauge("rapport_stream_behind_seconds", "The age of the oldest record that was read and isn't done.", by, func(s streams.Statistics) float64 { return s.Behind.Seconds() }),
		gauge("rapport_stream_shards", "Logical shards that are read.", by, func(s streams.Statistics) float64 { return float64(s.Shards) }),
	}
}

func queueColumns() []column[queues.Statistics] {
	by := []string{"queue"}
	return []column[queues.Statistics]{
		gauge("rapport_queue_visible", "Messages that can be received.", by, func(s queues.Statistics) float64 { return float64(s.Visible) }),
		gauge("rapport_queue_hidden", "Messages that were received and aren't done.", by, func(s queues.Statistics) float64 { return float64(s.Hidden) }),
		gauge("rapport_queue_delayed", "Messages that are held back.", by, func(s queues.Statistics) float64 { return float64(s.Delayed) }),
		gauge("rapport_queue_oldest_seconds", "The age of the oldest message.", by, func(s queues.Statistics) float64 { return s.Oldest.Seconds() }),
		counter("rapport_queue_dead_letters_total", "Messages that went to the dead letters.", by, func(s queues.Statistics) float64 { return float64(s.Buried) }),
	}
}

func pollerColumns() []column[pollers.Statistics] {
	by := []string{"function", "queue"}
	return []column[pollers.Statistics]{
		counter("rapport_messages_total", "Messages that the function took.", by, func(s pollers.Statistics) float64 { return float64(s.Messages) }),
		counter("rapport_messages_failed_total", "Messages that the function failed at, each time.", by, func(s pollers.Statistics) float64 { return float64(s.Failed) }),
		counter("rapport_message_batches_total", "Batches that the function was given.", by, func(s pollers.Statistics) float64 { return float64(s.Batches) }),
	}
}

func scheduleColumns() []column[schedules.Statistics] {
	by := []string{"function", "schedule"}
	return []column[schedules.Statistics]{
		counter("rapport_schedule_runs_total", "Runs by the clock.", by, func(s schedules.Statistics) float64 { return float64(s.Runs) }),
		counter("rapport_schedule_failures_total", "Runs by the clock that failed.", by, func(s schedules.Statistics) float64 { return float64(s.Failures) }),
	}
}

func deniedColumn() column[iam.DenialCount] {
	return counter("rapport_denied_total", "Calls that a function's policy doesn't grant.", []string{"function", "action"},
		func(d iam.DenialCount) float64 { return float64(d.Count) })
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(g, out) }

// Collect implements prometheus.Collector.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	socketColumn().collect(out, g.sockets())
	duration := durationDesc()
	for _, s := range g.functions() {
		for _, c := range functionColumns() {
			c.collect(out, s, s.Folder)
		}
		out <- prometheus.MustNewConstHistogram(duration, uint64(s.Invocations), s.Duration.Seconds(), buckets(s), s.Folder)
	}
	for _, s := range g.readers() {
		for _, c := range readerColumns() {
			c.collect(out, s, s.Folder, s.Event, s.Table)
		}
	}
	for _, s := range g.queues() {
		for _, c := range queueColumns() {
			c.collect(out, s, s.Queue)
		}
	}
	for _, s := range g.pollers() {
		for _, c := range pollerColumns() {
			c.collect(out, s, s.Folder, s.Queue)
		}
	}
	for _, s := range g.schedules() {
		for _, c := range scheduleColumns() {
			c.collect(out, s, s.Folder, s.Schedule)
		}
	}
	for _, d := range g.denied() {
		deniedColumn().collect(out, d, d.Function, d.Action)
	}
}

// buckets are the histogram's, cumulative as Prometheus has them.
func buckets(s pool.Statistics) map[float64]uint64 {
	upTo, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range pool.Buckets() {
		sum += uint64(s.Histogram[i])
		upTo[bound.Seconds()] = sum
	}
	return upTo
}
