package e2e

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// BenchmarkEdit is a whole edit through the runner: frame, functions, tables,
// ack; and on the way its event to another person. It reports the median and
// the 95th percentile of both, in milliseconds. One edit at a time, so a topic
// that isn't hot pays no wait for the frame cap.
func BenchmarkEdit(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	r := start(b, ":memory:")
	ada, grace := signIn(ctx, b, r, "ada"), signIn(ctx, b, r, "grace")
	id := meeting(ctx, b, ada, grace)
	writer, _ := open(ctx, b, ada)
	arrived := make(chan struct {
		version int64
		at      time.Time
	}, 64)
	reader, err := grace.Open(ctx, func(f client.Frame) {
		now := time.Now()
		for _, event := range f.Events {
			arrived <- struct {
				version int64
				at      time.Time
			}{event.Position, now}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Cut()
	subscribe(ctx, b, reader, "meetings/"+id+"/notes")

	var acks, deliveries []time.Duration
	seq := 0
	for b.Loop() {
		seq++
		begun := time.Now()
		answer, err := writer.Ask(ctx, map[string]any{
			"action": "edit", "meetingId": id, "baseVersion": seq - 1, "clientId": "bench", "clientSeq": seq,
			"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: strconv.Itoa(seq % 10)}},
		})
		if err != nil {
			b.Fatal(err)
		}
		acks = append(acks, time.Since(begun))
		for got := range arrived {
			if got.version >= answer.Version {
				deliveries = append(deliveries, got.at.Sub(begun))
				break
			}
		}
		// Below the frame cap's rate: 8 a second.
		b.StopTimer()
		time.Sleep(130*time.Millisecond - min(130*time.Millisecond, time.Since(begun)))
		b.StartTimer()
	}
	b.ReportMetric(percentile(acks, 50), "ack-p50-ms")
	b.ReportMetric(percentile(acks, 95), "ack-p95-ms")
	b.ReportMetric(percentile(deliveries, 50), "delivery-p50-ms")
	b.ReportMetric(percentile(deliveries, 95), "delivery-p95-ms")
}

func percentile(all []time.Duration, p int) float64 {
	slices.Sort(all)
	return float64(all[min(len(all)-1, len(all)*p/100)].Microseconds()) / 1000
}
