package endpoint

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/metrics"
)

// measuring counts a frame before it answers.
func measuring() Function[struct{}] {
	return HTTP("POST /box/{box}", "Write.", func(_ struct{}, ctx context.Context, _ caller.Caller, in request) (receipt, error) {
		metrics.Count(ctx, "Posted", 3, metrics.Dimension{Name: "Kind", Value: "notes"})
		metrics.Observe(ctx, "Latency", time.Millisecond, metrics.Dimension{Name: "Kind", Value: "notes"})
		if in.Text == "no" {
			return receipt{}, errs.New(errs.Forbidden, "No.")
		}
		return receipt{in.Text}, nil
	})
}

// In Lambda the log is where metrics come from: one line for the call, by its
// journey, and one for each of its other dimensions. A refusal is none.
func TestMeasurementsGoToTheLog(t *testing.T) {
	t.Parallel()
	var f fixture
	invoke(t, f.open(t, measuring()), post(`{"text":"no"}`))
	var names []any
	for _, line := range f.lines(t) {
		described := line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		for _, metric := range described["Metrics"].([]any) {
			name := metric.(map[string]any)["Name"].(string)
			names = append(names, line["msg"].(string)+" "+name)
			if line["msg"] == "call" && line["Journey"] != APIJourney {
				t.Errorf("the call's journey is %v", line["Journey"])
			}
			if _, there := line[name]; !there {
				t.Errorf("%s is named but not there", name)
			}
		}
	}
	want := []any{"metrics Latency", "metrics Posted", "call CallDuration"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of an instance the first call alone is a cold start, whether it succeeds or not.
func TestTheFirstCallIsAColdStart(t *testing.T) {
	t.Parallel()
	var h fixture
	for range 2 {
		instance := h.open(t, measuring())
		invoke(t, instance, post(`{"text":"no"}`))
		invoke(t, instance, post(`{"text":"hi"}`))
	}
	var cold []any
	for _, line := range h.lines(t) {
		if line["msg"] == "call" {
			cold = append(cold, line["coldStart"])
		}
	}
	if diff := cmp.Diff([]any{true, nil, true, nil}, cold); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What died counts for its journey, and a batch that comes again for none.
func TestFailuresCountForTheirJourney(t *testing.T) {
	t.Parallel()
	broken := HTTP("POST /box/{box}", "Write.", func(struct{}, context.Context, caller.Caller, request) (receipt, error) {
		return receipt{}, errs.New(errs.Internal, "No.")
	}, Serves("join"))
	for name, tt := range map[string]struct {
		function Function[struct{}]
		payload  []byte
		want     any
	}{
		"a call that died":          {broken, marshalled(t, post(`{"text":"hi"}`)), []any{1.0}},
		"a batch that comes again":  {reading(Serves("edit")), streamBatch("bad"), nil},
		"what belongs to no one":    {reading(), streamBatch("boom"), nil},
		"a batch that died as such": {reading(Serves("edit")), streamBatch("boom"), []any{1.0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f fixture
			_, _ = f.open(t, tt.function).Invoke(t.Context(), tt.payload) // the log tells
			lines := f.lines(t)
			last := lines[len(lines)-1]
			if diff := cmp.Diff(tt.want, last["Failures"]); diff != "" {
				t.Errorf("failures (-want +got):\n%s\nlogged %v", diff, last)
			}
		})
	}
}

func marshalled(t *testing.T, event any) []byte {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

type sink struct{ groups []metrics.Group }

func (s *sink) Collect(groups []metrics.Group) { s.groups = append(s.groups, groups...) }

func TestASinkTakesMeasurements(t *testing.T) {
	t.Parallel()
	var (
		f    fixture
		sink sink
	)
	handler := f.open(t, measuring())
	event := post(`{"text":"hi"}`)
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handler.Invoke(metrics.WithSink(t.Context(), &sink), payload); err != nil {
		t.Fatal(err)
	}
	want := []metrics.Group{
		{Dimensions: []metrics.Dimension{{Name: "Function", Value: "sample/write"}}, Series: []metrics.Series{
			{Name: "CallDuration", Unit: metrics.Milliseconds, Values: []float64{0}},
		}},
		{Dimensions: []metrics.Dimension{{Name: "Kind", Value: "notes"}}, Series: []metrics.Series{
			{Name: "Latency", Unit: metrics.Milliseconds, Values: []float64{1}},
			{Name: "Posted", Unit: metrics.Counts, Values: []float64{3}, Counted: true},
		}},
	}
	if diff := cmp.Diff(want, sink.groups, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if lines := f.lines(t); len(lines) != 1 || lines[0]["_aws"] != nil {
		t.Errorf("logged %v", lines)
	}
}
