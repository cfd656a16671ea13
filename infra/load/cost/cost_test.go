package cost

import (
	"math"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// One thing of each kind a meeting-hour, so that every price shows by itself.
func TestEveryPriceCounts(t *testing.T) {
	tests := []struct {
		item string
		give Counts
		want float64 // dollars for 1,000 meeting-hours
	}{
		{"HTTP API requests", Counts{Requests: 2e6}, 1000},
		{"WebSocket messages, both ways", Counts{Messages: 2e6}, 1000},
		{"WebSocket connections", Counts{ConnectionMinutes: 2e6}, 250},
		{"requests", Counts{Invocations: 2e6}, 200},
		{"duration, arm64", Counts{GBSeconds: 2}, 0.0133334},
		{"writes, on demand", Counts{WriteUnits: 2e6}, 625},
		{"reads, on demand", Counts{ReadUnits: 2e6}, 125},
		{"reads by Lambda", Counts{StreamReads: 2e6}, 0},
		{"logs taken in", Counts{LogBytes: 2e9}, 500},
		{"to the internet", Counts{BytesOut: 2e9}, 90},
	}
	if len(tests) != len(prices()) {
		t.Errorf("%d prices are tested of %d", len(tests), len(prices()))
	}
	for _, tt := range tests {
		tt.give.MeetingHours = 2
		e := PerThousandHours(tt.give)
		if !near(e.Dollars, tt.want) {
			t.Errorf("%s: $%v, want $%v", tt.item, e.Dollars, tt.want)
		}
		for _, line := range e.Lines {
			if (line.Item == tt.item) != (line.Quantity > 0) {
				t.Errorf("%s: the line %q has %v", tt.item, line.Item, line.Quantity)
			}
			if line.Source == "" {
				t.Errorf("%s has no source", line.Item)
			}
		}
	}
}

func TestSharesMakeAWhole(t *testing.T) {
	e := PerThousandHours(Counts{MeetingHours: 33.3, Requests: 1e5, Messages: 3e6, ConnectionMinutes: 1e4, WriteUnits: 7e5, GBSeconds: 900})
	shares := 0.0
	for _, line := range e.Lines {
		shares += line.Share
	}
	if !near(shares, 1) || e.Dollars <= 0 {
		t.Errorf("shares make %v of $%v", shares, e.Dollars)
	}
	if empty := PerThousandHours(Counts{Requests: 1}); empty.Dollars != 0 || empty.Lines != nil {
		t.Errorf("no meeting-hours: %+v", empty)
	}
}
