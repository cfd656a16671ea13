package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// drainWithin bounds how long answers are waited for at the end.
	drainWithin = time.Minute
)

// outcome is a run of a scenario, and what it came to.
type outcome struct {
	fleet    *fleet
	sampler  *sampler
	sessions []textSession
	findings Findings
	// measured is how long the measured time really was, settled how long the
	// check took.
	measured time.Duration
	settled  time.Duration

	cancel       context.CancelFunc
	stopSampling context.CancelFunc
}

// stage brings everybody of a scenario to a server, opens their sockets while
// the rates climb, and samples from then on. Close it.
func stage(ctx context.Context, s Scenario, sv *server, show func(*fleet, Sample), progress func(string, ...any)) (*outcome, context.Context, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := newFleet(s, sv.base, progress)
	o := &outcome{fleet: c, cancel: cancel, stopSampling: cancel}
	if err := c.setUp(ctx); err != nil {
		return o, ctx, fmt.Errorf("set-up: %w", err)
	}
	sampler := newSampler(c, sv, func(sample Sample) { show(c, sample) })
	sampling, stopSampling := context.WithCancel(ctx)
	go sampler.run(sampling)
	o.sampler, o.stopSampling = sampler, stopSampling
	var err error
	if o.sessions, err = c.openTexts(ctx); err != nil {
		return o, ctx, fmt.Errorf("text sessions: %w", err)
	}
	if s.Heartbeats > 0 && c.knowsPresence(ctx) {
		c.heartbeats(sampling)
	}
	return o, ctx, c.ramp(ctx)
}

// close ends everything of the run.
func (o *outcome) close() {
	o.stopSampling()
	if o.sampler != nil {
		<-o.sampler.stopped
	}
	o.cancel()
	o.fleet.site.Close()
}

// finish waits for what is under way and compares everything.
func (o *outcome) finish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.fleet.progress("waiting for what is under way")
	draining, stop := context.WithTimeout(ctx, drainWithin)
	o.fleet.drain(draining)
	stop()
	o.fleet.progress("comparing every client with the history")
	begun := time.Now()
	var err error
	o.findings, err = o.fleet.verify(ctx, o.sessions, begun.Add(o.fleet.scenario.Settle))
	o.settled = time.Since(begun)
	return err
}

// ramp opens all sockets, spread over the ramp's length where the server is quick
// enough, and then lets the rates climb for as long. The two come one after the
// other, because opening costs a socket's ticket, handshake and topics, forty
// table calls, at a pace that no meeting-hour has.
func (f *fleet) ramp(ctx context.Context) error {
	s := f.scenario
	if err := f.openAll(ctx, s.Ramp); err != nil {
		return err
	}
	begun := time.Now()
	ops := plan(s.rates(), s.Ramp, 0, s.Arrivals == "poisson", rand.New(rand.NewPCG(s.Seed, 100)))
	f.dispatch(ctx, ops, begun, false)
	return sleep(ctx, time.Until(begun.Add(s.Ramp)))
}

// measure runs a period of measured time at some rates and says how long it
// was.
func (f *fleet) measure(ctx context.Context, sampler *sampler, full rates, length time.Duration, salt uint64) time.Duration {
	s := f.scenario
	ops := plan(full, 0, length, s.Arrivals == "poisson", rand.New(rand.NewPCG(s.Seed, salt)))
	sampler.measure(ctx, true)
	begun := time.Now()
	f.dispatch(ctx, ops, begun, true)
	_ = sleep(ctx, time.Until(begun.Add(length))) // whoever goes on looks at ctx
	sampler.measure(ctx, false)
	return time.Since(begun)
}

func (f *fleet) dispatch(ctx context.Context, ops []op, begun time.Time, measured bool) {
	dispatch(ops, begun, ctx.Done(),
		func(o op, due time.Time) { f.run(ctx, o, due, measured) },
		func(late time.Duration) { f.tally.lateness.add(late, measured) })
}

func (s Scenario) rates() rates {
	return rates{noteOp: s.Rate, transcriptOp: s.Transcripts, queryOp: s.Queries}
}
