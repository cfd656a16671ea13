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

// The whole life of a log topic, of a kind that package logtopic has never heard of.
func TestLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()

	// Append: what is committed before anybody follows is replayed to who does.
	h.express(h.ring(1, "hello", "me again"))
	answer, err := h.subscribe(ada, "socket", 0)
	if err != nil || answer.Position != 2 {
		t.Fatalf("subscribed: %+v, %v", answer, err)
	}
	if diff := cmp.Diff([]string{frame(event(1, "hello"), event(2, "me again"))}, h.posted("socket")); diff != "" {
		t.Errorf("replayed (-want +got):\n%s", diff)
	}
	if _, err := h.subscribe(visitor, "other", 0); !errs.Is(err, errs.Forbidden) {
		t.Errorf("a visitor may follow: %v", err)
	}

	// Express: the commit that an append returns is what followers get.
	commit := h.ring(2, "parcel")
	if commit.Topic != h.topic || commit.First != 3 || commit.Last != 3 {
		t.Errorf("to be sent: %+v", commit)
	}
	h.express(commit)
	if diff := cmp.Diff([]string{frame(event(3, "parcel"))}, h.posted("socket")); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}

	// A retry gets the first answer, and has nothing to send.
	h.since = noon
	again, effects, err := h.press(ctx, visitor, 2, "parcel")
	if err != nil || again.First != 3 || again.Last != 3 || len(effects) != 0 {
		t.Errorf("again: %+v, %v, %v", again, effects, err)
	}
	if diff := cmp.Diff([]ring{{By: "visitor", Note: "parcel"}}, again.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := h.press(ctx, visitor, 2, "letter"); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), bells.Refusals.Reused) {
		t.Errorf("another ring under the same number: %v", err)
	}

	// The domain's own bounds: nothing is committed.
	if _, _, err := h.press(ctx, visitor, 3, strings.Repeat("x", maxNote+1)); !errs.Is(err, errs.PayloadTooLarge) {
		t.Errorf("a long note: %v", err)
	}

	// Head: the durable lane says the newest position, whatever was posted.
	h.ring(4, "lost")
	h.stream(4)
	if diff := cmp.Diff([]string{`{"type":"head","topic":"houses/1/bell","position":4}`}, h.posted("socket")); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}

	// Closed: no more is taken, and what there is can be read.
	if newest, err := h.log.Close(ctx, h.topic.String()); err != nil || newest != 4 {
		t.Fatalf("closed at %d: %v", newest, err)
	}
	if _, _, err := h.press(ctx, visitor, 5, "late"); !errs.Is(err, errs.MeetingNotActive) || !strings.Contains(err.Error(), bells.Refusals.Closed) {
		t.Errorf("after the end: %v", err)
	}
	page, err := h.bells.Read(ctx, h.topic, 0, 100)
	want := logtopic.Page[ring]{Last: 4}
	for _, note := range []string{"hello", "me again", "parcel", "lost"} {
		want.Items = append(want.Items, ring{By: "visitor", Note: note})
	}
	if diff := cmp.Diff(want, page); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}

	// Expired: who comes from too far behind is told what is kept.
	h.clock.Advance(25 * time.Hour)
	if _, err := h.bells.Read(ctx, h.topic, 0, 100); !errs.Is(err, errs.HistoryGone) || !strings.Contains(err.Error(), "from position 5 on") {
		t.Errorf("what has expired: %v", err)
	}
}

// Frames that come too soon after others go with the next one, each event once.
func TestFramesOfABusyTopic(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.subscribe(ada, "socket", 0); err != nil {
		t.Fatal(err)
	}
	const rings = 12
	var commits []realtime.Commit
	for n := range int64(rings) {
		commits = append(commits, h.ring(n+1, fmt.Sprintf("<%d a>", n), fmt.Sprintf("<%d b>", n)))
	}
	for _, commit := range commits {
		h.express(commit)
	}
	frames := h.posted("socket")
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
	h := newHouse(t)
	var want []string
	for n := range int64(40) {
		notes := []string{fmt.Sprint(n, "a"), fmt.Sprint(n, "b"), fmt.Sprint(n, "c")}[:n%3+1]
		h.ring(n+1, notes...)
		want = append(want, notes...)
	}
	for _, limit := range []int{1, 2, 7, 50, 200} {
		var got []string
		for after, more := int64(0), true; more; {
			page, err := h.bells.Read(t.Context(), h.topic, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) > limit || page.Last != after+int64(len(page.Items)) && len(page.Items) > 0 || len(page.Items) == 0 && page.More {
				t.Fatalf("after %d, limit %d: %+v", after, limit, page)
			}
			for _, one := range page.Items {
				got = append(got, one.Note)
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
		h := newHouse(t)
		_, err := h.log.Append(t.Context(), log.Append{
			Topic: h.topic.String(), Base: log.Tail, Identity: log.Identity{Author: "x", ClientID: "x", ClientSeq: 1},
			Prepare: func(log.Entry, []log.Entry) (log.Draft, error) { return draft, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if events, _, err := h.bells.Events(t.Context(), h.topic, 0, 10); err == nil {
			t.Errorf("%+v is read as %v", draft, events)
		} else if _, told := errors.AsType[*errs.Error](err); told {
			t.Errorf("%+v is a caller's mistake: %v", draft, err)
		}
	}
}
