package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// returnWithin bounds how long everybody may take to come back.
const returnWithin = 5 * time.Minute

// reconnect cuts every socket at once while people go on writing; they come back
// with full jitter, and nothing may be lost.
func (p *program) reconnect(ctx context.Context) error {
	s := p.scenario
	o, running, err := stage(ctx, s, p.server, p.show, p.printf)
	defer o.close()
	if err != nil {
		return p.interrupted(o, err)
	}
	c, t := o.fleet, o.fleet.tally
	back := newReturns(c)
	c.pause.Store(&back.pause)
	c.returned.Store(&back.returned)
	before := t.failures()
	t.opening.reset()
	t.subscribing.reset()
	p.printf("cutting %d sockets; they come back within %v, by chance", len(c.people), s.Jitter)
	cut := time.Now()
	for _, person := range c.people {
		person.line.Cut()
	}
	for _, session := range o.sessions {
		session.notes.Cut()
	}
	writing := make(chan time.Duration, 1)
	go func() {
		writing <- c.measure(running, o.sampler, s.rates(), time.Duration(s.Seconds)*time.Second, 200)
	}()
	wait(running, cut.Add(returnWithin), back.complete)
	p.printf("%d of %d are back after %.1f s", back.count(), len(c.people), time.Since(cut).Seconds())
	o.measured = <-writing
	errors := map[string]int64{}
	for name, n := range t.failures() {
		if n > before[name] {
			errors[name] = n - before[name]
		}
	}
	if err := o.finish(running); err != nil {
		return p.interrupted(o, err)
	}
	r := reportOf("Everybody comes back at once", o)
	r.Sections = append(r.Sections, back.section(r, errors))
	r.Verdicts = append(correctness(r.Verdicts),
		Verdict{Name: "Everybody came back", Pass: back.complete(), Figure: fmt.Sprintf("%d of %d", back.count(), len(c.people)), Correctness: true},
		Verdict{Name: "Nobody met an error on the way", Pass: sum(errors, "open")+sum(errors, "subscribe") == 0, Figure: fmt.Sprintf("%d errors", sum(errors, "open")+sum(errors, "subscribe"))})
	return p.conclude(r)
}

// sum adds up the errors of what was being done.
func sum(errors map[string]int64, doing string) int64 {
	var n int64
	for name, times := range errors {
		if len(name) > len(doing) && name[:len(doing)+1] == doing+" " {
			n += times
		}
	}
	return n
}

// returns are who has come back, and when.
type returns struct {
	pause    func(attempt int) time.Duration
	returned func(*person)

	mu    sync.Mutex
	cut   time.Time
	total int
	seen  map[*person]bool
	meter *meter
}

func newReturns(c *fleet) *returns {
	r := &returns{cut: time.Now(), total: len(c.people), seen: map[*person]bool{}, meter: newMeter()}
	r.pause = func(attempt int) time.Duration {
		if attempt == 0 {
			return rand.N(c.scenario.Jitter + 1)
		}
		return rand.N(min(15*time.Second, time.Second<<min(attempt, 4)) + 1)
	}
	r.returned = func(p *person) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.seen[p] {
			r.seen[p] = true
			r.meter.add(time.Since(r.cut), true)
		}
	}
	return r
}

func (r *returns) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func (r *returns) complete() bool { return r.count() == r.total }

func (r *returns) section(report *Report, errors map[string]int64) Section {
	back, open, subscribe := r.meter.measured(), report.Latencies["opening"], report.Latencies["subscribing"]
	row := func(name string, l Latency) []string {
		return []string{name, itoa(l.Count), ms(l.P50), ms(l.P95), ms(l.P99), ms(l.Max)}
	}
	s := Section{
		Title: fmt.Sprintf("%d sockets cut at once", r.total),
		Note:  fmt.Sprintf("Each waits a random time up to %v, gets a ticket, opens a socket and follows its topics from where it was.", report.Scenario.Jitter),
		Head:  []string{"", "count", "p50", "p95", "p99", "longest"},
		Rows: [][]string{
			row("From the cut until back", back), row("From asking for a ticket until back", open), row("A topic, until subscribed", subscribe),
		},
	}
	for name, n := range errors {
		s.Rows = append(s.Rows, []string{"tried again: " + name, itoa(n), "", "", "", ""})
	}
	return s
}
