package log_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

func TestAppendKeepsWhatItIsGiven(t *testing.T) {
	l := log.New(tabletest.New(t).Log, clock.NewManual(noon.Add(1234567*time.Nanosecond)), log.ByCount(4))
	a := by("c", 1, 0)
	a.Prepare = draft(log.Draft{Data: "日本", Hints: "é", Length: 2, Due: 7, Tat: 9})
	want := log.Entry{
		Position: 1, At: noon.Add(time.Millisecond), Identity: a.Identity,
		Draft: log.Draft{Data: "日本", Hints: "é", Length: 2, Due: 7, Tat: 9, Count: 1},
	}
	if diff := cmp.Diff(log.Committed{Entry: want}, mustAppend(t, l, a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]log.Entry{want}, mustReadAll(t, l, 0, 10)); diff != "" {
		t.Error(diff)
	}
}

// A writer gets the entry before the free position, and what it missed.
func TestPrepareSeesWhatWasMissed(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), layout)
			fill(t, l, 9)
			for base := log.Tail; base <= 9; base++ {
				a := by("me", base+2, base)
				a.Prepare = func(prev log.Entry, since []log.Entry) (log.Draft, error) {
					newest := 10 + base // one for each round
					if prev.Position != newest {
						t.Errorf("base %d: the entry before is %d, want %d", base, prev.Position, newest)
					}
					missed := newest - base
					if base == log.Tail {
						missed = 0
					}
					if int64(len(since)) != missed || (missed > 0 && since[0].Position != base+1) {
						t.Errorf("base %d: missed %s, want %d", base, names(since), missed)
					}
					return log.Draft{Data: "x"}, nil
				}
				mustAppend(t, l, a)
			}
		})
	}
}

// layouts are small ones of both kinds.
func layouts() map[string]log.Layout {
	return map[string]log.Layout{
		"by count": log.ByCount(4),
		"by clock": log.ByClock(5*time.Minute, 0, 20),
	}
}

func TestBasesThatAreRefused(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), layout)
			_, err := l.Append(t.Context(), by("c", 1, 1))
			wantBeyond(t, err, 0)
			wantNewest(t, l, 0, false)
			fill(t, l, 4)
			for _, base := range []int64{5, 6, 1 << 40, 1<<63 - 1} {
				_, err := l.Append(t.Context(), by("c", 1, base))
				wantBeyond(t, err, 4)
			}
			fill(t, l, 1)
			_, err = l.Append(t.Context(), by("c", 1, 6))
			wantBeyond(t, err, 5)
			wantNewest(t, l, 5, false)
		})
	}
}

// A base that is committed only while the writer looks for it was beyond the
// newest when it was named.
func TestBaseThatComesMeanwhile(t *testing.T) {
	tables := tabletest.New(t)
	l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4))
	fill(t, l, 2)
	client := &faultyClient{}
	client.fate = func(op, _ string) fate {
		if op == "GetItem" { // the base record, after the bucket
			fill(t, l, 2)
		}
		return passes
	}
	_, err := log.New(over(client, tables), clock.NewManual(noon), log.ByCount(4)).Append(t.Context(), by("c", 1, 3))
	wantBeyond(t, err, 2)
	wantNewest(t, l, 4, false)
}

// The first entry and its snapshot may come while a writer looks at an empty
// topic: nothing is gone, and nothing is beyond the newest.
func TestFirstSnapshotThatComesMeanwhile(t *testing.T) {
	tables := tabletest.New(t)
	l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4))
	client := &faultyClient{}
	client.fate = func(op, _ string) fate {
		if op == "GetItem" { // the base record, after the bucket
			fill(t, l, 1)
			snapshot(t, tables.Log, 1, 7)
		}
		return passes
	}
	a := by("c", 1, 0)
	seen := 0
	a.Prepare = func(_ log.Entry, since []log.Entry) (log.Draft, error) {
		seen += len(since)
		return log.Draft{Data: "x"}, nil
	}
	committed := mustAppend(t, log.New(over(client, tables), clock.NewManual(noon), log.ByCount(4)), a)
	if committed.Entry.Position != 2 || seen != 1 {
		t.Errorf("committed at %d, having seen %d", committed.Entry.Position, seen)
	}
}

func TestRetryGetsTheFirstAnswer(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), layout)
			fill(t, l, 2)
			first := mustAppend(t, l, by("c", 7, 1))
			fill(t, l, 6) // others, across a bucket's end
			again := by("c", 7, 1)
			again.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) {
				return log.Draft{}, errors.New("a retry prepares nothing")
			}
			want := log.Committed{Entry: first.Entry, Repeated: true}
			if diff := cmp.Diff(want, mustAppend(t, l, again)); diff != "" {
				t.Error(diff)
			}
			other := again
			other.Identity.Digest = "another"
			if _, err := l.Append(t.Context(), other); !errors.Is(err, log.ErrReused) {
				t.Errorf("another digest: %v", err)
			}
			if _, err := l.Close(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, mustAppend(t, l, again)); diff != "" {
				t.Error("after the closing:", diff)
			}
			wantNewest(t, l, 9, true)
		})
	}
}

// Only the three together make an identity, and one without a client none.
func TestOthersAreNoRetry(t *testing.T) {
	l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByCount(4))
	mustAppend(t, l, by("c", 1, 0))
	bob, client, seq, nobody := by("c", 1, 0), by("d", 1, 0), by("c", 2, 0), by("", 0, 0)
	bob.Identity.Author = "bob"
	for _, a := range []log.Append{bob, client, seq, nobody, nobody} {
		if committed := mustAppend(t, l, a); committed.Repeated {
			t.Errorf("%+v was taken for a repetition of %+v", a.Identity, committed.Entry.Identity)
		}
	}
	wantNewest(t, l, 6, false)
}

func TestLate(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := log.New(tables.Log, now, log.ByCount(4))
	a := by("c", 1, 0)
	a.Permit = until(noon.Add(2 * time.Second))
	now.Advance(2*time.Second + time.Millisecond)
	ctx, meter := table.WithMeter(t.Context())
	if _, err := l.Append(ctx, a); !errors.Is(err, log.ErrLate) || meter.Write() != 0 {
		t.Errorf("got %v and %v write units", err, meter.Write())
	}

	// The permission may also end between two tries.
	a.Permit = until(now.Now().Add(2 * time.Second))
	tries := 0
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) {
		tries++
		mustAppend(t, l, by("other", 1, 0))
		now.Advance(3 * time.Second)
		return log.Draft{Data: "x"}, nil
	}
	if _, err := l.Append(t.Context(), a); !errors.Is(err, log.ErrLate) || tries != 1 {
		t.Errorf("got %v after %d tries", err, tries)
	}
	if got := names(mustReadAll(t, l, 0, 10)); got != "1:other-1" {
		t.Errorf("committed %s", got)
	}

	// A retry of what was committed in time is never late.
	again := by("other", 1, 0)
	again.Permit = until(noon)
	if committed := mustAppend(t, l, again); !committed.Repeated {
		t.Error("the retry isn't recognised")
	}
}

func TestContended(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), layout)
			tries, base := int64(0), int64(0)
			a := by("slow", 1, base)
			a.Prepare = func(prev log.Entry, since []log.Entry) (log.Draft, error) {
				tries++
				missed := int64(1)
				if tries == 1 {
					missed = 0
				}
				if prev.Position != tries-1 || int64(len(since)) != missed {
					t.Errorf("try %d comes after %d and has missed %s", tries, prev.Position, names(since))
				}
				mustAppend(t, l, by("quick", tries, log.Tail))
				return log.Draft{Data: "x"}, nil
			}
			if _, err := l.Append(t.Context(), a); !errors.Is(err, log.ErrContended) || tries != 10 {
				t.Errorf("got %v after %d tries", err, tries)
			}
			all := names(mustReadAll(t, l, 0, 100))
			if strings.Contains(all, "slow") || !strings.HasSuffix(all, "10:quick-10") {
				t.Errorf("committed %s", all)
			}
		})
	}
}

func TestPrepareMayRefuse(t *testing.T) {
	l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByClock(time.Minute, 0, 3))
	refusal := errors.New("it does not fit")
	a := by("c", 1, log.Tail)
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) { return log.Draft{}, refusal }
	if _, err := l.Append(t.Context(), a); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	a.Prepare = draft(log.Draft{Count: 4})
	if _, err := l.Append(t.Context(), a); err == nil {
		t.Error("an entry is longer than its layout's span")
	}
	wantNewest(t, l, 0, false)
	if _, err := l.Close(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	// What is wrong with the request comes before the topic's state.
	a.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) { return log.Draft{}, refusal }
	if _, err := l.Append(t.Context(), a); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
}

// How far a writer may be behind is bounded, in entries and in bytes.
func TestFarBehind(t *testing.T) {
	tables := tabletest.New(t)
	l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4096))
	near := log.Reaching(l, 30, 1<<20)
	fill(t, l, 50)
	if committed := mustAppend(t, near, by("c", 1, 20)); committed.Entry.Position != 51 {
		t.Errorf("30 behind: committed at %d", committed.Entry.Position)
	}
	_, err := near.Append(t.Context(), by("c", 2, 20))
	wantGone(t, err, 52)

	raw(t, tables.Log, 52, 8, strings.Repeat("x", 250<<10))
	_, err = near.Append(t.Context(), by("c", 3, 51))
	wantGone(t, err, 60)
	if committed := mustAppend(t, near, by("c", 3, 56)); committed.Entry.Position != 60 {
		t.Errorf("750 KB behind: committed at %d", committed.Entry.Position)
	}
	// The page's own bound is met on the way.
	if committed := mustAppend(t, l, by("c", 4, 0)); committed.Entry.Position != 61 {
		t.Errorf("everything behind: committed at %d", committed.Entry.Position)
	}
}

// raw puts n entries from a position on without asking the log.
func raw(t testing.TB, tbl *table.Table, first int64, n int, data string) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for position := first; position < first+int64(n); position++ {
		group.Go(func() error {
			return tbl.Put(t.Context(), keyAt((position-1)/4096, position), map[string]any{"at": noon.UnixMilli(), "d": data})
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
