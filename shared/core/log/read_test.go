package log_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// Pages of every size from every cursor, with ends in the middle of a bucket and
// at it, give every entry once, and say exactly whether more follow.
func TestPaging(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			now := clock.NewManual(noon)
			l := log.New(tabletest.New(t).Log, now, layout)
			const newest = 13
			for range newest {
				fill(t, l, 1)
				now.Advance(layoutStep)
			}
			for after := range int64(newest + 1) {
				for limit := 1; limit <= newest+1; limit++ {
					if all := mustReadAll(t, l, after, limit); len(all) != newest-int(after) {
						t.Fatalf("behind %d, %d a page: %s", after, limit, names(all))
					}
					page, err := l.Read(t.Context(), topic, after, limit)
					rest := newest - int(after)
					if err != nil || len(page.Entries) != min(rest, limit) || page.More != (rest > limit) {
						t.Fatalf("behind %d, %d a page: %d entries, more %v, %v", after, limit, len(page.Entries), page.More, err)
					}
				}
			}
		})
	}
}

// layoutStep makes a bucket by clock hold four entries, as one by count does.
const layoutStep = window / 4

func TestBehindTheNewest(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), layout)
			behind := []int64{0, 1, 4, 5, 1000, 999_999_999_999_998, 999_999_999_999_999, math.MaxInt64}
			for _, after := range behind {
				if page, err := l.Read(t.Context(), topic, after, 10); err != nil || len(page.Entries) > 0 || page.More {
					t.Errorf("empty, behind %d: %v, %v", after, page, err)
				}
			}
			fill(t, l, 4)
			for _, after := range behind[2:] {
				if page, err := l.Read(t.Context(), topic, after, 10); err != nil || len(page.Entries) > 0 || page.More {
					t.Errorf("behind %d: %v, %v", after, page, err)
				}
			}
		})
	}
}

// A page is cut where its data becomes large, and goes on behind that.
func TestLargePages(t *testing.T) {
	tables := tabletest.New(t)
	l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4096))
	raw(t, tables.Log, 1, 12, strings.Repeat("x", 300<<10))
	page, err := l.Read(t.Context(), topic, 0, 200)
	if err != nil || !page.More || len(page.Entries) < 6 || len(page.Entries) > 8 {
		t.Errorf("%d entries, more %v, %v", len(page.Entries), page.More, err)
	}
	if all := mustReadAll(t, l, 0, 200); len(all) != 12 {
		t.Errorf("read %d entries", len(all))
	}
	if all := mustReadAll(t, l, 3, 2); len(all) != 9 {
		t.Errorf("read %d entries", len(all))
	}
}

func TestLimits(t *testing.T) {
	tables := tabletest.New(t)
	l := log.New(tables.Log, clock.NewManual(noon), log.ByCount(4096))
	raw(t, tables.Log, 1, log.MaxPage+5, "x")
	for limit, want := range map[int]int{0: 1, -3: 1, 7: 7, log.MaxPage: log.MaxPage, 5000: log.MaxPage} {
		if page, err := l.Read(t.Context(), topic, 0, limit); err != nil || len(page.Entries) != want {
			t.Errorf("limit %d: %d entries, %v", limit, len(page.Entries), err)
		}
	}
}

// Topics with names that begin alike don't see each other.
func TestTopicsAreApart(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			l := log.New(tabletest.New(t).Log, clock.NewManual(noon), layout)
			for _, other := range []string{topic + "x", "x/" + topic, topic + "/0"} {
				a := by("other", 1, log.Tail)
				a.Topic = other
				mustAppend(t, l, a)
			}
			fill(t, l, 2)
			if got := names(mustReadAll(t, l, 0, 10)); got != "1:fill-1 2:fill-2" {
				t.Errorf("read %s", got)
			}
		})
	}
}
