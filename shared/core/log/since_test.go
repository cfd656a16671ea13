package log_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// retry is an append at the tail whose first try may have been committed since a
// time.
func retry(client string, since time.Time) log.Append {
	a := by(client, 1, log.Tail)
	a.Since = since
	return a
}

// A retry is found wherever its entry lies since the first try began, and one
// that isn't there is appended.
func TestRetryAtTheTail(t *testing.T) {
	for _, skew := range []time.Duration{0, window - time.Second, -window + time.Second} {
		for _, after := range []int{0, 1, 5} { // entries behind the first try's, in a bucket each
			t.Run(fmt.Sprint(after, " entries later, with a clock off by ", skew), func(t *testing.T) {
				tables := tabletest.New(t)
				now := clock.NewManual(noon)
				l := at(tables, now, 0)
				for range 3 {
					fill(t, l, 2)
					now.Advance(window)
				}
				began := now.Now().Add(skew)
				a := by("key", 1, log.Tail)
				a.Prepare = draft(log.Draft{Data: "x", Count: 3})
				first := mustAppend(t, l, a)
				for range after {
					now.Advance(window)
					fill(t, l, 1)
				}
				again := retry("key", began)
				again.Prepare = func(log.Entry, []log.Entry) (log.Draft, error) { return log.Draft{}, errors.New("prepared") }
				got := mustAppend(t, l, again)
				if !got.Repeated || got.Entry != first.Entry {
					t.Errorf("got %+v, want the entry at %d", got, first.Entry.Position)
				}
				wantNewest(t, l, 9+int64(after), false)

				other := mustAppend(t, l, retry("other", began))
				if other.Repeated || other.Entry.Position != 10+int64(after) {
					t.Errorf("another was appended as %+v", other)
				}
				reused := retry("key", began)
				reused.Identity.Digest = "another"
				if _, err := l.Append(t.Context(), reused); !errors.Is(err, log.ErrReused) {
					t.Errorf("with other content: %v", err)
				}
			})
		}
	}
}

func TestRetryWhereNothingWasCommitted(t *testing.T) {
	tables := tabletest.New(t)
	now := clock.NewManual(noon)
	l := at(tables, now, 0)
	// An empty topic, the first bucket, and one that was silent since.
	for want := int64(1); want <= 3; want++ {
		got := mustAppend(t, l, retry(fmt.Sprint("key", want), now.Now()))
		if got.Repeated || got.Entry.Position != want {
			t.Errorf("appended as %+v, want %d", got, want)
		}
		now.Advance(time.Duration(want) * 6 * window)
	}
}

// A retry that is found isn't refused, though nothing can be appended any more.
func TestRetryOnAClosedTopic(t *testing.T) {
	now := clock.NewManual(noon)
	l := at(tabletest.New(t), now, 0)
	first := mustAppend(t, l, by("key", 1, log.Tail))
	if _, err := l.Close(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if got := mustAppend(t, l, retry("key", noon)); !got.Repeated || got.Entry != first.Entry {
		t.Errorf("got %+v", got)
	}
	if _, err := l.Append(t.Context(), retry("other", noon)); !errors.Is(err, log.ErrClosed) {
		t.Errorf("another: %v", err)
	}
}

// What can't be looked through as a whole is refused, never appended twice.
func TestRetryTooLate(t *testing.T) {
	now := clock.NewManual(noon)
	l := log.Reaching(at(tabletest.New(t), now, 0), 10, 1<<20)
	mustAppend(t, l, by("key", 1, log.Tail))
	fill(t, l, 5)
	if got := mustAppend(t, l, retry("key", noon)); !got.Repeated {
		t.Errorf("appended as %+v", got)
	}
	fill(t, l, 5)
	_, err := l.Append(t.Context(), retry("other", noon))
	wantGone(t, err, 12)
	wantNewest(t, l, 11, false)
	// Nothing of before is in the way of what began later.
	now.Advance(2 * window)
	if got := mustAppend(t, l, retry("other", now.Now())); got.Entry.Position != 12 {
		t.Errorf("appended as %+v", got)
	}
}

func TestRetryCostsWhatCameSince(t *testing.T) {
	now := clock.NewManual(noon)
	l := at(tabletest.New(t), now, 0)
	for range 20 {
		fill(t, l, 40)
		now.Advance(2 * window)
	}
	mustAppend(t, l, by("key", 1, log.Tail))
	ctx, meter := table.WithMeter(t.Context())
	got, err := l.Append(ctx, retry("key", now.Now()))
	if err != nil || !got.Repeated || meter.Read() > 4 || meter.Write() > 0 {
		t.Errorf("%+v, %v for %v read and %v write units", got, err, meter.Read(), meter.Write())
	}
}

func TestOnlyLogsByClockExpire(t *testing.T) {
	l := log.New(tabletest.New(t).Log, clock.NewManual(noon), log.ByCount(4))
	if _, err := l.Append(t.Context(), retry("key", noon)); err == nil {
		t.Error("a layout by count was searched by time")
	}
}
