package metrics_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	local "github.com/rapport/rapport/infra/local/metrics"
	"github.com/rapport/rapport/shared/core/metrics"
)

func TestWhatFunctionsMeasuredIsShown(t *testing.T) {
	t.Parallel()
	registry := local.New(slog.New(slog.DiscardHandler))
	for range 2 {
		ctx, recorder := metrics.Record(t.Context())
		notes := metrics.Dimension{Name: "Kind", Value: "notes"}
		metrics.Count(ctx, "FramesPosted", 3, notes, metrics.Dimension{Name: "Lane", Value: "express"})
		metrics.Count(ctx, "ReadUnits", 0.5, metrics.Dimension{Name: "Function", Value: "notes/edit"})
		metrics.Observe(ctx, "FanoutLatency", 250*time.Millisecond, notes)
		metrics.Sample(ctx, "Subscribers", 5, notes)
		registry.Collect(recorder.Groups())
	}
	answer := httptest.NewRecorder()
	registry.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`rapport_frames_posted_total{kind="notes",lane="express"} 6`,
		`rapport_read_units_total{function="notes/edit"} 1`,
		`rapport_fanout_latency_seconds{kind="notes",quantile="0.95"} 0.25`,
		`rapport_fanout_latency_seconds_count{kind="notes"} 2`,
		`rapport_subscribers_sum{kind="notes"} 10`,
		"go_goroutines ",
		"process_cpu_seconds_total ",
	} {
		if !strings.Contains(answer.Body.String(), want+"\n") && !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
}
