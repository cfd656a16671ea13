package clock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

func TestManual(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 17, 0, 0, 0, time.FixedZone("CET", 3600))
	c := clock.NewManual(start)
	if c.Now() != start.UTC() || c.Now().Location() != time.UTC {
		t.Errorf("it starts at %s", c.Now())
	}
	c.Advance(time.Second)
	if err := c.Sleep(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := c.Sleep(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	if want := start.Add(time.Second + time.Minute).UTC(); c.Now() != want {
		t.Errorf("it stands at %s, want %s", c.Now(), want)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, pause := range []time.Duration{0, time.Hour} {
		for name, c := range map[string]clock.Clock{"system": clock.System{}, "manual": clock.NewManual(time.Time{})} {
			if err := c.Sleep(ctx, pause); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %s: %v", name, pause, err)
			}
		}
	}
	if err := (clock.System{}).Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
	if now := (clock.System{}).Now(); now.Location() != time.UTC {
		t.Errorf("the system's time is in %s", now.Location())
	}
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC))
	seen := map[string]bool{}
	before := ""
	for range 1000 {
		id := clock.NewID(c)
		if len(id) != 26 || seen[id] || id <= before {
			t.Fatalf("id %s after %s", id, before)
		}
		seen[id], before = true, id
		c.Advance(time.Millisecond)
	}
	for range 1000 {
		id := clock.NewID(c)
		if seen[id] {
			t.Fatalf("id %s twice in one millisecond", id)
		}
		seen[id] = true
	}
}
