package realtime

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/table"
)

func TestHeadsKeepTheirPause(t *testing.T) {
	t.Parallel()
	h, now := newHeads(), time.Unix(1_700_000_000, 0)
	a, b := notesOf("a"), notesOf("b")
	var got []time.Duration
	for _, step := range []struct {
		topic Topic
		after time.Duration
	}{{a, 0}, {b, 0}, {a, time.Second}, {a, 0}, {b, headPause}} {
		now = now.Add(step.after)
		got = append(got, h.pause(step.topic, now))
	}
	want := []time.Duration{0, 0, headPause - time.Second, 2*headPause - time.Second, 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAHeadWaitsForItsHashButNotForEver(t *testing.T) {
	t.Parallel()
	h, start := newHeads(), time.Unix(1_700_000_000, 0)
	topic := notesOf("a")
	if !h.waits(topic, start) || !h.waits(topic, start.Add(hashWait-time.Millisecond)) {
		t.Fatal("the head didn't wait")
	}
	if got := h.overdue(start.Add(hashWait - time.Millisecond)); len(got) != 0 {
		t.Errorf("%v too early", got)
	}
	if got := h.overdue(start.Add(hashWait)); len(got) != 1 || got[topic].misses != 0 {
		t.Errorf("overdue: %v", got)
	}
	h.sent(topic)
	if got := h.overdue(start.Add(time.Hour)); len(got) != 0 {
		t.Errorf("%v after it was told", got)
	}
}

// registryOf has one source for all notes.
func registryOf(t *testing.T, source Source) *Registry {
	t.Helper()
	registry, err := NewRegistry(Registration{TopicType: TopicType{Pattern: "meetings/{id}/notes"}, Source: source})
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// A head that didn't reach everybody is told again, a few times, also when its
// hash is known; one that did settles it.
func TestAHeadThatDidNotReachEverybody(t *testing.T) {
	t.Parallel()
	topic := notesOf("a")
	now := clock.NewManual(time.Unix(1_700_000_000, 0))
	d := NewDurable(nil, registryOf(t, at{hash: "abc"}), now)
	for try := 1; try < headTries; try++ {
		d.heads.missed(topic, now.Now())
		if got := d.dueHeads(nil); len(got) != 0 {
			t.Fatalf("%v at once after miss %d", got, try)
		}
		now.Advance(hashWait)
		if diff := cmp.Diff(map[Topic]dueHead{topic: {}}, d.dueHeads(nil), cmp.AllowUnexported(dueHead{})); diff != "" {
			t.Fatalf("after miss %d: %s", try, diff)
		}
	}
	d.heads.missed(topic, now.Now())
	now.Advance(time.Hour)
	if got := d.dueHeads(nil); len(got) != 0 {
		t.Errorf("%v after %d misses", got, headTries)
	}

	d.heads.missed(topic, now.Now())
	d.heads.sent(topic)
	now.Advance(hashWait)
	if got := d.dueHeads(nil); len(got) != 0 {
		t.Errorf("%v after everybody was told", got)
	}
}

// Beyond its bound the memory lets heads go at once.
func TestHeadsAreBounded(t *testing.T) {
	t.Parallel()
	h, now := newHeads(), time.Unix(1_700_000_000, 0)
	for i := range remembered {
		if !h.waits(notesOf(fmt.Sprint(i)), now) {
			t.Fatalf("topic %d didn't wait", i)
		}
	}
	if h.waits(notesOf("one more"), now) {
		t.Error("one more waits")
	}
	for i := range 3 * remembered {
		h.pause(notesOf(fmt.Sprint(i)), now)
	}
	if len(h.last) > remembered+1 {
		t.Errorf("%d topics are remembered", len(h.last))
	}
}

// at is a source whose topics all have this head.
type at struct {
	Source
	hash string
}

func (a at) Head(context.Context, Topic) (int64, string, error) { return 5, a.hash, nil }

// following is a domain of which every record is a change that a hash follows.
type following struct{ Topic }

func (f following) Moved(table.Record) []Move                { return []Move{{Topic: f.Topic, HashFollows: true}} }
func (following) Repeat(context.Context, table.Record) error { return nil }

// A head that has waited here while another instance told the hash is not told
// again.
func TestAnOverdueHeadThatHasItsHash(t *testing.T) {
	t.Parallel()
	topic := notesOf("a")
	now := clock.NewManual(time.Unix(1_700_000_000, 0))
	// It has no streams to tell anything on.
	d := NewDurable(nil, registryOf(t, at{hash: "abc"}), now, following{topic})
	if failed := d.Fanout(t.Context(), []table.Record{{ID: "1"}}); len(failed) > 0 {
		t.Fatal(failed)
	}
	now.Advance(hashWait)
	got := d.dueHeads(nil)
	if diff := cmp.Diff(map[Topic]dueHead{topic: {overdue: true}}, got, cmp.AllowUnexported(dueHead{})); diff != "" {
		t.Error(diff)
	}
	if failed := d.Fanout(t.Context(), nil); len(failed) > 0 {
		t.Fatal(failed)
	}
	if left := d.dueHeads(nil); len(left) > 0 {
		t.Errorf("%v is still to be told", left)
	}
}
