package realtime

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

func TestHandover(t *testing.T) {
	opened := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name     string
		lifetime time.Duration
		// frames are when the client sends some, after opening; told are those
		// after which it is asked to move.
		frames, told []time.Duration
		before       time.Duration
	}{
		{
			name: "two hours", lifetime: 2 * time.Hour, before: 119 * time.Minute,
			frames: []time.Duration{0, time.Hour, 109 * time.Minute, 110 * time.Minute, 110*time.Minute + time.Second, 111 * time.Minute, 2 * time.Hour},
			told:   []time.Duration{110 * time.Minute, 111 * time.Minute},
		},
		{
			name: "pings every nine minutes", lifetime: 2 * time.Hour, before: 119 * time.Minute,
			frames: []time.Duration{99 * time.Minute, 108 * time.Minute, 117 * time.Minute},
			told:   []time.Duration{117 * time.Minute},
		},
		{
			name: "in the last minute", lifetime: 2 * time.Hour, before: 2 * time.Hour,
			frames: []time.Duration{119*time.Minute + time.Second}, told: []time.Duration{119*time.Minute + time.Second},
		},
		{
			name: "six seconds", lifetime: 6 * time.Second, before: 5500 * time.Millisecond,
			frames: []time.Duration{3900 * time.Millisecond, 4 * time.Second, 4100 * time.Millisecond, 4200 * time.Millisecond},
			told:   []time.Duration{4 * time.Second, 4200 * time.Millisecond},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := clock.NewManual(opened)
			h := NewHandover(tt.lifetime, c)
			told := tt.told
			for _, at := range tt.frames {
				c.Advance(opened.Add(at).Sub(c.Now()))
				frame := h.Frame("one", opened)
				if len(told) == 0 || told[0] != at {
					if frame != nil {
						t.Errorf("after %v: told %s", at, frame)
					}
					continue
				}
				told = told[1:]
				var got struct {
					Type   string
					Before time.Time
				}
				if err := json.Unmarshal(frame, &got); err != nil || got.Type != "reconnect" || !got.Before.Equal(opened.Add(tt.before)) {
					t.Errorf("after %v: %s, %v; want reconnect before %v", at, frame, err, opened.Add(tt.before))
				}
				if other := h.Frame("other", opened); other == nil {
					t.Errorf("after %v: another socket was not told", at)
				}
				delete(h.reminded, "other")
			}
		})
	}
}

// The memory of an instance is bounded.
func TestHandoverForgets(t *testing.T) {
	opened := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	h := NewHandover(time.Hour, clock.NewManual(opened.Add(time.Hour-time.Minute)))
	for n := range 3 * maxReminded {
		if h.Frame(time.Duration(n).String(), opened) == nil {
			t.Fatalf("socket %d was not told", n)
		}
	}
	if len(h.reminded) > maxReminded {
		t.Errorf("%d sockets are remembered", len(h.reminded))
	}
}
