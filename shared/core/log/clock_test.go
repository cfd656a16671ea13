package log_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

const window = 5 * time.Minute

// at is a writer whose clock is wrong by some time.
func at(tables *tabletest.Tables, c clock.Clock, by time.Duration) *log.Log {
	return log.New(tables.Log, skewed{c, by}, log.ByClock(window, 24*time.Hour, 20))
}

// Whatever the clocks say, an entry goes behind those that a reader has seen.
func TestClocksThatDiffer(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	right, fast, slow := at(tables, now, 0), at(tables, now, 7*time.Minute), at(tables, now, -13*time.Minute)
	seen := int64(0)
	for round := range int64(6) {
		for i, l := range []*log.Log{slow, fast, right, slow, slow, right, fast} {
			a := by("c", 10*round+int64(i), log.Tail)
			committed := mustAppend(t, l, a)
			seen++
			if committed.Entry.Position != seen {
				t.Fatalf("round %d, writer %d: committed at %d, want %d", round, i, committed.Entry.Position, seen)
			}
			for _, reader := range []*log.Log{slow, right, fast} {
				page, err := reader.Read(t.Context(), topic, seen-1, 10)
				if err != nil || len(page.Entries) != 1 || page.More || page.Entries[0].Position != seen {
					t.Fatalf("the reader behind %d got %s, %v", seen-1, names(page.Entries), err)
				}
				wantNewest(t, reader, seen, false)
			}
		}
		now.Advance(4 * time.Minute)
	}
	if all := mustReadAll(t, right, 0, 5); len(all) != int(seen) {
		t.Errorf("%d entries, want %d", len(all), seen)
	}
}

// A writer that stood at the end of a bucket when another sealed it follows.
func TestSlowWriterAcrossABucket(t *testing.T) {
	for _, late := range []time.Duration{0, -window, -12 * window, window} {
		t.Run(late.String(), func(t *testing.T) {
			tables := tabletest.New(t)
			now := clock.NewManual(noon)
			quick, slow := at(tables, now, 0), at(tables, now, late)
			mustAppend(t, quick, by("quick", 1, log.Tail))
			a := by("slow", 1, log.Tail)
			waiting := true
			a.Prepare = func(prev log.Entry, _ []log.Entry) (log.Draft, error) {
				if waiting {
					waiting = false
					now.Advance(2 * window)
					mustAppend(t, quick, by("quick", 2, log.Tail))
					now.Advance(2 * window)
					mustAppend(t, quick, by("quick", 3, log.Tail))
				}
				return log.Draft{Data: "x"}, nil
			}
			mustAppend(t, slow, a)
			got := names(mustReadAll(t, quick, 0, 2))
			if want := "1:quick-1 2:quick-2 3:quick-3 4:slow-1"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			mustAppend(t, quick, by("quick", 4, 3))
			wantNewest(t, slow, 5, false)
		})
	}
}

// Writers whose clocks ask for different buckets found a topic at once.
func TestFoundingAtOnce(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	var group sync.WaitGroup
	const writers = 6
	for i := range int64(writers) {
		group.Go(func() {
			base := log.Tail
			if i%2 == 0 {
				base = 0
			}
			l := at(tables, now, time.Duration(i-3)*3*window)
			for {
				_, err := l.Append(t.Context(), by("c", i, base))
				if !errors.Is(err, log.ErrContended) {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	group.Wait()
	if all := mustReadAll(t, at(tables, now, 0), 0, 2); len(all) != writers {
		t.Errorf("%d entries: %s", len(all), names(all))
	}
	first, err := table.Get[struct {
		Bucket int64 `dynamodbav:"bucket"`
	}](t.Context(), tables.Log, directoryAt(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Get[struct{}](t.Context(), tables.Log, keyAt(first.Bucket, 1)); err != nil {
		t.Errorf("the first bucket isn't where the directory has it: %v", err)
	}
}

// An append that is refused leaves nothing behind, not even a bucket.
func TestRefusedAppendFoundsNothing(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := at(tables, now, 0)
	refusal := errors.New("no")
	refused := by("c", 1, log.Tail)
	refused.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) { return log.Draft{}, refusal }
	late := by("c", 2, log.Tail)
	late.Permit = until(noon)
	for want, a := range map[error]log.Append{refusal: refused, log.ErrLate: late} {
		if _, err := l.Append(t.Context(), a); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if _, err := table.Get[struct{}](t.Context(), tables.Log, directoryAt(1)); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("there is a bucket: %v", err)
	}
	mustAppend(t, l, by("c", 3, log.Tail))
	wantNewest(t, l, 1, false)
}

// A writer that dies between sealing a bucket and listing the next, or between
// founding a topic and writing to it, does no harm.
func TestWriterCrashesAtABucketsEnd(t *testing.T) {
	die := func(t *testing.T, tables *tabletest.Tables, c clock.Clock, puts int) {
		t.Helper()
		client := &faultyClient{fate: func(op, _ string) fate {
			if op == "PutItem" {
				puts--
			}
			if puts < 0 {
				return requestLost
			}
			return passes
		}}
		l := log.New(over(client, tables), c, log.ByClock(window, 24*time.Hour, 20))
		if _, err := l.Append(t.Context(), by("dead", 1, log.Tail)); err == nil {
			t.Fatal("the writer lives")
		}
	}
	// A writer at a bucket's end puts the seal, the directory row, the entry.
	for puts := range 3 {
		for _, skew := range []time.Duration{0, window, -2 * window} {
			t.Run(fmt.Sprint(puts, " puts, then one with a clock off by ", skew), func(t *testing.T) {
				tables := tabletest.New(t)
				now := clock.NewManual(noon)
				l := at(tables, now, 0)
				mustAppend(t, l, by("c", 1, log.Tail))
				now.Advance(window)
				die(t, tables, now, puts)

				wantNewest(t, l, 1, false)
				if got := names(mustReadAll(t, l, 0, 1)); got != "1:c-1" {
					t.Errorf("read %s", got)
				}
				next := by("c", 2, log.Tail)
				next.Prepare = func(prev log.Entry, _ []log.Entry) (log.Draft, error) {
					if prev.ClientSeq != 1 {
						t.Errorf("the entry before is %+v", prev)
					}
					return log.Draft{Data: "x"}, nil
				}
				mustAppend(t, at(tables, now, skew), next)
				mustAppend(t, l, by("c", 3, 1))
				if got := names(mustReadAll(t, l, 0, 1)); got != "1:c-1 2:c-2 3:c-3" {
					t.Errorf("read %s", got)
				}
				wantListed(t, tables.Log)
			})
		}
	}
	t.Run("founding", func(t *testing.T) {
		tables := tabletest.New(t)
		now := clock.NewManual(noon)
		die(t, tables, now, 1)
		l := at(tables, now, 0)
		wantNewest(t, l, 0, false)
		now.Advance(3 * window)
		mustAppend(t, l, by("c", 1, 0))
		mustAppend(t, l, by("c", 2, log.Tail))
		if got := names(mustReadAll(t, l, 0, 1)); got != "1:c-1 2:c-2" {
			t.Errorf("read %s", got)
		}
		wantListed(t, tables.Log)
	})
}

type listing struct {
	Bucket int64 `dynamodbav:"bucket"`
}

// wantListed follows the seals from the first bucket on: each bucket that has an
// entry stands in the directory.
func wantListed(t *testing.T, tbl *table.Table) {
	t.Helper()
	page, err := table.List[listing](t.Context(), tbl, table.Query{PK: "LOG#" + topic, Prefix: "BUCKET#", Limit: 1000})
	if err != nil || len(page.Items) == 0 {
		t.Fatal(err, len(page.Items))
	}
	listed := map[int64]bool{}
	for _, row := range page.Items {
		listed[row.Value.Bucket] = true
	}
	for bucket := page.Items[0].Value.Bucket; bucket != 0; {
		items, err := table.List[struct {
			Kind string `dynamodbav:"k"`
			Next int64  `dynamodbav:"next"`
		}](t.Context(), tbl, table.Query{PK: keyAt(bucket, 1).PK, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		next := int64(0)
		for _, item := range items.Items {
			if item.Value.Kind == "seal" {
				next = item.Value.Next
			} else if !listed[bucket] {
				t.Fatalf("bucket %d has entry %s but isn't in the directory", bucket, item.Key.SK)
			}
		}
		bucket = next
	}
}

// The directory is a shortcut: without it a topic is still found from its first
// bucket on, and the next writer at the end lists the last one again.
func TestDirectoryIsRebuilt(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := at(tables, now, 0)
	for i := range int64(8) {
		mustAppend(t, l, by("c", i+1, log.Tail))
		if i%2 == 1 {
			now.Advance(window)
		}
	}
	for _, first := range []int64{3, 5, 7} {
		if err := tables.Log.Delete(t.Context(), directoryAt(first), table.If(table.Exists())); err != nil {
			t.Fatal(err)
		}
	}
	wantNewest(t, l, 8, false)
	for after := range int64(9) {
		if all := mustReadAll(t, l, after, 3); len(all) != int(8-after) {
			t.Errorf("behind %d: %s", after, names(all))
		}
	}
	mustAppend(t, l, by("c", 9, log.Tail))
	wantListed(t, tables.Log)
	if all := mustReadAll(t, l, 0, 4); len(all) != 9 {
		t.Errorf("read %s", names(all))
	}
}

// A seal that leads nowhere new is an error, not an endless walk.
func TestSealThatLeadsBack(t *testing.T) {
	tables := tabletest.New(t)
	l := at(tables, clock.NewManual(noon), 0)
	fill(t, l, 1)
	bucket := noon.UnixMilli() / window.Milliseconds()
	for i, next := range []int64{bucket, bucket - 1} {
		item := map[string]any{"k": "seal", "next": next, "at": noon.UnixMilli()}
		if err := tables.Log.Put(t.Context(), keyAt(bucket, 2+int64(i)), item); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Read(t.Context(), topic, 0, 10); err == nil {
			t.Errorf("a seal of %d leads to %d", bucket, next)
		}
		if _, _, err := l.Newest(t.Context(), topic); err == nil {
			t.Errorf("a seal of %d leads to %d", bucket, next)
		}
	}
}

// An entry of several positions is found by a cursor at each of them.
func TestEntriesOfSeveralPositions(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := at(tables, now, 0)
	var first, last []int64 // of the entry at each position, from 0
	first, last = append(first, 0), append(last, 0)
	for i, count := range []int{3, 1, 20, 1, 1, 2, 20, 20, 1, 5} {
		a := by("c", int64(i), log.Tail)
		a.Prepare = draft(log.Draft{Data: "x", Count: count})
		committed := mustAppend(t, l, a)
		if want := int64(len(first)); committed.Entry.Position != want || committed.Entry.Last() != want+int64(count)-1 {
			t.Fatalf("entry %d stands at %d to %d", i, committed.Entry.Position, committed.Entry.Last())
		}
		for range count {
			first, last = append(first, committed.Entry.Position), append(last, committed.Entry.Last())
		}
		if i%3 == 2 {
			now.Advance(window)
		}
	}
	newest := int64(len(first) - 1)
	wantNewest(t, l, newest, false)
	for after := range newest {
		for _, limit := range []int{1, 3, 200} {
			all := mustReadAll(t, l, after, limit)
			if len(all) == 0 || all[0].Position != first[after+1] || all[len(all)-1].Last() != newest {
				t.Fatalf("behind %d, %d a page: %s", after, limit, names(all))
			}
		}
	}
	// A writer's base may be any position; it misses what comes behind its entry.
	for base := int64(1); base <= newest; base++ {
		refusal := errors.New("seen")
		a := by("me", base, base)
		a.Prepare = func(prev log.Entry, since []log.Entry) (log.Draft, error) {
			if prev.Last() != newest || (last[base] < newest && (len(since) == 0 || since[0].Position != last[base]+1)) {
				t.Errorf("base %d: comes after %d and has missed %s", base, prev.Position, names(since))
			}
			return log.Draft{}, refusal
		}
		if _, err := l.Append(t.Context(), a); !errors.Is(err, refusal) {
			t.Errorf("base %d: %v", base, err)
		}
	}
}

// What has expired is gone by everybody's clock, whether the table has swept it,
// is about to, or hasn't begun.
func TestExpiry(t *testing.T) {
	sweeps := map[string][]int64{"not swept": nil, "half swept": {1, 4}, "swept": {1, 2, 3, 4}}
	for name, swept := range sweeps {
		t.Run(name, func(t *testing.T) {
			tables := tabletest.New(t)
			now := clock.NewManual(noon)
			l := at(tables, now, 0)
			bucket := noon.UnixMilli() / window.Milliseconds()
			fill(t, l, 3)
			now.Advance(12 * time.Hour)
			fill(t, l, 3)
			for _, position := range swept { // 4 is the seal
				if err := tables.Log.Delete(t.Context(), keyAt(bucket, position), table.If(table.Exists())); err != nil {
					t.Fatal(err)
				}
			}
			now.Advance(12*time.Hour + window)
			for after := range int64(3) {
				_, err := l.Read(t.Context(), topic, after, 10)
				wantGone(t, err, 4)
			}
			_, err := l.Append(t.Context(), by("c", 1, 2))
			wantGone(t, err, 4)
			if all := mustReadAll(t, l, 3, 2); len(all) != 3 {
				t.Errorf("kept %s", names(all))
			}
			mustAppend(t, l, by("c", 1, 5))
			mustAppend(t, l, by("c", 2, log.Tail))
			wantNewest(t, l, 8, false)
		})
	}
}

// A topic that was silent for its whole retention takes no entries any more: a
// position is never given twice.
func TestSilenceClosesATopic(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := at(tables, now, 0)
	fill(t, l, 3)
	now.Advance(24*time.Hour + window)
	if _, err := l.Append(t.Context(), by("c", 1, log.Tail)); !errors.Is(err, log.ErrClosed) {
		t.Errorf("append: %v", err)
	}
	wantNewest(t, l, 3, true)
	_, err := l.Read(t.Context(), topic, 0, 10)
	wantGone(t, err, 4)
	if page, err := l.Read(t.Context(), topic, 3, 10); err != nil || len(page.Entries) != 0 || page.More {
		t.Errorf("behind the newest: %v, %v", page, err)
	}
}

// The table sweeps a day after the retention's end, seals with what they lead to
// and closings never.
func TestWhenTheTableSweeps(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := at(tables, now, 0)
	fill(t, l, 1)
	now.Advance(3 * window)
	fill(t, l, 1)
	if _, err := l.Close(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	bucket := noon.UnixMilli() / window.Milliseconds()
	tests := map[string]struct {
		give table.Key
		want time.Time
	}{
		"entry":     {keyAt(bucket, 1), noon.Add(window + 48*time.Hour)},
		"seal":      {keyAt(bucket, 2), noon.Add(4*window + 48*time.Hour)},
		"entry 2":   {keyAt(bucket+3, 2), noon.Add(4*window + 48*time.Hour)},
		"closing":   {keyAt(bucket+3, 3), time.Unix(0, 0)},
		"directory": {directoryAt(2), time.Unix(0, 0)},
	}
	for name, test := range tests {
		item, err := table.Get[struct {
			Expires int64 `dynamodbav:"ttl"`
		}](t.Context(), tables.Log, test.give)
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(test.want.UTC(), time.Unix(item.Expires, 0).UTC()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
