package main

import "testing"

// Against servers that hold everything up to a rate, the search ends just below
// it, within its steps.
func TestSearchFindsTheCeiling(t *testing.T) {
	for _, ceiling := range []float64{3, 49, 51, 400, 2000} {
		seek := search{rate: 50}
		steps := 0
		for ; !seek.over() && steps < 2*maxSteps; steps++ {
			seek.next(seek.rate <= ceiling)
		}
		if seek.good > ceiling || seek.good < ceiling*0.75 {
			t.Errorf("a ceiling of %v is found at %v", ceiling, seek.good)
		}
		if steps > maxSteps {
			t.Errorf("a ceiling of %v takes %d steps", ceiling, steps)
		}
	}
}

func TestSearchForgivesOneMiss(t *testing.T) {
	seek := search{rate: 50}
	seek.next(false)
	if seek.rate != 50 || seek.over() {
		t.Fatalf("one miss moved the search to %v", seek.rate)
	}
	seek.next(true)
	if seek.good != 50 || seek.rate <= 50 {
		t.Errorf("after a second try that held: %+v", seek)
	}
}

func TestSearchEndsWhereNothingIsHeld(t *testing.T) {
	seek := search{rate: 50}
	steps := 0
	for ; !seek.over() && steps < 100; steps++ {
		seek.next(false)
	}
	if seek.good != 0 || steps > maxSteps {
		t.Errorf("%+v after %d steps", seek, steps)
	}
}
