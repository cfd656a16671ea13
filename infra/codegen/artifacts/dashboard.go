package artifacts

import (
	"encoding/json"
	"fmt"
	"strings"
)

// widget is one of CloudWatch's dashboards, in a grid of two columns.
type widget struct {
	Type       string           `json:"type"`
	X          int              `json:"x"`
	Y          int              `json:"y"`
	Width      int              `json:"width"`
	Height     int              `json:"height"`
	Properties widgetProperties `json:"properties"`
}

type widgetProperties struct {
	Region      string       `json:"region"`
	Title       string       `json:"title"`
	Period      int          `json:"period"`
	View        string       `json:"view"`
	Metrics     [][]any      `json:"metrics"`
	Annotations *annotations `json:"annotations,omitempty"`
}

type annotations struct {
	Horizontal []annotation `json:"horizontal"`
}

type annotation struct {
	Label string  `json:"label"`
	Value float64 `json:"value"`
}

const (
	widgetWidth  = 12
	widgetHeight = 6
)

// dashboard is the body of the dashboard, one widget a line, with parameters as
// `${…}`: what each journey promises, what each signal watches, and then what lies
// beneath.
func dashboard(w watched) (string, error) {
	var all []widgetProperties
	for _, j := range w.live() {
		rate, _, parts := j.rate()
		failures := widgetProperties{
			Title: j.Title + ": failed calls in percent", Period: 300,
			Metrics:     [][]any{{map[string]any{"expression": rate, "id": "rate", "label": "failed, %"}}},
			Annotations: &annotations{[]annotation{{"objective", round(100 - j.Objective)}}},
		}
		for _, p := range parts {
			failures.Metrics = append(failures.Metrics, expression(p.ID, p.metric))
		}
		all = append(all, failures)
		if j.Latency != nil {
			slow := j.slow()
			all = append(all, widgetProperties{
				Title: j.Title + ": milliseconds", Period: 60, Metrics: [][]any{slow.at("p50"), slow.at(slow.Stat), slow.at("p99")},
				Annotations: &annotations{[]annotation{{"objective at " + slow.Stat, float64(j.Latency.Milliseconds)}}},
			})
		}
	}
	for _, s := range w.Signals {
		all = append(all, widgetProperties{Title: strings.ToUpper(s.Says[:1]) + s.Says[1:], Period: s.Period, Metrics: [][]any{s.Metric.at(s.Metric.Stat)}})
	}
	all = append(all, searches()...)
	for _, t := range tables() {
		name := "${" + string(t) + "Table}"
		all = append(all, widgetProperties{Title: "Table " + string(t) + ": units, and throttled calls", Period: 60, Metrics: [][]any{
			metric{"AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", map[string]string{"TableName": name}}.at("Sum"),
			metric{"AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", map[string]string{"TableName": name}}.at("Sum"),
			metric{"AWS/DynamoDB", "ReadThrottleEvents", "Sum", map[string]string{"TableName": name}}.at("Sum"),
			metric{"AWS/DynamoDB", "WriteThrottleEvents", "Sum", map[string]string{"TableName": name}}.at("Sum"),
		}})
	}
	for _, extra := range w.Widgets {
		p := widgetProperties{Title: extra.Title, Period: 60}
		for _, m := range extra.Metrics {
			m.Namespace = "Rapport"
			p.Metrics = append(p.Metrics, m.at(m.Stat))
		}
		all = append(all, p)
	}
	return layOut(all)
}

// searches find the functions of the stack by the words of its name: a name in quotes
// would have to be a function's whole name.
func searches() []widgetProperties {
	one := func(title, name, stat string) widgetProperties {
		return widgetProperties{Title: title, Period: 60, Metrics: [][]any{{map[string]any{
			"expression": fmt.Sprintf(`SEARCH('{AWS/Lambda,FunctionName} MetricName=%q ${Tokens}','%s',60)`, name, stat),
			"id":         strings.ToLower(name), "label": "",
		}}}}
	}
	return []widgetProperties{
		one("Functions: died", "Errors", "Sum"),
		one("Functions: milliseconds at p95", "Duration", "p95"),
		one("Functions: throttled", "Throttles", "Sum"),
		one("Stream readers: age of what they read, ms", "IteratorAge", "Maximum"),
	}
}

func layOut(all []widgetProperties) (string, error) {
	lines := make([]string, 0, len(all))
	for i, p := range all {
		p.Region, p.View = "${AWS::Region}", "timeSeries"
		var text strings.Builder
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(widget{
			Type: "metric", X: i % 2 * widgetWidth, Y: i / 2 * widgetHeight, Width: widgetWidth, Height: widgetHeight, Properties: p,
		}); err != nil {
			return "", fmt.Errorf("widget %s: %w", p.Title, err)
		}
		lines = append(lines, " "+strings.TrimSpace(text.String()))
	}
	return "{\"widgets\":[\n" + strings.Join(lines, ",\n") + "\n]}\n", nil
}

// at is a metric as a widget has it.
func (m metric) at(stat string) []any {
	return m.row(map[string]any{"stat": stat, "label": m.label() + " " + stat})
}

// expression is a metric that another row computes with, and that isn't drawn.
func expression(id string, m metric) []any {
	return m.row(map[string]any{"stat": m.Stat, "id": id, "visible": false})
}

func (m metric) row(options map[string]any) []any {
	row := []any{m.Namespace, m.Name}
	for _, name := range m.names() {
		row = append(row, name, m.Dimensions[name])
	}
	return append(row, options)
}

// label tells metrics of one widget apart.
func (m metric) label() string {
	words := []string{m.Name}
	for _, name := range m.names() {
		if value := m.Dimensions[name]; !strings.Contains(value, "$") {
			words = append(words, value)
		}
	}
	return strings.Join(words, " ")
}
