package log_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// What calls cost, in capacity units. A read of up to 4 KB is one.
func TestCost(t *testing.T) {
	type cost struct{ read, write float64 }
	typing := strings.Repeat("x", 500)
	tests := []struct {
		name string
		give func(context.Context, *log.Log) error
		// most by count, and by clock
		count, clock cost
	}{
		{"append at the newest", func(ctx context.Context, l *log.Log) error {
			a := by("c", 1, 100)
			a.Prepare = draft(log.Draft{Data: typing})
			_, err := l.Append(ctx, a)
			return err
		}, cost{1, 1}, cost{2, 1}},
		{"append at the tail", func(ctx context.Context, l *log.Log) error {
			a := by("c", 2, log.Tail)
			a.Prepare = draft(log.Draft{Data: typing})
			_, err := l.Append(ctx, a)
			return err
		}, cost{2, 1}, cost{2, 1}},
		{"retry of an append", func(ctx context.Context, l *log.Log) error {
			_, err := l.Append(ctx, by("c", 2, 100))
			return err
		}, cost{1, 0}, cost{2, 0}},
		{"append that is late", func(ctx context.Context, l *log.Log) error {
			a := by("c", 3, 100)
			a.Permit = until(noon.Add(-time.Second))
			if _, err := l.Append(ctx, a); !errors.Is(err, log.ErrLate) {
				return err
			}
			return nil
		}, cost{1, 0}, cost{2, 0}},
		{"newest", func(ctx context.Context, l *log.Log) error {
			_, _, err := l.Newest(ctx, topic)
			return err
		}, cost{2, 0}, cost{2, 0}},
		{"newest behind a snapshot", func(ctx context.Context, l *log.Log) error {
			_, _, err := l.NewestAfter(ctx, topic, log.Base{Position: 90})
			return err
		}, cost{1, 0}, cost{2, 0}},
		{"read nothing new", func(ctx context.Context, l *log.Log) error {
			_, err := l.Read(ctx, topic, 102, 200)
			return err
		}, cost{1, 0}, cost{2, 0}},
		{"read 100 of 100 bytes", func(ctx context.Context, l *log.Log) error {
			page, err := l.Read(ctx, topic, 0, 100)
			if err == nil && len(page.Entries) != 100 {
				err = fmt.Errorf("%d entries", len(page.Entries))
			}
			return err
		}, cost{6, 0}, cost{8, 0}},
		{"trim nothing", func(ctx context.Context, l *log.Log) error {
			_, err := l.Trim(ctx, topic, 50, noon, 100)
			return err
		}, cost{2, 0}, cost{}},
	}
	tables := map[string]*tabletest.Tables{"by count": tabletest.New(t), "by clock": tabletest.New(t)}
	logs := map[string]*log.Log{
		"by count": log.New(tables["by count"].Log, clock.NewManual(noon), log.ByCount(4096)),
		"by clock": log.New(tables["by clock"].Log, clock.NewManual(noon), log.ByClock(window, time.Hour, 20)),
	}
	for _, l := range logs {
		fill(t, l, 100)
	}
	snapshot(t, tables["by count"].Log, 100, 0)
	for _, test := range tests {
		for name, most := range map[string]cost{"by count": test.count, "by clock": test.clock} {
			if most == (cost{}) {
				continue
			}
			ctx, meter := table.WithMeter(t.Context())
			if err := test.give(ctx, logs[name]); err != nil {
				t.Fatalf("%s %s: %v", test.name, name, err)
			}
			t.Logf("%s %s: %v read units, %v write units, %d calls", test.name, name, meter.Read(), meter.Write(), meter.Calls())
			if meter.Read() > most.read || meter.Write() != most.write {
				t.Errorf("%s %s costs more than %+v", test.name, name, most)
			}
		}
	}
}

// The first entry of a topic by the clock: two looks for its end, its bucket and
// itself.
func TestCostOfTheFirst(t *testing.T) {
	l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByClock(window, time.Hour, 20))
	ctx, meter := table.WithMeter(t.Context())
	a := by("c", 1, log.Tail)
	if _, err := l.Append(ctx, a); err != nil || meter.Calls() != 4 {
		t.Errorf("%d calls, want 4; %v", meter.Calls(), err)
	}
}

// The end of a long topic is found through the directory, not bucket by bucket.
func TestCostOfTheEnd(t *testing.T) {
	for name, layout := range layouts() {
		now := clock.NewManual(noon)
		l := log.New(tabletest.New(t).Log, now, layout)
		for range 41 {
			fill(t, l, 1)
			now.Advance(layoutStep)
		}
		ctx, meter := table.WithMeter(t.Context())
		newest, _, err := l.Newest(ctx, topic)
		if err != nil || newest != 41 || meter.Calls() > 4 {
			t.Errorf("%s: %d in %d calls, %v", name, newest, meter.Calls(), err)
		}
	}
}

// Reading sends nothing but reads.
func TestReadingWritesNothing(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			tables := tabletest.New(t)
			now := clock.NewManual(noon)
			w := &wire{}
			l := log.New(over(w, tables), now, layout)
			wrote := ""
			w.fate = func(op, _ string) fate {
				if op != "GetItem" && op != "Query" {
					wrote = op
				}
				return passes
			}
			look := func() {
				t.Helper()
				wrote = ""
				for after := range int64(7) {
					if _, err := l.Read(t.Context(), topic, after, 2); err != nil {
						t.Error(err)
					}
				}
				if _, _, err := l.Newest(t.Context(), topic); err != nil || wrote != "" {
					t.Errorf("reading wrote: %s, %v", wrote, err)
				}
			}
			look()
			for range 4 {
				fill(t, l, 1)
				now.Advance(window)
				look()
			}
			if _, err := l.Close(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			look()
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	l := log.New(tabletest.New(b).Log, clock.System{}, log.ByCount(4096))
	base := int64(0)
	for b.Loop() {
		base = mustAppend(b, l, by("c", base+1, base)).Entry.Position
	}
}

func BenchmarkAppendAtTheTail(b *testing.B) {
	l := log.New(tabletest.New(b).Log, clock.System{}, log.ByClock(window, time.Hour, 20))
	seq := int64(0)
	for b.Loop() {
		seq++
		mustAppend(b, l, by("c", seq, log.Tail))
	}
}

// Eight write as fast as they can; an operation is one committed entry.
func BenchmarkAppendEightWriters(b *testing.B) {
	tables := tabletest.New(b)
	var writers, contended atomic.Int64
	b.SetParallelism(4) // on two processors
	b.RunParallel(func(pb *testing.PB) {
		l := log.New(tables.Log, clock.System{}, log.ByCount(4096))
		client := fmt.Sprint("w", writers.Add(1))
		base, seq := int64(0), int64(1)
		for pb.Next() {
			for {
				committed, err := l.Append(b.Context(), by(client, seq, base))
				if errors.Is(err, log.ErrContended) {
					contended.Add(1)
					continue
				}
				if err != nil {
					b.Error(err)
					return
				}
				base = committed.Entry.Last()
				break
			}
			seq++
		}
	})
	b.ReportMetric(float64(writers.Load()), "writers")
	b.ReportMetric(float64(contended.Load())/float64(b.N), "contended/op")
}

func BenchmarkRead200(b *testing.B) {
	l := log.New(tabletest.New(b).Log, clock.System{}, log.ByCount(4096))
	fill(b, l, 300)
	for b.Loop() {
		page, err := l.Read(b.Context(), topic, 50, log.MaxPage)
		if err != nil || len(page.Entries) != log.MaxPage {
			b.Fatal(len(page.Entries), err)
		}
	}
}

func BenchmarkNewest(b *testing.B) {
	l := log.New(tabletest.New(b).Log, clock.System{}, log.ByCount(4096))
	fill(b, l, 300)
	for b.Loop() {
		if newest, _, err := l.Newest(b.Context(), topic); err != nil || newest != 300 {
			b.Fatal(newest, err)
		}
	}
}

// The furthest that a writer may be behind.
func BenchmarkAppend10000Behind(b *testing.B) {
	tables := tabletest.New(b)
	l := log.New(tables.Log, clock.System{}, log.ByCount(4096))
	raw(b, tables.Log, 1, 10_000, strings.Repeat("x", 100))
	refusal := errors.New("seen")
	a := by("c", 1, 0)
	a.Prepare = func(_ log.Entry, since []log.Entry) (log.Draft, error) {
		if len(since) != 10_000 {
			b.Error(len(since))
		}
		return log.Draft{}, refusal
	}
	for b.Loop() {
		ctx, meter := table.WithMeter(b.Context())
		if _, err := l.Append(ctx, a); !errors.Is(err, refusal) {
			b.Fatal(err)
		}
		b.ReportMetric(meter.Read(), "units/op")
	}
}
