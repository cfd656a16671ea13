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
	f := newFixture(t, now)
	f.commit(1150)
	f.settled()
	if diff := cmp.Diff([]string{"2026-11-25"}, f.listed()); diff != "" {
		t.Fatal("on the list:", diff)
	}
	if done := f.tidy(now); done.Texts != 0 {
		t.Errorf("before its day: %+v", done)
	}
	now.Advance(2 * day)
	if diff := cmp.Diff(notes.Tidied{Texts: 1}, f.tidy(now)); diff != "" {
		t.Error("too young:", diff)
	}
	if diff := cmp.Diff([]string{"2027-02-22"}, f.listed()); diff != "" {
		t.Fatal("on the list again, for when it is old enough:", diff)
	}
	now.Advance(89 * day)
	if diff := cmp.Diff(notes.Tidied{Texts: 1, Versions: 149}, f.tidy(now)); diff != "" {
		t.Error("trimmed:", diff)
	}
	if got := f.oldest(); got != 150 {
		t.Errorf("history begins at %d", got)
	}
	if listed := f.listed(); len(listed) != 0 {
		t.Errorf("still on the list: %v", listed)
	}
	if done := f.tidy(now); done.Texts != 0 {
		t.Errorf("a doubled run: %+v", done)
	}
	f.commit(1)
	f.mustProject(f.entryRecord(1151))
	if len(f.listed()) != 1 {
		t.Error("a change has not put it on the list again")
	}
	if text := f.text(); text.Version != 1151 || text.Content != strings.Repeat("x", 1151) {
		t.Errorf("the text is of version %d", text.Version)
	}
}

// Chunks that nobody came to name go, those that are named stay, and a snapshot
// that its reader has given up is made.
func TestAbandonedSnapshotsGo(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	long := strings.Repeat("x", 4<<10)
	f.must(insert(0, long))
	f.settled()
	f.must(insert(0, "a"))
	f.settled()
	f.must(insert(0, "b"))
	f.abandon(0)
	f.abandon(3) // of a reader that died, and whose record was given up
	now.Advance(2 * day)
	f.tidy(now)
	f.wantText(3, "ba"+long)
	if p := f.pointer(); p.Position != 3 || p.Chunks != 1 {
		t.Errorf("the snapshot is %+v", p)
	}
	now.Advance(2 * day)
	f.tidy(now)
	if sizes := f.chunks(); len(sizes) != 1 || len(sizes[3]) != 1 {
		t.Errorf("left are %v", sizes)
	}
	f.wantText(3, "ba"+long)
	if listed := f.listed(); len(listed) != 0 {
		t.Errorf("still on the list: %v", listed)
	}
}

// A short text with little history has nothing to be looked at.
func TestAShortTextIsNotListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "short"))
	f.settled()
	if listed := f.listed(); len(listed) != 0 {
		t.Errorf("on the list: %v", listed)
	}
}

// Wherever a run dies, the next ends what it began.
func TestTrimRunCrashes(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection broke")
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.commit(1010)
	f.settled()
	for writes := range 12 {
		f.commit(1)
		f.settled()
		f.abandon(7)
		now.Advance(100 * day)
		left := writes
		dying := f.over(&faultyClient{hook: func(op, _ string) error {
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
			f.tidy(now)
		}
		if got, sizes, listed := f.oldest(), f.chunks(), f.listed(); got != 11+int64(writes) || len(sizes) != 0 || len(listed) != 0 {
			t.Errorf("after %d writes: history begins at %d, chunks %v, listed %v", writes, got, sizes, listed)
		}
	}
}

// A run has bounds; what it leaves is done by those after it.
func TestALongHistoryTakesSeveralRuns(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.commit(1450)
	f.settled()
	now.Advance(100 * day)
	if diff := cmp.Diff(notes.Tidied{Texts: 1, Versions: 400, More: true}, f.tidy(now)); diff != "" {
		t.Error("the first run:", diff)
	}
	ending, stop := context.WithCancel(t.Context())
	stop()
	if done, _, err := f.Trim(ending, now.Now()); err != nil || done.Texts != 0 || !done.More {
		t.Errorf("a run without time: %+v %v", done, err)
	}
	if diff := cmp.Diff(notes.Tidied{Texts: 1, Versions: 49}, f.tidy(now)); diff != "" {
		t.Error("the next run:", diff)
	}
	if got := f.oldest(); got != 450 {
		t.Errorf("history begins at %d", got)
	}
}
