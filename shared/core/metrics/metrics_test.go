package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/metrics"
)

func kind(value string) metrics.Dimension { return metrics.Dimension{Name: "Kind", Value: value} }

func TestWhatACallMeasures(t *testing.T) {
	t.Parallel()
	ctx, recorder := metrics.Record(t.Context())
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			metrics.Count(ctx, "Posted", 2, kind("notes"))
			metrics.Count(ctx, "Failed", 0, kind("notes"))
		})
	}
	all.Wait()
	metrics.Observe(ctx, "Latency", 1500*time.Microsecond, kind("notes"))
	metrics.Observe(ctx, "Latency", 2*time.Millisecond, kind("notes"))
	metrics.Sample(ctx, "Subscribers", 5)
	want := []metrics.Group{
		{Series: []metrics.Series{{Name: "Subscribers", Unit: metrics.Counts, Values: []float64{5}}}},
		{Dimensions: []metrics.Dimension{kind("notes")}, Series: []metrics.Series{
			{Name: "Latency", Unit: metrics.Milliseconds, Values: []float64{1.5, 2}},
			{Name: "Posted", Unit: metrics.Counts, Values: []float64{20}, Counted: true},
		}},
	}
	if diff := cmp.Diff(want, recorder.Groups()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOutsideACallNothingIsMeasured(t *testing.T) {
	t.Parallel()
	metrics.Count(context.Background(), "Posted", 1)
	metrics.Observe(context.Background(), "Latency", time.Second)
	metrics.Sample(context.Background(), "Subscribers", 1)
}

func TestACallKeepsABoundedNumber(t *testing.T) {
	t.Parallel()
	ctx, recorder := metrics.Record(t.Context())
	for range 10_003 {
		metrics.Observe(ctx, "Latency", time.Millisecond, kind("notes"))
	}
	got := map[string]float64{}
	for _, g := range recorder.Groups() {
		for _, s := range g.Series {
			got[s.Name] = float64(len(s.Values))
			if s.Counted {
				got[s.Name] = s.Values[0]
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{"Latency": 10_000, "MeasurementsLost": 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is written is read back as CloudWatch reads it: the directive names
// members that are there, at most 100 values each.
func TestLinesAreTheEmbeddedMetricFormat(t *testing.T) {
	t.Parallel()
	ctx, recorder := metrics.Record(t.Context())
	metrics.Count(ctx, "Posted", 7, kind("notes"))
	for range 250 {
		metrics.Observe(ctx, "Latency", time.Millisecond, kind("notes"))
	}
	at := time.UnixMilli(1_700_000_000_123)
	lines := metrics.Lines(at, []metrics.Dimension{{Name: "Stage", Value: "local"}}, recorder.Groups())
	if len(lines) != 3 {
		t.Fatalf("%d lines for 250 values, want 3", len(lines))
	}
	values, posted := 0, 0.0
	for _, attributes := range lines {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).LogAttrs(ctx, slog.LevelInfo, "metrics", attributes...)
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		directive := line["_aws"].(map[string]any)
		if got := directive["Timestamp"]; got != 1_700_000_000_123.0 {
			t.Errorf("timestamp %v", got)
		}
		described := directive["CloudWatchMetrics"].([]any)[0].(map[string]any)
		if diff := cmp.Diff([]any{[]any{"Stage", "Kind"}}, described["Dimensions"]); diff != "" || described["Namespace"] != "Rapport" {
			t.Errorf("%v %s", described["Namespace"], diff)
		}
		if line["Stage"] != "local" || line["Kind"] != "notes" {
			t.Errorf("dimensions %v %v", line["Stage"], line["Kind"])
		}
		for _, d := range described["Metrics"].([]any) {
			name := d.(map[string]any)["Name"].(string)
			found, ok := line[name].([]any)
			if !ok || len(found) == 0 || len(found) > 100 {
				t.Fatalf("%s is %v", name, line[name])
			}
			if name == "Posted" {
				posted += found[0].(float64)
			} else {
				values += len(found)
			}
		}
	}
	if values != 250 || posted != 7 {
		t.Errorf("%d latencies and %v posts were written", values, posted)
	}
}
