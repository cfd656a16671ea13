package metrics

import (
	"log/slog"
	"slices"
	"time"
)

const (
	// Namespace is the one of every metric of Rapport.
	Namespace = "Rapport"
	// valuesPerLine is the most values that a metric may have in one document.
	valuesPerLine = 100
)

// Lines are the attributes of log lines that make a call's measurements metrics:
// CloudWatch's embedded metric format (docs.aws.amazon.com, "Specification:
// Embedded metric format"), version 0. The dimensions in common, such as the
// stage, come before each group's own.
func Lines(at time.Time, common []Dimension, groups []Group) [][]slog.Attr {
	var lines [][]slog.Attr
	for _, g := range groups {
		dimensions := slices.Concat(common, g.Dimensions)
		for from, more := 0, true; more; from += valuesPerLine {
			var line []slog.Attr
			line, more = document(at, dimensions, g.Series, from)
			lines = append(lines, line)
		}
	}
	return lines
}

// directive is what `_aws` says of the members beside it.
type directive struct {
	Timestamp int64
	Metrics   []described `json:"CloudWatchMetrics"`
}

type described struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct {
	Name string
	Unit Unit
}

// document makes one line of the values from an index on, and reports whether
// there are more.
func document(at time.Time, dimensions []Dimension, series []Series, from int) (line []slog.Attr, more bool) {
	names := []string{}
	for _, d := range dimensions {
		names = append(names, d.Name)
		line = append(line, slog.String(d.Name, d.Value))
	}
	definitions := []definition{}
	for _, s := range series {
		if from >= len(s.Values) {
			continue
		}
		to := min(from+valuesPerLine, len(s.Values))
		more = more || to < len(s.Values)
		definitions = append(definitions, definition{s.Name, s.Unit})
		line = append(line, slog.Any(s.Name, s.Values[from:to]))
	}
	return append(line, slog.Any("_aws", directive{
		Timestamp: at.UnixMilli(),
		Metrics:   []described{{Namespace, [][]string{names}, definitions}},
	})), more
}
