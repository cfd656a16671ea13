package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// holdFor is how long full rates go on at a time while sockets still open.
const holdFor = 5 * time.Second

// drain bounds how long answers are waited for at the end.
const drainWithin = time.Minute

// outcome is what a scenario came to.
type outcome struct {
	crowd    *crowd
	sampler  *sampler
	findings Findings
	// measured is how long the measured time really was.
	measured time.Duration
	settled  time.Duration
}

// drive runs the scenario against a server: everybody comes, rates climb, the
// measured time, and then everything is compared.
func drive(ctx context.Context, s Scenario, sv *server, show func(*crowd, Sample), progress func(string, ...any)) (*outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := newCrowd(s, sv.base, progress)
	defer c.site.Close()
	if err := c.setUp(ctx); err != nil {
		return nil, fmt.Errorf("set-up: %w", err)
	}
	sampler := newSampler(c, sv, func(one Sample) { show(c, one) })
	sampling, stopSampling := context.WithCancel(ctx)
	go sampler.run(sampling)
	defer func() {
		stopSampling()
		<-sampler.stopped
	}()
	o := &outcome{crowd: c, sampler: sampler}
	sessions, err := c.openTexts(ctx)
	if err != nil {
		return o, fmt.Errorf("text sessions: %w", err)
	}
	if s.Heartbeats > 0 && c.knowsPresence(ctx) {
		go c.heartbeats(sampling)
	}
	if err := c.ramp(ctx); err != nil {
		return o, err
	}
	o.measured = c.measure(ctx, sampler)
	if err := ctx.Err(); err != nil {
		return o, err
	}
	progress("measured; waiting for what is under way")
	draining, stopDraining := context.WithTimeout(ctx, drainWithin)
	c.drain(draining)
	stopDraining()
	begun := time.Now()
	o.findings, err = c.verify(ctx, sessions, begun.Add(s.Settle))
	o.settled = time.Since(begun)
	return o, err
}

// ramp opens sockets while the rates climb, and holds the full rates until all
// are open.
func (c *crowd) ramp(ctx context.Context) error {
	s := c.scenario
	opened := make(chan error, 1)
	go func() { opened <- c.openAll(ctx, s.Ramp*9/10) }()
	rng := rand.New(rand.NewPCG(s.Seed, 100))
	ops := plan(s.rates(), s.Ramp, 0, s.Arrivals == "poisson", rng)
	for stretch := s.Ramp; ; stretch = holdFor {
		begun := time.Now()
		c.dispatch(ctx, ops, begun, false)
		if err := sleep(ctx, time.Until(begun.Add(stretch))); err != nil {
			return err
		}
		select {
		case err := <-opened:
			return err
		default:
		}
		ops = plan(s.rates(), 0, holdFor, s.Arrivals == "poisson", rng)
	}
}

// measure runs the measured time and tells how long it was.
func (c *crowd) measure(ctx context.Context, sampler *sampler) time.Duration {
	s := c.scenario
	length := time.Duration(s.Seconds) * time.Second
	ops := plan(s.rates(), 0, length, s.Arrivals == "poisson", rand.New(rand.NewPCG(s.Seed, 200)))
	sampler.measure(ctx, true)
	begun := time.Now()
	c.dispatch(ctx, ops, begun, true)
	_ = sleep(ctx, time.Until(begun.Add(length))) // drive looks at ctx
	sampler.measure(ctx, false)
	return time.Since(begun)
}

func (c *crowd) dispatch(ctx context.Context, ops []op, begun time.Time, measured bool) {
	dispatch(ops, begun, ctx.Done(),
		func(o op, due time.Time) { c.run(ctx, o, due, measured) },
		func(late time.Duration) { c.tally.lateness.add(late, measured) })
}

func (s Scenario) rates() rates {
	return rates{noteOp: s.Rate, transcriptOp: s.Transcripts, queryOp: s.Queries}
}
