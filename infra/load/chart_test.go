package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCharts(t *testing.T) {
	base := chart{Title: "Delivery", End: 10, Unit: "milliseconds", Ramp: 1}
	lines := []series{
		{"p50", []point{{0, 8}, {1, 10}, {2, 12.5}, {8, 9}, {10, 25}}},
		{"none", nil},
	}
	got, ok := drawn(base, lines, []chartLimit{{Name: "p95 limit", Value: 50}, {Name: "far away", Value: 9000}})
	want := chart{
		Title: "Delivery", Unit: "milliseconds", Top: 50, End: 10, Ramp: 60,
		Lines:  []chartLine{{Name: "p50", Path: "M0.0 100.8L60.0 96.0L120.0 90.0M480.0 98.4L600.0 60.0", Highest: 25}},
		Limits: []chartLimit{{Name: "p95 limit", Value: 50}},
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("%v (-want +got):\n%s", ok, diff)
	}
	if want := "Delivery in milliseconds over 10 seconds: p50 at most 25."; got.Label() != want {
		t.Errorf("label %q, want %q", got.Label(), want)
	}
	if _, ok := drawn(base, []series{{"idle", []point{{1, 0}, {2, 0}}}}, nil); ok {
		t.Error("a chart of nothing was drawn")
	}
}

func TestNiceAbove(t *testing.T) {
	for give, want := range map[float64]float64{0.03: 0.05, 1: 1, 1.1: 2, 2: 2, 7: 10, 150: 200, 1234: 2000} {
		if got := niceAbove(give); got < want*0.999 || got > want*1.001 {
			t.Errorf("above %v: %v, want %v", give, got, want)
		}
	}
}
