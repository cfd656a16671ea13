package main

import (
	"math"
	"testing"
	"time"
)

func TestMeterKeepsWindowAndTotalApart(t *testing.T) {
	m := newMeter()
	for i := 1; i <= 100; i++ {
		m.add(time.Duration(i)*time.Millisecond, i > 50)
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > want/500 { // three digits
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	first := m.recent()
	near("median of the window", first.P50, 50)
	near("p99 of the window", first.P99, 99)
	if first.Count != 100 {
		t.Errorf("the window has %d", first.Count)
	}
	if again := m.recent(); again.Count != 0 {
		t.Errorf("the next window begins with %d", again.Count)
	}
	m.add(time.Second, false)
	total := m.measured()
	near("median of what was measured", total.P50, 75)
	near("longest measured", total.Max, 100)
	if total.Count != 50 {
		t.Errorf("%d were measured, want 50", total.Count)
	}
	near("longest of the second window", m.recent().Max, 1000)
}

func TestMeterBounds(t *testing.T) {
	m := newMeter()
	m.add(-time.Second, true)
	m.add(time.Hour, true)
	if got := m.measured(); got.Count != 2 || got.Max < longest.Seconds()*1000*0.99 {
		t.Errorf("what is out of bounds was lost: %+v", got)
	}
	m.reset()
	if got := m.measured(); got.Count != 0 {
		t.Errorf("after reset there are %d", got.Count)
	}
}

func TestMergedMetersAreOneDistribution(t *testing.T) {
	a, b := newMeter(), newMeter()
	for range 99 {
		a.add(time.Millisecond, true)
	}
	b.add(time.Second, true)
	if got := merged(a, b); got.Count != 100 || got.P50 > 1.01 || got.Max < 990 {
		t.Errorf("merged: %+v", got)
	}
}

func TestFrameWindow(t *testing.T) {
	var w frameWindow
	start := time.Unix(1000, 0)
	// 10 a second for 30 s: 50 in any 5 s, the bounds of which exclude the oldest.
	for i := range 300 {
		w.add(start.Add(time.Duration(i) * 100 * time.Millisecond))
	}
	if w.most != 50 || w.total != 300 {
		t.Errorf("most %d of %d, want 50 of 300", w.most, w.total)
	}
	// A burst shows although the windows around it are empty.
	for range 51 {
		w.add(start.Add(time.Hour))
	}
	if w.most != 51 {
		t.Errorf("a burst of 51 counts as %d", w.most)
	}
	if len(w.times) > 400 {
		t.Errorf("%d times are kept", len(w.times))
	}
}
