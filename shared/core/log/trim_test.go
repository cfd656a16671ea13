package log_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// history makes a topic with 20 entries, one an hour, and a snapshot at 15.
func history(t *testing.T) (*tabletest.Tables, *log.Log) {
	t.Helper()
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := log.New(tables.Log, now, log.ByCount(4))
	for range 20 {
		fill(t, l, 1)
		now.Advance(time.Hour)
	}
	snapshot(t, tables.Log, 15, 150)
	return tables, l
}

func mustTrim(t *testing.T, l *log.Log, below int64, olderThan time.Time, limit, want int) {
	t.Helper()
	if n, err := l.Trim(t.Context(), topic, below, olderThan, limit); err != nil || n != want {
		t.Fatalf("trimmed %d, %v, want %d", n, err, want)
	}
}

// wantKept holds reading and writing to the horizon: all of it stays below the
// first position that is kept, nothing at or above.
func wantKept(t *testing.T, l *log.Log, oldest int64) {
	t.Helper()
	newest, _, err := l.Newest(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for after := int64(0); after <= newest; after++ {
		all, err := readAll(t.Context(), l, after, 3)
		if after+1 < oldest {
			wantGone(t, err, oldest)
		} else if err != nil || len(all) != int(newest-after) {
			t.Errorf("behind %d: %s, %v", after, names(all), err)
		}
	}
	refusal := errors.New("seen")
	for base := int64(0); base <= newest; base++ {
		a := by("me", base, base)
		a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) { return log.Draft{}, refusal }
		_, err := l.Append(t.Context(), a)
		if base < oldest && oldest > 1 {
			wantGone(t, err, oldest)
		} else if !errors.Is(err, refusal) {
			t.Errorf("base %d: %v", base, err)
		}
	}
}

func TestTrim(t *testing.T) {
	_, l := history(t)
	mustTrim(t, l, 10, noon, 100, 0) // all are younger
	wantKept(t, l, 1)
	mustTrim(t, l, 10, noon.Add(90*time.Minute), 100, 2)
	wantKept(t, l, 3)
	mustTrim(t, l, 3, noon.Add(90*time.Hour), 100, 0) // nothing below
	mustTrim(t, l, 10, noon.Add(90*time.Hour), 3, 3)  // to the middle of a bucket
	wantKept(t, l, 6)
	mustTrim(t, l, 10, noon.Add(90*time.Hour), 3, 3) // to the end of one
	wantKept(t, l, 9)
	mustTrim(t, l, 100, noon.Add(90*time.Hour), 100, 6) // the snapshot's entry stays
	wantKept(t, l, 15)
	mustTrim(t, l, 100, noon.Add(90*time.Hour), 100, 0)
	wantNewest(t, l, 20, false)
	if committed := mustAppend(t, l, by("c", 1, 15)); committed.Entry.Position != 21 {
		t.Errorf("committed at %d", committed.Entry.Position)
	}
	// From here on the end is found without the snapshot, too.
	if newest, closed, err := l.NewestAfter(t.Context(), topic, log.Base{Position: 15}); newest != 21 || closed || err != nil {
		t.Errorf("newest %d, %v, %v", newest, closed, err)
	}
}

func TestTrimWithoutASnapshot(t *testing.T) {
	l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByCount(4))
	mustTrim(t, l, 10, noon.Add(time.Hour), 100, 0)
	fill(t, l, 5)
	mustTrim(t, l, 10, noon.Add(time.Hour), 100, 0)
	wantKept(t, l, 1)
	timed := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByClock(window, 0, 1))
	if _, err := timed.Trim(t.Context(), topic, 10, noon, 100); err == nil {
		t.Error("a topic by clock was trimmed")
	}
}

// Wherever Trim dies, readers and writers are told, and the next one goes on.
func TestTrimCrashes(t *testing.T) {
	for _, writes := range []int{0, 1, 2, 5, 8, 9} {
		tables, l := history(t)
		left := writes
		client := &faultyClient{fate: func(op, _ string) fate {
			if op == "UpdateItem" || op == "DeleteItem" {
				left--
			}
			if left < 0 {
				return requestLost
			}
			return passes
		}}
		dying := log.New(over(client, tables), clock.NewManual(noon), log.ByCount(4))
		later := noon.Add(90 * time.Hour)
		// It marks, deletes eight entries, which empties two buckets, and marks.
		n, err := dying.Trim(t.Context(), topic, 9, later, 100)
		if (err == nil) != (writes > 9) || (err != nil && n != 0) {
			t.Fatalf("after %d writes: %d, %v", writes, n, err)
		}
		if writes > 0 {
			for after := range int64(8) {
				_, err := l.Read(t.Context(), topic, after, 3)
				gone, told := errors.AsType[*log.GoneError](err)
				if (err != nil && !told) || (told && gone.Oldest > 9) || (!told && after < int64(writes-1)) {
					t.Fatalf("after %d writes: behind %d: %v", writes, after, err)
				}
			}
		}
		for range 3 {
			if _, err := l.Trim(t.Context(), topic, 9, later, 100); err != nil {
				t.Fatal(err)
			}
		}
		wantKept(t, l, 9)
		mustTrim(t, l, 100, later, 100, 6)
		for position := int64(1); position < 15; position++ {
			if _, err := table.Get[struct{}](t.Context(), tables.Log, keyAt((position-1)/4, position)); !errors.Is(err, table.ErrNotFound) {
				t.Fatalf("after %d writes: %d is still there: %v", writes, position, err)
			}
		}
	}
}

// Two who trim at once don't take the horizon back.
func TestTrimAtOnce(t *testing.T) {
	tables, l := history(t)
	later := noon.Add(90 * time.Hour)
	overtaken := false
	client := &faultyClient{fate: func(op, _ string) fate {
		if op == "UpdateItem" && !overtaken {
			overtaken = true
			mustTrim(t, l, 9, later, 5, 5)
			mustTrim(t, l, 9, later, 5, 3)
		}
		return passes
	}}
	slow := log.New(over(client, tables), clock.NewManual(noon), log.ByCount(4))
	mustTrim(t, slow, 9, later, 2, 0)
	wantKept(t, l, 9)
}

// A base at the snapshot's position needs no entry there, as after an import.
func TestBaseAtTheSnapshot(t *testing.T) {
	for _, position := range []int64{3, 4, 5, 8} {
		tables := tabletest.New(t)
		l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4))
		err := tables.Log.Update(t.Context(), log.BaseKey(topic), table.Update{
			Set: map[string]any{"position": position, "length": 77, "oldest": position + 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNewest(t, l, position, false)
		_, err = l.Read(t.Context(), topic, 0, 10)
		wantGone(t, err, position+1)
		if all := mustReadAll(t, l, position, 10); len(all) != 0 {
			t.Errorf("read %s", names(all))
		}
		_, err = l.Append(t.Context(), by("c", 1, position-1))
		wantGone(t, err, position+1)
		_, err = l.Append(t.Context(), by("c", 1, position+1))
		wantBeyond(t, err, position)

		prev := func(want log.Entry, missed int) func(log.Entry, []log.Entry) (log.Draft, error) {
			return func(prev log.Entry, since []log.Entry) (log.Draft, error) {
				if prev.Position != want.Position || prev.Length != want.Length || len(since) != missed {
					t.Errorf("snapshot at %d: comes after %+v, has missed %s", position, prev, names(since))
				}
				return log.Draft{Data: "x", Length: prev.Length + 1}, nil
			}
		}
		for i, base := range []int64{position, log.Tail, position, position + 1} {
			a := by("c", int64(i), base)
			missed := 0
			if base != log.Tail {
				missed = i - int(base-position)
			}
			a.Prepare = prev(log.Entry{Position: position + int64(i), Draft: log.Draft{Length: 77 + i}}, missed)
			if committed := mustAppend(t, l, a); committed.Entry.Position != position+int64(i)+1 {
				t.Errorf("committed at %d", committed.Entry.Position)
			}
		}
		if all := mustReadAll(t, l, position, 2); len(all) != 4 {
			t.Errorf("read %s", names(all))
		}
	}
}
