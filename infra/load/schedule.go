package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// kind is what an operation does.
type kind uint8

const (
	noteOp kind = iota
	transcriptOp
	queryOp
	kinds
)

// op is one operation that is due at an offset from the start, whatever the
// server does: latency counts from there.
type op struct {
	at   time.Duration
	kind kind
	// dice decides who does it and what exactly.
	dice uint64
}

// rates are operations a second by kind.
type rates [kinds]float64

// plan lays down the operations of a ramp, in which the rates climb linearly
// from nothing, and of a period at full rates behind it; ordered by time.
func plan(full rates, ramp, steady time.Duration, poisson bool, rng *rand.Rand) []op {
	var ops []op
	for k, rate := range full {
		if rate > 0 {
			ops = append(ops, arrivals(kind(k), rate, ramp, steady, poisson, rng)...)
		}
	}
	slices.SortStableFunc(ops, func(a, b op) int { return cmp.Compare(a.at, b.at) })
	return ops
}

// arrivals are those of one kind. A Poisson process with a rate that changes is
// one of rate 1 on a bent time axis: the offset of an arrival is where the
// integral of the rate reaches it.
func arrivals(k kind, rate float64, ramp, steady time.Duration, poisson bool, rng *rand.Rand) []op {
	climb := ramp.Seconds()
	climbed := rate * climb / 2 // operations expected in the ramp
	total := climbed + rate*steady.Seconds()
	step := func() float64 {
		if poisson {
			return rng.ExpFloat64()
		}
		return 1
	}
	var ops []op
	for sum := step(); sum < total; sum += step() {
		var at float64
		if sum < climbed {
			at = math.Sqrt(2 * sum * climb / rate)
		} else {
			at = climb + (sum-climbed)/rate
		}
		ops = append(ops, op{at: time.Duration(at * float64(time.Second)), kind: k, dice: rng.Uint64()})
	}
	return ops
}

// dispatch hands out each operation at its time and says how late it was; it
// stops early when stop is closed. It never waits for what an operation does.
func dispatch(ops []op, start time.Time, stop <-chan struct{}, run func(op, time.Time), late func(time.Duration)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for _, o := range ops {
		due := start.Add(o.at)
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-stop:
				return
			}
		}
		late(time.Since(due))
		run(o, due)
	}
}
