package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/rapport/rapport/infra/load/chart"
)

//go:embed report.html
var pageText string

// drawn is a chart in the page.
type drawn struct {
	Title, Note string
	Legend, SVG template.HTML
}

// page is the report as one HTML file without anything from outside.
func (r *Report) page() ([]byte, error) {
	t, err := template.New("report").Funcs(template.FuncMap{
		"ms": ms, "count": count, "dollars": dollars, "bytes": size, "quantity": quantity,
		"percent": func(share float64) string { return fmt.Sprintf("%.1f %%", share*100) },
		"keys":    func(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) },
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Report": r, "Charts": r.charts(), "Passed": !failed(r.Verdicts, true), "Rows": r.latencyRows(),
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
func (r *Report) charts() []drawn {
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
	over := func(title, note, y string, limits []chart.Limit, lines ...line1) drawn {
		c := chart.Chart{Title: title, XAxis: "seconds since the sockets began to open", YAxis: y, Limits: limits, ShadeTo: ramp, ShadeName: "not measured", Gap: 5, To: end}
		for _, l := range lines {
			series := chart.Series{Name: l.name}
			for _, s := range r.Samples {
				if v, ok := l.of(s); ok {
					series.Points = append(series.Points, chart.Point{X: s.Seconds, Y: v})
				}
			}
			if len(series.Points) > 0 {
				c.Series = append(c.Series, series)
			}
		}
		return draw(c, note)
	}
	all := []drawn{
		over("Delivery of notes", "From when an operation was due until each other client of the meeting has it, over each second.", "milliseconds",
			[]chart.Limit{{Name: "p95 limit", Y: deliveryP95}, {Name: "p99 limit", Y: deliveryP99}}, percentiles("noteDelivery")...),
		over("Delivery of transcripts", "The same for chunks of speech.", "milliseconds",
			[]chart.Limit{{Name: "p95 limit", Y: deliveryP95}, {Name: "p99 limit", Y: deliveryP99}}, percentiles("transcriptDelivery")...),
		over("Queries", "The slowest kind of query in each second.", "milliseconds",
			[]chart.Limit{{Name: "p95 limit", Y: queryP95}, {Name: "p99 limit", Y: queryP99}}, percentiles("queries")...),
		r.distribution(),
		over("Rates", "What was done each second.", "a second", nil,
			always("note operations", func(s Sample) float64 { return s.Acked[noteOp] }),
			always("transcript chunks", func(s Sample) float64 { return s.Acked[transcriptOp] }),
			always("queries", func(s Sample) float64 { return s.Acked[queryOp] }),
			always("frames to clients", func(s Sample) float64 { return s.FramesIn }),
			always("errors", func(s Sample) float64 { return s.Errors })),
		over("Open sockets", "", "sockets", nil, always("sockets", func(s Sample) float64 { return float64(s.Sockets) })),
		over("Capacity units", "What the functions' table calls consumed, as the engine told them.", "units a second", nil,
			always("write units", func(s Sample) float64 { w, _ := capacity(s.Server); return w }),
			always("read units", func(s Sample) float64 { _, n := capacity(s.Server); return n })),
		over("Invocations", "Of functions, the stream readers' among them.", "a second", nil,
			always("invocations", func(s Sample) float64 { return scraped(s.Server).sum("rapport_function_invocations_total", nil) })),
	}
	if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.ServerRSS > 0 }) {
		all = append(all,
			over("Processor", "Server, table engine and driver share the machine.", "cores", nil,
				always("server", func(s Sample) float64 { return s.ServerCPU }), always("table engine", func(s Sample) float64 { return s.EngineCPU }),
				always("driver", func(s Sample) float64 { return s.DriverCPU }), always("everything else", func(s Sample) float64 { return s.OthersCPU })),
			over("Memory", "Resident.", "MB", nil,
				always("server", func(s Sample) float64 { return float64(s.ServerRSS) / 1e6 }), always("table engine", func(s Sample) float64 { return float64(s.EngineRSS) / 1e6 }),
				always("driver", func(s Sample) float64 { return float64(s.DriverRSS) / 1e6 })))
	}
	all = append(all, over("The driver's own lateness", "How long after its time an operation was begun. Above 20 ms, the latencies include the driver's lag.", "milliseconds",
		[]chart.Limit{{Name: "20 ms", Y: maxLateness}},
		line1{"p50", func(s Sample) (float64, bool) { return s.Lateness.P50, s.Lateness.Count > 0 }},
		line1{"p99", func(s Sample) (float64, bool) { return s.Lateness.P99, s.Lateness.Count > 0 }}))
	return slices.DeleteFunc(all, func(d drawn) bool { return d.SVG == "" })
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

// distribution shows which share took how long.
func (r *Report) distribution() drawn {
	c := chart.Chart{Title: "Distribution", XAxis: "share of all, in per cent", YAxis: "milliseconds", Log: true}
	for _, p := range []float64{0, 50, 90, 95, 99, 99.9, 99.99} {
		c.Marks = append(c.Marks, chart.Mark{At: nines(p), Name: fmt.Sprintf("%g", p)})
	}
	for _, n := range []struct{ key, name string }{{"noteDelivery", "delivery of notes"}, {"transcriptDelivery", "delivery of transcripts"}, {"noteAck", "ack of notes"}} {
		if r.Latencies[n.key].Count == 0 {
			continue
		}
		s := chart.Series{Name: n.name}
		for i, p := range percentilesOfCurve() {
			s.Points = append(s.Points, chart.Point{X: nines(p), Y: r.Curves[n.key][i]})
		}
		c.Series = append(c.Series, s)
	}
	return draw(c, "Over the whole measured time; logarithmic.")
}

// nines is a percentile's place on an axis on which each further nine is as
// wide as the one before.
func nines(percentile float64) float64 { return -math.Log10(1 - percentile/100) }

// draw gives nothing for a chart in which nothing ever happens.
func draw(c chart.Chart, note string) drawn {
	for _, s := range c.Series {
		for _, p := range s.Points {
			if p.Y > 0 {
				//nolint:gosec // the chart escapes names, and the rest is numbers
				return drawn{Title: c.Title, Note: note, Legend: template.HTML(c.Legend()), SVG: template.HTML(c.SVG())}
			}
		}
	}
	return drawn{}
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
