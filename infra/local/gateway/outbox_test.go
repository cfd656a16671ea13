package gateway

import (
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

func TestFramesOnTheirWayStayInOrder(t *testing.T) {
	c := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	began := c.Now()
	ways := []time.Duration{30, 10, 20, 5}
	o := newOutbox(func() time.Duration {
		way := ways[0] * time.Millisecond
		ways = ways[1:]
		return way
	}, c)
	for i := range 4 {
		if err := o.put([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		c.Advance(8 * time.Millisecond)
	}
	o.end(1000, "")
	// Put at 0, 8, 16 and 24 ms: the second and fourth would overtake.
	want := []time.Duration{30, 30, 36, 36}
	i := 0
	for next, more := o.take(); more; next, more = o.take() {
		if got := next.due.Sub(began); next.frame[0] != byte(i) || got != want[i]*time.Millisecond {
			t.Errorf("frame %d is sent after %v, want %v", next.frame[0], got, want[i]*time.Millisecond)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d frames", i)
	}
}

func TestFramesWithoutAWayAreSentAtOnce(t *testing.T) {
	o := newOutbox(nil, clock.System{})
	if err := o.put([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if next, _ := o.take(); !next.due.IsZero() {
		t.Errorf("due at %v", next.due)
	}
}
