package notes_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/notes"
)

const day = 24 * time.Hour

// commit appends changes of one character each.
func (f *fixture) commit(n int64) {
	f.t.Helper()
	newest, _, err := f.log.Newest(f.t.Context(), f.topic)
	if err != nil {
		f.t.Fatal(err)
	}
	for at := newest; at < newest+n; at++ {
		if _, err := f.log.Append(f.t.Context(), log.Append{
			Topic: f.topic, Base: at, Identity: log.Identity{Author: "a", ClientID: "c", ClientSeq: at + 1},
			Prepare: func(prev log.Entry, _ []log.Entry) (log.Draft, error) {
				return log.Draft{Data: `[{"type":"insert","position":0,"content":"x"}]`, Length: prev.Length + 1}, nil
			},
		}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// oldest is where history begins.
func (f *fixture) oldest() int64 {
	f.t.Helper()
	_, err := f.log.Read(f.t.Context(), f.topic, 0, 1)
	if gone, ok := errors.AsType[*log.GoneError](err); ok {
		return gone.Oldest
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return 1
}

// listed are the days under which the text is on the list of those at rest.
func (f *fixture) listed() []string {
	f.t.Helper()
	days := []string{}
	for shard := range 8 {
		page, err := table.List[struct {
			Topic string `dynamodbav:"topic"`
		}](f.t.Context(), f.tables.Log, table.Query{PK: fmt.Sprintf("TRIM#%d", shard), Limit: 1000})
		if err != nil {
			f.t.Fatal(err)
		}
		for _, row := range page.Items {
			if row.Value.Topic == f.topic {
				days = append(days, strings.TrimSuffix(row.Key.SK, "#"+f.topic))
			}
		}
	}
	return days
}

func (f *fixture) tidy(c clock.Clock) notes.Tidied {
	f.t.Helper()
	done, _, err := f.Trim(f.t.Context(), c.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	return done
}

// abandon leaves the chunks of a snapshot that was never named.
func (f *fixture) abandon(version int64) {
	f.t.Helper()
	key := table.Key{PK: "LOG#" + f.topic, SK: fmt.Sprintf("CHUNK#%015d#0", version)}
	if err := f.tables.Log.Put(f.t.Context(), key, map[string]string{"text": "nobody's"}); err != nil {
		f.t.Fatal(err)
	}
}

// A text that nobody changes any more loses its history when that is old enough,
// and then it is off the list until somebody changes it.
func TestATextAtRestIsTrimmed(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(noon)
	w := newFixture(t, now)
	w.commit(1150)
	w.settled()
	if diff := cmp.Diff([]string{"2026-11-25"}, w.listed()); diff != "" {
		t.Fatal("on the list:", diff)
	}
	if done := w.tidy(now); done.Texts != 0 {
		t.Errorf("before its day: %+v", done)
	}
	now.Advance(2 * day)
	if diff := cmp.Diff(notes.Tidied{Texts: 1}, w.tidy(now)); diff != "" {
		t.Error("too young:", diff)
	}
	if diff := cmp.Diff([]string{"2027-02-22"}, w.listed()); diff != "" {
		t.Fatal("on the list again, for when it is old enough:", diff)
	}
	now.Advance(89 * day)
	if diff := cmp.Diff(notes.Tidied{Texts: 1, Versions: 149}, w.tidy(now)); diff != "" {
		t.Error("trimmed:", diff)
	}
	if got := w.oldest(); got != 150 {
		t.Errorf("history begins at %d", got)
	}
	if listed := w.listed(); len(listed) != 0 {
		t.Errorf("still on the list: %v", listed)
	}
	if done := w.tidy(now); done.Texts != 0 {
		t.Errorf("a doubled run: %+v", done)
	}
	w.commit(1)
	w.mustProject(w.entryRecord(1151))
	if len(w.listed()) != 1 {
		t.Error("a change has not put it on the list again")
	}
	if text := w.text(); text.Version != 1151 || text.Content != strings.Repeat("x", 1151) {
		t.Errorf("the text is of version %d", text.Version)
	}
}

// Chunks that nobody came to name go, those that are named stay, and a snapshot
// that its reader has given up is made.
func TestAbandonedSnapshotsGo(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(noon)
	w := newFixture(t, now)
	long := strings.Repeat("x", 4<<10)
	w.must(insert(0, long))
	w.settled()
	w.must(insert(0, "a"))
	w.settled()
	w.must(insert(0, "b"))
	w.abandon(0)
	w.abandon(3) // of a reader that died, and whose record was given up
	now.Advance(2 * day)
	w.tidy(now)
	w.wantText(3, "ba"+long)
	if p := w.pointer(); p.Position != 3 || p.Chunks != 1 {
		t.Errorf("the snapshot is %+v", p)
	}
	now.Advance(2 * day)
	w.tidy(now)
	if sizes := w.chunks(); len(sizes) != 1 || len(sizes[3]) != 1 {
		t.Errorf("left are %v", sizes)
	}
	w.wantText(3, "ba"+long)
	if listed := w.listed(); len(listed) != 0 {
		t.Errorf("still on the list: %v", listed)
	}
}

// A short text with little history has nothing to be looked at.
func TestAShortTextIsNotListed(t *testing.T) {
	t.Parallel()
	w := newFixture(t, clock.NewManual(noon))
	w.must(insert(0, "short"))
	w.settled()
	if listed := w.listed(); len(listed) != 0 {
		t.Errorf("on the list: %v", listed)
	}
}

// Wherever a run dies, the next ends what it began.
func TestARunDies(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection broke")
	now := clock.NewManual(noon)
	w := newFixture(t, now)
	w.commit(1010)
	w.settled()
	for writes := range 12 {
		w.commit(1)
		w.settled()
		w.abandon(7)
		now.Advance(100 * day)
		left := writes
		dying := w.over(&wire{hook: func(op, _ string) error {
			if op != "Query" && op != "GetItem" && op != "BatchGetItem" {
				left--
			}
			if left < 0 {
				return broken
			}
			return nil
		}})
		if _, _, err := dying.Trim(t.Context(), now.Now()); left < 0 && !errors.Is(err, broken) {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		for range 3 {
			now.Advance(2 * day)
			w.tidy(now)
		}
		if got, sizes, listed := w.oldest(), w.chunks(), w.listed(); got != 11+int64(writes) || len(sizes) != 0 || len(listed) != 0 {
			t.Errorf("after %d writes: history begins at %d, chunks %v, listed %v", writes, got, sizes, listed)
		}
	}
}

// A run has bounds; what it leaves is done by those after it.
func TestALongHistoryTakesSeveralRuns(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(noon)
	w := newFixture(t, now)
	w.commit(1450)
	w.settled()
	now.Advance(100 * day)
	if diff := cmp.Diff(notes.Tidied{Texts: 1, Versions: 400, More: true}, w.tidy(now)); diff != "" {
		t.Error("the first run:", diff)
	}
	ending, stop := context.WithCancel(t.Context())
	stop()
	if done, _, err := w.Trim(ending, now.Now()); err != nil || done.Texts != 0 || !done.More {
		t.Errorf("a run without time: %+v %v", done, err)
	}
	if diff := cmp.Diff(notes.Tidied{Texts: 1, Versions: 49}, w.tidy(now)); diff != "" {
		t.Error("the next run:", diff)
	}
	if got := w.oldest(); got != 450 {
		t.Errorf("history begins at %d", got)
	}
}
