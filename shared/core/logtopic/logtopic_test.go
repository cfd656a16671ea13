package logtopic_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
)

// event is how the ring at a position is posted.
func event(position int64, note string) string {
	return fmt.Sprintf(`{"position":%d,"at":"2099-06-01T12:00:00Z","data":{"by":"visitor","note":"%s"}}`, position, note)
}

func frame(events ...string) string {
	return `{"type":"event","topic":"houses/1/bell","events":[` + strings.Join(events, ",") + `]}`
}

// The whole life of a log topic, of a kind that package logtopic has never learnt of.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()

	// Append: what is committed before anybody follows is replayed to who does.
	f.express(f.ring(1, "hello", "me again"))
	answer, err := f.subscribe(ada, "socket", 0)
	if err != nil || answer.Position != 2 {
		t.Fatalf("subscribed: %+v, %v", answer, err)
	}
	if diff := cmp.Diff([]string{frame(event(1, "hello"), event(2, "me again"))}, f.posted("socket")); diff != "" {
		t.Errorf("replayed (-want +got):\n%s", diff)
	}
	if _, err := f.subscribe(visitor, "other", 0); !errs.Is(err, errs.Forbidden) {
		t.Errorf("a visitor may follow: %v", err)
	}

	// Express: the commit that an append returns is what followers get.
	commit := f.ring(2, "parcel")
	if commit.Topic != f.topic || commit.First != 3 || commit.Last != 3 {
		t.Errorf("to be sent: %+v", commit)
	}
	f.express(commit)
	if diff := cmp.Diff([]string{frame(event(3, "parcel"))}, f.posted("socket")); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}

	// A retry gets the first answer, and has nothing to send.
	f.since = noon
	again, effects, err := f.press(ctx, visitor, 2, "parcel")
	if err != nil || again.First != 3 || again.Last != 3 || len(effects) != 0 {
		t.Errorf("again: %+v, %v, %v", again, effects, err)
	}
	if diff := cmp.Diff([]ring{{By: "visitor", Note: "parcel"}}, again.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := f.press(ctx, visitor, 2, "letter"); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), bells.Refusals.Reused) {
		t.Errorf("another ring under the same number: %v", err)
	}

	// The domain's own bounds: nothing is committed.
	if _, _, err := f.press(ctx, visitor, 3, strings.Repeat("x", maxNote+1)); !errs.Is(err, errs.PayloadTooLarge) {
		t.Errorf("a long note: %v", err)
	}

	// Head: the durable lane says the newest position, whatever was posted.
	f.ring(4, "lost")
	f.stream(4)
	if diff := cmp.Diff([]string{`{"type":"head","topic":"houses/1/bell","position":4}`}, f.posted("socket")); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}

	// Closed: no more is taken, and what there is can be read.
	if newest, err := f.log.Close(ctx, f.topic.String()); err != nil || newest != 4 {
		t.Fatalf("closed at %d: %v", newest, err)
	}
	if _, _, err := f.press(ctx, visitor, 5, "late"); !errs.Is(err, errs.MeetingNotActive) || !strings.Contains(err.Error(), bells.Refusals.Closed) {
		t.Errorf("after the end: %v", err)
	}
	page, err := f.bells.Read(ctx, f.topic, 0, 100)
	want := logtopic.Page[ring]{Last: 4}
	for _, note := range []string{"hello", "me again", "parcel", "lost"} {
		want.Items = append(want.Items, ring{By: "visitor", Note: note})
	}
	if diff := cmp.Diff(want, page); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}

	// Expired: who comes from too far behind is told what is kept.
	f.clock.Advance(25 * time.Hour)
	if _, err := f.bells.Read(ctx, f.topic, 0, 100); !errs.Is(err, errs.HistoryGone) || !strings.Contains(err.Error(), "from position 5 on") {
		t.Errorf("what has expired: %v", err)
	}
}

// Frames that come too soon after others go with the next one, each event once.
func TestFramesOfABusyTopic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, err := f.subscribe(ada, "socket", 0); err != nil {
		t.Fatal(err)
	}
	const rings = 12
	var commits []realtime.Commit
	for n := range int64(rings) {
		commits = append(commits, f.ring(n+1, fmt.Sprintf("<%d a>", n), fmt.Sprintf("<%d b>", n)))
	}
	for _, commit := range commits {
		f.express(commit)
	}
	frames := f.posted("socket")
	posted := strings.Join(frames, "")
	for n := range rings {
		for _, name := range []string{"a", "b"} {
			if times := strings.Count(posted, fmt.Sprintf("<%d %s>", n, name)); times != 1 {
				t.Errorf("ring %d %s came %d times", n, name, times)
			}
		}
	}
	if len(frames) > 8 {
		t.Errorf("%d frames", len(frames))
	}
}

// A page ends at its limit, also within an entry, and goes on behind it.
func TestPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var want []string
	for n := range int64(40) {
		notes := []string{fmt.Sprint(n, "a"), fmt.Sprint(n, "b"), fmt.Sprint(n, "c")}[:n%3+1]
		f.ring(n+1, notes...)
		want = append(want, notes...)
	}
	for _, limit := range []int{1, 2, 7, 50, 200} {
		var got []string
		for after, more := int64(0), true; more; {
			page, err := f.bells.Read(t.Context(), f.topic, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) > limit || page.Last != after+int64(len(page.Items)) && len(page.Items) > 0 || len(page.Items) == 0 && page.More {
				t.Fatalf("after %d, limit %d: %+v", after, limit, page)
			}
			for _, ring := range page.Items {
				got = append(got, ring.Note)
			}
			after, more = page.Last, page.More
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: %d of %d rings", limit, len(got), len(want))
		}
	}
}

// An entry that isn't what its kind says is an error, not a hole.
func TestEntriesOfAnotherForm(t *testing.T) {
	t.Parallel()
	for _, draft := range []log.Draft{{Data: `["one"]`, Count: 2}, {Data: `{}`}, {Data: `[]`}} {
		f := newFixture(t)
		_, err := f.log.Append(t.Context(), log.Append{
			Topic: f.topic.String(), Base: log.Tail, Identity: log.Identity{Author: "x", ClientID: "x", ClientSeq: 1},
			Prepare: func(log.Entry, []log.Entry) (log.Draft, error) { return draft, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if events, _, err := f.bells.Events(t.Context(), f.topic, 0, 10); err == nil {
			t.Errorf("%+v is read as %v", draft, events)
		} else if _, told := errors.AsType[*errs.Error](err); told {
			t.Errorf("%+v is a caller's mistake: %v", draft, err)
		}
	}
}
