package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

//go:embed report.html
var pageText string

// page is the report as one HTML file without anything from outside.
func (r *Report) page() ([]byte, error) {
	t, err := template.New("report").Funcs(template.FuncMap{
		"ms": ms, "count": count, "figure": figure, "dollars": dollars, "bytes": size, "quantity": quantity,
		"percent": func(share float64) string { return fmt.Sprintf("%.1f %%", share*100) },
		"keys":    func(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) },
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Report": r, "Charts": r.charts(), "ChartWidth": chartWidth, "ChartHeight": chartHeight, "Passed": !failed(r.Verdicts, true), "Rows": r.latencyRows(),
	})
	return b.Bytes(), err
}

// latencyRow is a line of the table of latencies.
type latencyRow struct {
	Name string
	Latency
}

func (r *Report) latencyRows() []latencyRow {
	names := []struct{ key, name string }{
		{"noteDelivery", "Notes: until each other client has it"}, {"noteAck", "Notes: until acknowledged"},
		{"noteAnswer", "Notes: from sending to the answer"},
		{"transcriptDelivery", "Transcript: until each other client has it"}, {"transcriptAck", "Transcript: until acknowledged"},
		{"queries", "Queries, all"}, {"query.notes", "Query: notes"}, {"query.transcript", "Query: transcript"},
		{"query.meeting", "Query: meeting"}, {"query.meetings", "Query: my meetings"},
		{"opening", "Socket: ticket, handshake, topics"}, {"subscribing", "Subscribe: until answered"},
	}
	var rows []latencyRow
	for _, n := range names {
		if l := r.Latencies[n.key]; l.Count > 0 {
			rows = append(rows, latencyRow{n.name, l})
		}
	}
	return append(rows, latencyRow{"The driver's own lateness", r.Lateness})
}

// charts are those that have something to show.
func (r *Report) charts() []chart {
	ramp, end := 0.0, 0.0
	if n := len(r.Samples); n > 0 {
		end = r.Samples[n-1].Seconds
	}
	for _, s := range r.Samples {
		if s.Measured {
			break
		}
		ramp = s.Seconds
	}
	var all []chart
	over := func(title, note, unit string, limits []chartLimit, lines ...line1) {
		var measured []series
		for _, l := range lines {
			one := series{name: l.name}
			for _, s := range r.Samples {
				if v, ok := l.of(s); ok {
					one.points = append(one.points, point{s.Seconds, v})
				}
			}
			measured = append(measured, one)
		}
		if c, ok := drawn(chart{Title: title, Note: note, Unit: unit, End: end, Ramp: ramp}, measured, limits); ok {
			all = append(all, c)
		}
	}
	over("Delivery of notes", "From when an operation was due until each other client of the meeting has it, over each second.", "milliseconds",
		[]chartLimit{{Name: "p95 limit", Value: deliveryP95}, {Name: "p99 limit", Value: deliveryP99}}, percentiles("noteDelivery")...)
	over("Delivery of transcripts", "The same for chunks of speech.", "milliseconds",
		[]chartLimit{{Name: "p95 limit", Value: deliveryP95}, {Name: "p99 limit", Value: deliveryP99}}, percentiles("transcriptDelivery")...)
	over("Queries", "The slowest kind of query in each second.", "milliseconds",
		[]chartLimit{{Name: "p95 limit", Value: queryP95}, {Name: "p99 limit", Value: queryP99}}, percentiles("queries")...)
	over("Rates", "What was done each second.", "a second", nil,
		always("note operations", func(s Sample) float64 { return s.Acked[noteOp] }),
		always("transcript chunks", func(s Sample) float64 { return s.Acked[transcriptOp] }),
		always("queries", func(s Sample) float64 { return s.Acked[queryOp] }),
		always("frames to clients", func(s Sample) float64 { return s.FramesIn }),
		always("errors", func(s Sample) float64 { return s.Errors }))
	over("Open sockets", "", "sockets", nil, always("sockets", func(s Sample) float64 { return float64(s.Sockets) }))
	over("Capacity units", "What the functions' table calls consumed, as the engine told them.", "units a second", nil,
		always("write units", func(s Sample) float64 { w, _ := capacity(s.Server); return w }),
		always("read units", func(s Sample) float64 { _, n := capacity(s.Server); return n }))
	over("Invocations", "Of functions, the stream readers' among them.", "a second", nil,
		always("invocations", func(s Sample) float64 { return scraped(s.Server).sum("rapport_function_invocations_total", nil) }))
	if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.ServerRSS > 0 }) {
		over("Processor", "Server, table engine and driver share the machine.", "cores", nil,
			always("server", func(s Sample) float64 { return s.ServerCPU }), always("table engine", func(s Sample) float64 { return s.EngineCPU }),
			always("driver", func(s Sample) float64 { return s.DriverCPU }), always("everything else", func(s Sample) float64 { return s.OthersCPU }))
		over("Memory", "Resident.", "MB", nil,
			always("server", func(s Sample) float64 { return float64(s.ServerRSS) / 1e6 }), always("table engine", func(s Sample) float64 { return float64(s.EngineRSS) / 1e6 }),
			always("driver", func(s Sample) float64 { return float64(s.DriverRSS) / 1e6 }))
	}
	over("The driver's own lateness", "How long after its time an operation was begun. Above 20 ms, the latencies include the driver's lag.", "milliseconds",
		[]chartLimit{{Name: "limit", Value: maxLateness}},
		line1{"p50", func(s Sample) (float64, bool) { return s.Lateness.P50, s.Lateness.Count > 0 }},
		line1{"p99", func(s Sample) (float64, bool) { return s.Lateness.P99, s.Lateness.Count > 0 }})
	return all
}

// line1 is one line of a chart over time.
type line1 struct {
	name string
	of   func(Sample) (float64, bool)
}

func always(name string, of func(Sample) float64) line1 {
	return line1{name, func(s Sample) (float64, bool) { return of(s), true }}
}

func percentiles(key string) []line1 {
	at := func(name string, of func(Latency) float64) line1 {
		return line1{name, func(s Sample) (float64, bool) {
			l := s.Latencies[key]
			return of(l), l.Count > 0
		}}
	}
	return []line1{
		at("p50", func(l Latency) float64 { return l.P50 }), at("p95", func(l Latency) float64 { return l.P95 }),
		at("p99", func(l Latency) float64 { return l.P99 }),
	}
}

// count writes a whole number with thin groups of three digits.
func count(n int64) string {
	digits := itoa(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return sign + digits
}

func quantity(v float64) string {
	if v >= 100 {
		return count(int64(v + 0.5))
	}
	return fmt.Sprintf("%.3g", v)
}

func dollars(v float64) string {
	if v != 0 && v < 0.01 {
		return fmt.Sprintf("$%.2g", v)
	}
	return fmt.Sprintf("$%.2f", v)
}

func size(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/(1<<30)) }
