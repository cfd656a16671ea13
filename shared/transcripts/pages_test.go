package transcripts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/transcripts"
)

// sizes are of requests, so that entries of every size follow one another.
var sizes = []int{3, 1, 20, 1, 1, 2, 20, 7, 1, 20, 20, 5}

// talk appends requests of all sizes, one bucket after the other, and gives the
// texts at each position.
func (f *fixture) talk(now *clock.Manual) []string {
	f.t.Helper()
	var all []string
	for i, size := range sizes {
		var texts []string
		for n := range size {
			texts = append(texts, fmt.Sprintf("%d of %d in %d", n, size, i))
		}
		got := f.say(texts...)
		if want := int64(len(all)); got.FirstPosition != want+1 || got.LastPosition != want+int64(size) {
			f.t.Fatalf("request %d of %d chunks stands at %+v, want after %d", i, size, got, want)
		}
		all = append(all, texts...)
		if i%3 == 1 {
			now.Advance(window)
		}
	}
	return all
}

// Every cursor, also one inside an entry, gives exactly what follows it, in pages
// of every size, across buckets.
func TestPages(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	all := f.talk(now)
	for _, limit := range []int{1, 7, 20, 33, 200} {
		for _, from := range []int{0, 1, 5, 24, 50, len(all) - 1, len(all)} {
			if diff := cmp.Diff(all[from:], f.texts(int64(from), limit), cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Fatalf("after %d, %d a page:\n%s", from, limit, diff)
			}
		}
	}
	for _, limit := range []int{1, 19, 20, 21, 200} {
		for from := 0; from <= len(all); from += 3 {
			events, more, err := f.Topics().Events(t.Context(), f.topic, int64(from), limit)
			want := min(limit, len(all)-from)
			if err != nil || len(events) != want || more != (from+want < len(all)) {
				t.Fatalf("%d events after %d for a limit of %d, more %v, %v", len(events), from, limit, more, err)
			}
			for i, event := range events {
				if event.Position != int64(from+i+1) || !strings.Contains(string(event.Data), fmt.Sprintf("%q", all[from+i])) {
					t.Fatalf("%d after %d: %d %s", i, from, event.Position, event.Data)
				}
			}
		}
	}
}

// Large chunks make short pages, and nothing is left out between them.
func TestLargeChunks(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	large := strings.Repeat("👋", 4000) // 16 KB
	texts := slices.Repeat([]string{large}, 15)
	const requests = 12 // 2.8 MB together
	for range requests {
		f.say(texts...)
	}
	got, err := f.page(0, 200)
	if err != nil || len(got.Items) < 60 || len(got.Items) > 150 || got.NextCursor == nil {
		t.Errorf("%d chunks, more %v, %v", len(got.Items), got.NextCursor != nil, err)
	}
	if all := f.texts(0, 200); len(all) != requests*len(texts) || !slices.Equal(slices.Compact(all), []string{large}) {
		t.Errorf("%d chunks of %d", len(all), requests*len(texts))
	}
}

// Buckets go as a whole, 90 days after their end; positions stay.
func TestExpiry(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.say("a", "b")
	now.Advance(window - time.Second)
	f.say("c")
	now.Advance(48 * time.Hour)
	f.say("d", "e")
	now.Advance(transcripts.Retention - 48*time.Hour)
	if got := f.texts(0, 10); len(got) != 5 {
		t.Errorf("before the end of its time %v is kept", got)
	}
	now.Advance(window)
	for from := range int64(3) {
		_, err := f.page(from, 10)
		if gone := wantKind(t, err, errs.HistoryGone); gone.Oldest != 4 {
			t.Errorf("after %d: kept from %d on, want 4", from, gone.Oldest)
		}
	}
	if got := f.texts(3, 10); !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("%v is kept", got)
	}
	if got := f.say("f"); got.FirstPosition != 6 {
		t.Errorf("appended at %+v, want 6", got)
	}
	// Nobody spoke for the whole retention: no position is given twice.
	now.Advance(transcripts.Retention + 2*window)
	_, _, err := f.Append(t.Context(), f.member, nil, f.request("g"))
	wantKind(t, err, errs.MeetingNotActive)
}
