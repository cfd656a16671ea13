package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/infra/load/cost"
)

// shape is a fleet whose ceiling is sought, from a rate on.
type shape struct {
	meetings, clients int
	from              float64
}

func (s shape) String() string { return fmt.Sprintf("%d x %d", s.meetings, s.clients) }

const (
	// stepGrowth is how much more each step asks for.
	stepGrowth = 1.3
	// maxSteps bounds the search, refinements how often the last interval is
	// halved.
	maxSteps    = 30
	refinements = 2
	// keepsUp is the share of what is due that must be acknowledged in a step for
	// its rate to count as sustained.
	keepsUp = 0.97
	// settleStep bounds how long a step's last operations may take.
	settleStep = 20 * time.Second
)

// step is what a rate came to.
type step struct {
	rate, acked float64
	delivery    Latency
	lateness    float64
	serverCPU   float64
	held        bool
}

// ceiling raises the rate of note operations until the 95th percentile of
// delivery reaches its limit, for meetings of a few and for one of many.
func (p *program) ceiling(ctx context.Context) error {
	shapes := []shape{{20, 5, p.scenario.Rate}, {1, 50, max(2, p.scenario.Rate/5)}}
	var last *Report
	var sections []Section
	for _, sh := range shapes {
		section, r, err := p.climb(ctx, sh)
		if err != nil {
			return err
		}
		sections = append(sections, section)
		last = r
		if failed(r.Verdicts, false) {
			break
		}
	}
	last.Title, last.Sections = "The highest rates that keep the objective", sections
	return p.conclude(last)
}

// climb finds the ceiling of one shape.
func (p *program) climb(ctx context.Context, sh shape) (Section, *Report, error) {
	s := p.scenario
	s.Meetings, s.Clients, s.Rate, s.Transcripts, s.Queries = sh.meetings, sh.clients, sh.from, 0, 0
	s.Ramp = min(s.Ramp, 15*time.Second)
	p.printf("%v people: from %g operations a second on", sh, sh.from)
	o, running, err := stage(ctx, s, p.server, p.show, p.printf)
	defer o.close()
	if err != nil {
		return Section{}, nil, p.interrupted(o, err)
	}
	length := time.Duration(s.Seconds) * time.Second
	var steps []step
	seek := search{rate: sh.from}
	for n := 0; n < maxSteps && !seek.over(); n++ {
		step := o.step(running, seek.rate, length, uint64(300+n))
		if err := running.Err(); err != nil {
			return Section{}, nil, err
		}
		steps = append(steps, step)
		p.printf("%v at %.0f/s: %.0f/s acknowledged, delivery p95 %s: %s", sh, seek.rate, step.acked, ms(step.delivery.P95), heldWord(step.held))
		seek.next(step.held)
	}
	if err := o.finish(running); err != nil {
		return Section{}, nil, p.interrupted(o, err)
	}
	r := reportOf("", o)
	// The steps beyond the ceiling miss the objective on purpose.
	r.Verdicts = correctness(r.Verdicts)
	r.Cost = cost.Estimate{}
	r.Notes = append(r.Notes, "The latencies, rates and verdicts of this report are those of the last shape and step; the steps are in the tables.")
	return stepSection(sh, seek.good, steps), r, nil
}

// search goes up until a rate isn't held, down while none is, and then halves
// the interval between. What isn't held is tried once more: a pause of the
// machine is no ceiling.
type search struct {
	rate, good, bad float64
	again           bool
	refined         int
}

func (s *search) over() bool { return s.refined > refinements || s.rate < 1 }

func (s *search) next(held bool) {
	switch {
	case held:
		s.good = max(s.good, s.rate)
	case !s.again:
		s.again = true
		return
	default:
		s.bad = s.rate
	}
	s.again = false
	switch {
	case s.bad == 0:
		s.rate = s.good * stepGrowth
	case s.good == 0:
		s.rate = s.bad / 2
	default:
		s.refined++
		s.rate = (s.good + s.bad) / 2
	}
}

// step measures one rate, from empty meters until its last delivery.
func (o *outcome) step(ctx context.Context, rate float64, length time.Duration, salt uint64) step {
	c, t := o.fleet, o.fleet.tally
	for _, m := range []*meter{t.noteDelivery, t.noteAck, t.lateness} {
		m.reset()
	}
	before, scheduled := t.acked[noteOp].Load(), t.scheduled[noteOp].Load()
	first := o.sampler.count()
	o.measured = c.measure(ctx, o.sampler, rates{noteOp: rate}, length, salt)
	acked := t.acked[noteOp].Load() - before
	due := t.scheduled[noteOp].Load() - scheduled
	one := step{
		rate: rate, acked: float64(acked) / o.measured.Seconds(), serverCPU: o.sampler.mean(first, func(s Sample) float64 { return s.ServerCPU }),
		held: due > 0 && float64(acked) >= keepsUp*float64(due),
	}
	wait(ctx, time.Now().Add(settleStep), func() bool {
		return t.acked[noteOp].Load()+t.refused[noteOp].Load() >= t.scheduled[noteOp].Load() && t.delivered[noteOp].Load() >= t.expected[noteOp].Load()
	})
	one.delivery, one.lateness = t.noteDelivery.measured(), t.lateness.measured().P99
	one.held = one.held && one.delivery.P95 < deliveryP95
	return one
}

func stepSection(sh shape, good float64, steps []step) Section {
	s := Section{
		Title: fmt.Sprintf("%d meetings of %d: %.0f note operations a second", sh.meetings, sh.clients, good),
		Note: fmt.Sprintf("The highest rate with delivery p95 below %g ms. Clients send what they type fast together (250 ms, ten operations), and have one change in flight.",
			deliveryP95),
		Head: []string{"Operations a second", "acknowledged a second", "delivery p50", "p95", "p99", "driver's lateness p99", "server, cores", ""},
	}
	for _, step := range steps {
		s.Rows = append(s.Rows, []string{
			fmt.Sprintf("%.0f", step.rate), fmt.Sprintf("%.0f", step.acked), ms(step.delivery.P50), ms(step.delivery.P95), ms(step.delivery.P99),
			ms(step.lateness), fmt.Sprintf("%.2f", step.serverCPU), heldWord(step.held),
		})
	}
	return s
}

func heldWord(held bool) string {
	if held {
		return "held"
	}
	return "not held"
}

// correctness keeps the verdicts that count whatever the rate.
func correctness(all []Verdict) []Verdict {
	var kept []Verdict
	for _, v := range all {
		if v.Correctness {
			kept = append(kept, v)
		}
	}
	return kept
}
