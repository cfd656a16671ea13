package realtime

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHeadsKeepTheirPause(t *testing.T) {
	t.Parallel()
	h, now := newHeads(), time.Unix(1_700_000_000, 0)
	a, b := MeetingTopic(Notes, "a"), MeetingTopic(Notes, "b")
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
	topic := MeetingTopic(Notes, "a")
	if !h.waits(topic, start) || !h.waits(topic, start.Add(hashWait-time.Millisecond)) {
		t.Fatal("the head didn't wait")
	}
	if got := h.overdue(start.Add(hashWait - time.Millisecond)); len(got) != 0 {
		t.Errorf("%v too early", got)
	}
	if got := h.overdue(start.Add(hashWait)); len(got) != 1 || got[0] != topic {
		t.Errorf("overdue: %v", got)
	}
	h.told(topic)
	if got := h.overdue(start.Add(time.Hour)); len(got) != 0 {
		t.Errorf("%v after it was told", got)
	}
}

// Beyond its bound the memory lets heads go at once.
func TestHeadsAreBounded(t *testing.T) {
	t.Parallel()
	h, now := newHeads(), time.Unix(1_700_000_000, 0)
	for i := range remembered {
		if !h.waits(MeetingTopic(Notes, fmt.Sprint(i)), now) {
			t.Fatalf("topic %d didn't wait", i)
		}
	}
	if h.waits(MeetingTopic(Notes, "one more"), now) {
		t.Error("one more waits")
	}
	for i := range 3 * remembered {
		h.pause(MeetingTopic(Notes, fmt.Sprint(i)), now)
	}
	if len(h.last) > remembered+1 {
		t.Errorf("%d topics are remembered", len(h.last))
	}
}
