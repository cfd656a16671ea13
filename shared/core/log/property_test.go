package log_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// Any schedule of writers, readers, clocks that jump, trims and a closing does
// what a plain list would do.
func TestAnySchedule(t *testing.T) {
	tables := tabletest.New(t)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		m := &model{ctx: t.Context(), table: tables.Log, topic: fmt.Sprint("meetings/", runs, "/notes"), oldest: 1}
		if rapid.Bool().Draw(r, "by count") {
			m.layout, m.span = log.ByCount(3), 1
		} else {
			m.layout, m.span, m.byClock = log.ByClock(window, 0, 3), 3, true
		}
		m.now = clock.NewManual(noon)
		for range 3 {
			c := &jumping{Clock: m.now}
			m.clocks, m.logs = append(m.clocks, c), append(m.logs, log.New(tables.Log, c, m.layout))
		}
		r.Repeat(map[string]func(*rapid.T){
			"append": m.append, "retry": m.retry, "read": m.read, "jump": m.jump, "trim": m.trim, "close": m.close, "": m.check,
		})
	})
}

type jumping struct {
	clock.Clock
	by time.Duration
}

func (j *jumping) Now() time.Time { return j.Clock.Now().Add(j.by) }

// model is what a topic should be, as a list.
type model struct {
	ctx     context.Context
	table   *table.Table
	topic   string
	layout  log.Layout
	byClock bool
	span    int
	now     *clock.Manual
	clocks  []*jumping
	logs    []*log.Log

	entries  []log.Entry
	appends  []log.Append // that made them
	oldest   int64
	snapshot int64
	closed   bool
	seq      int64
}

func (m *model) newest() int64 {
	if len(m.entries) == 0 {
		return 0
	}
	return m.entries[len(m.entries)-1].Last()
}

// after are the entries that end behind a position.
func (m *model) after(position int64) []log.Entry {
	for i, entry := range m.entries {
		if entry.Last() > position {
			return m.entries[i:]
		}
	}
	return nil
}

func (m *model) anyLog(r *rapid.T) *log.Log { return rapid.SampledFrom(m.logs).Draw(r, "log") }

// commit notes what a writer has committed.
func (m *model) commit(r *rapid.T, a log.Append, committed log.Committed, d log.Draft) {
	want := log.Entry{Position: m.newest() + 1, At: committed.Entry.At, Identity: a.Identity, Draft: d}
	if diff := cmp.Diff(log.Committed{Entry: want}, committed); diff != "" {
		r.Fatalf("append at %d: %s", a.Base, diff)
	}
	m.entries, m.appends = append(m.entries, committed.Entry), append(m.appends, a)
}

func (m *model) intent(base int64) log.Append {
	m.seq++
	return log.Append{Topic: m.topic, Base: base, Identity: log.Identity{Author: "a", ClientID: "c", ClientSeq: m.seq, Digest: "d"}}
}

// append writes, while up to three others overtake it.
func (m *model) append(r *rapid.T) {
	newest := m.newest()
	base := rapid.OneOf(rapid.Just(log.Tail), rapid.Just(newest), rapid.Int64Range(0, newest+2)).Draw(r, "base")
	a := m.intent(base)
	own := log.Draft{Data: fmt.Sprint(m.seq), Length: int(m.seq), Count: rapid.IntRange(1, m.span).Draw(r, "count")}
	overtaking := rapid.IntRange(0, 3).Draw(r, "overtaking")
	seen := base
	if base == log.Tail {
		seen = newest
	} else if behind := m.after(base); len(behind) > 0 && behind[0].Position <= base {
		seen = behind[0].Last() // a base within an entry stands on the whole of it
	}
	a.Prepare = func(prev log.Entry, since []log.Entry) (log.Draft, error) {
		if prev.Last() != m.newest() || (prev.Position > 0 && prev.Length != m.entries[len(m.entries)-1].Length) {
			r.Fatalf("the entry before is %+v, of %d", prev, m.newest())
		}
		if names(since) != names(m.after(seen)) {
			r.Fatalf("missed %s, want %s", names(since), names(m.after(seen)))
		}
		seen = m.newest()
		if overtaking > 0 && !m.closed {
			overtaking--
			other := m.intent(m.newest())
			d := log.Draft{Data: "other", Length: int(m.seq), Count: rapid.IntRange(1, m.span).Draw(r, "count")}
			other.Prepare = draft(d)
			committed, err := m.anyLog(r).Append(m.ctx, other)
			if err != nil {
				r.Fatal(err)
			}
			m.commit(r, other, committed, d)
		}
		return own, nil
	}
	committed, err := m.anyLog(r).Append(m.ctx, a)
	gone, isGone := errors.AsType[*log.GoneError](err)
	beyond, isBeyond := errors.AsType[*log.BeyondError](err)
	switch {
	case base > newest:
		if !isBeyond || beyond.Newest != newest {
			r.Fatalf("base %d of %d: %v", base, newest, err)
		}
	case base != log.Tail && m.oldest > 1 && base < m.oldest:
		if !isGone || gone.Oldest != m.oldest {
			r.Fatalf("base %d, kept from %d: %v", base, m.oldest, err)
		}
	case m.closed:
		if !errors.Is(err, log.ErrClosed) {
			r.Fatalf("closed: %v", err)
		}
	case err != nil:
		r.Fatal(err)
	default:
		m.commit(r, a, committed, own)
	}
}

// retry repeats an append that named its base.
func (m *model) retry(r *rapid.T) {
	if len(m.entries) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.entries)-1).Draw(r, "which")
	a := m.appends[i]
	if a.Base == log.Tail {
		return
	}
	other := rapid.Bool().Draw(r, "other content")
	if other {
		a.Identity.Digest = "e"
	}
	committed, err := m.anyLog(r).Append(m.ctx, a)
	gone, isGone := errors.AsType[*log.GoneError](err)
	switch {
	case m.oldest > 1 && a.Base < m.oldest:
		if !isGone || gone.Oldest != m.oldest {
			r.Fatalf("base %d, kept from %d: %v", a.Base, m.oldest, err)
		}
	case other:
		if !errors.Is(err, log.ErrReused) {
			r.Fatalf("reused: %v", err)
		}
	case err != nil:
		r.Fatal(err)
	default:
		if diff := cmp.Diff(log.Committed{Entry: m.entries[i], Repeated: true}, committed); diff != "" {
			r.Fatal(diff)
		}
	}
}

func (m *model) read(r *rapid.T) {
	after := rapid.Int64Range(0, m.newest()+2).Draw(r, "after")
	limit := rapid.IntRange(1, 6).Draw(r, "limit")
	page, err := m.anyLog(r).Read(m.ctx, m.topic, after, limit)
	if after+1 < m.oldest {
		if gone, ok := errors.AsType[*log.GoneError](err); !ok || gone.Oldest != m.oldest {
			r.Fatalf("behind %d, kept from %d: %v", after, m.oldest, err)
		}
		return
	}
	rest := m.after(after)
	want := log.Page{Entries: rest[:min(limit, len(rest))], More: len(rest) > limit}
	if err != nil || page.More != want.More || names(page.Entries) != names(want.Entries) {
		r.Fatalf("behind %d: %s, more %v, %v; want %s, more %v", after, names(page.Entries), page.More, err, names(want.Entries), want.More)
	}
}

func (m *model) jump(r *rapid.T) {
	m.now.Advance(time.Duration(rapid.IntRange(0, 400).Draw(r, "seconds")) * time.Second)
	i := rapid.IntRange(0, len(m.clocks)-1).Draw(r, "whose")
	m.clocks[i].by = time.Duration(rapid.IntRange(-15, 15).Draw(r, "minutes")) * time.Minute
}

// trim moves the snapshot on, and the horizon after it.
func (m *model) trim(r *rapid.T) {
	if m.byClock || m.newest() == 0 {
		return
	}
	if rapid.Bool().Draw(r, "snapshot") {
		m.snapshot = rapid.Int64Range(max(m.snapshot, 1), m.newest()).Draw(r, "position")
		err := m.table.Update(m.ctx, log.BaseKey(m.topic), table.Update{
			Set: map[string]any{"position": m.snapshot, "length": m.entries[m.snapshot-1].Length},
		})
		if err != nil {
			r.Fatal(err)
		}
	}
	below := rapid.Int64Range(0, m.newest()+3).Draw(r, "below")
	limit := rapid.IntRange(1, 5).Draw(r, "limit")
	n, err := m.anyLog(r).Trim(m.ctx, m.topic, below, noon.Add(1e6*time.Hour), limit)
	want := max(0, min(int64(limit), min(below, m.snapshot)-m.oldest))
	if err != nil || int64(n) != want {
		r.Fatalf("trimmed %d below %d of %d to %d: %v; want %d", n, below, m.oldest, m.snapshot, err, want)
	}
	m.oldest += want
}

// close ends a long topic.
func (m *model) close(r *rapid.T) {
	if len(m.entries) < 12 || rapid.IntRange(0, 3).Draw(r, "whether") > 0 {
		return
	}
	newest, err := m.anyLog(r).Close(m.ctx, m.topic)
	if err != nil || newest != m.newest() {
		r.Fatalf("closed at %d, %v; want %d", newest, err, m.newest())
	}
	m.closed = true
}

func (m *model) check(r *rapid.T) {
	newest, closed, err := m.anyLog(r).Newest(m.ctx, m.topic)
	if err != nil || newest != m.newest() || closed != m.closed {
		r.Fatalf("newest is %d, closed %v, %v; want %d, %v", newest, closed, err, m.newest(), m.closed)
	}
}
