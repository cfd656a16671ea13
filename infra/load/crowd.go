package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/rapport/rapport/infra/client"
)

const (
	// setUpRate bounds the calls of the set-up, a second: the stage throttles at
	// 1,000 with a burst of 500.
	setUpRate = 600
	// setUpParallel bounds what is under way at once.
	setUpParallel = 24
	// openParallel bounds the meetings whose people open their sockets at once;
	// each is several writes that the table engine makes one after the other.
	openParallel = 8
	// setUpTries bounds how often a busy answer is tried again, setUpWait how
	// long it is waited for at a time.
	setUpTries = 40
	setUpWait  = 3 * time.Second
)

// crowd is everybody and their meetings.
type crowd struct {
	scenario Scenario
	site     *client.Site
	tally    *tally
	// name tells the people of this run from those of others.
	name     string
	meetings []*meeting
	people   []*person
	byClient map[string]*person
	// pause, where set, is how long a lost socket waits instead of the client's
	// own way; returned hears of each socket that is open.
	pause    atomic.Pointer[func(attempt int) time.Duration]
	returned atomic.Pointer[func(*person)]
	// greets has a person whose socket has opened tell that they are there; nil where
	// nobody does.
	greets   atomic.Pointer[func(*person)]
	limit    *rate.Limiter
	progress func(format string, args ...any)

	mu       sync.Mutex
	reports  []string
	unsaid   int
	inFlight sync.WaitGroup
}

func newCrowd(s Scenario, base string, progress func(string, ...any)) *crowd {
	c := &crowd{
		scenario: s, site: client.NewSite(base), tally: newTally(),
		name:     "load-" + strconv.FormatUint(s.Seed, 36) + "-" + strconv.FormatInt(time.Now().Unix(), 36),
		byClient: map[string]*person{}, limit: rate.NewLimiter(setUpRate, 50), progress: progress,
	}
	c.site.Sent = c.sent
	c.site.Trouble = c.tally.fail
	for m := range s.Meetings {
		one := &meeting{index: m}
		for range s.Clients {
			i := len(c.people)
			p := &person{
				crowd: c, index: i, name: fmt.Sprintf("%s-%d", c.name, i), meeting: one, clientID: clientID(i),
				rng: rand.New(rand.NewPCG(s.Seed, uint64(i))),
			}
			one.people = append(one.people, p)
			c.people = append(c.people, p)
			c.byClient[p.clientID] = p
		}
		c.meetings = append(c.meetings, one)
	}
	return c
}

// sent counts requests; what only the laptop has costs nothing.
func (c *crowd) sent(_, path string, _, bytes int) {
	if strings.HasPrefix(path, "/dev/") {
		return
	}
	measuring := c.tally.measuring.Load()
	c.tally.requests.add(1, measuring)
	c.tally.bytesIn.add(int64(bytes), measuring)
}

// report keeps a sentence for the end; a bounded number of them.
func (c *crowd) report(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.reports) < 50 {
		c.reports = append(c.reports, fmt.Sprintf(format, args...))
	} else {
		c.unsaid++
	}
}

// utterance finds who said a chunk, and which of theirs it is.
func (c *crowd) utterance(id string) (p *person, number int, ok bool) {
	rest, ours := strings.CutPrefix(id, "u-")
	who, which, cut := strings.Cut(rest, "-")
	i, err1 := strconv.Atoi(who)
	n, err2 := strconv.Atoi(which)
	if !ours || !cut || err1 != nil || err2 != nil || i < 0 || i >= len(c.people) {
		return nil, 0, false
	}
	p = c.people[i]
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, n, n >= 0 && n < len(p.spoken)
}

// setUp signs everybody in and starts their meetings.
func (c *crowd) setUp(ctx context.Context) error {
	err := c.each(ctx, "people", len(c.people), setUpParallel, func(ctx context.Context, i int) error {
		p := c.people[i]
		return c.patiently(ctx, func() error {
			var err error
			if p.client == nil {
				if p.client, err = c.site.SignIn(ctx, p.name); err != nil {
					p.client = nil
					return err
				}
			}
			return p.client.Do(ctx, http.MethodGet, "/v1/me", nil, nil)
		})
	})
	if err != nil {
		return err
	}
	return c.each(ctx, "meetings", len(c.meetings), setUpParallel, func(ctx context.Context, i int) error { return c.meet(ctx, c.meetings[i]) })
}

// meet makes a meeting with its people and starts it.
func (c *crowd) meet(ctx context.Context, m *meeting) error {
	host := m.people[0].client
	invited := []map[string]string{}
	for _, p := range m.people[1:] {
		invited = append(invited, map[string]string{"userId": p.client.UserID, "role": "participant"})
	}
	var made struct {
		MeetingID string `json:"meetingId"`
	}
	in := map[string]any{"title": fmt.Sprintf("Load %d", m.index), "participants": invited}
	err := c.patiently(ctx, func() error {
		return host.DoOnce(ctx, http.MethodPost, "/v1/meetings", uint64(m.index)+1, in, &made)
	})
	if err != nil {
		return err
	}
	m.id = made.MeetingID
	return c.patiently(ctx, func() error {
		err := host.Do(ctx, http.MethodPost, "/v1/meetings/"+m.id+"/start", nil, nil)
		if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code == "CONFLICT" {
			return nil // an earlier try had started it
		}
		return err
	})
}

// openAll opens everybody's line, meeting by meeting, spread over a time at
// least; a meeting takes part as soon as its people are there. Lines last as long
// as the context.
func (c *crowd) openAll(lasting context.Context, over time.Duration) error {
	begun := time.Now()
	n := len(c.meetings)
	return c.each(lasting, "meetings with open sockets", n, openParallel, func(ctx context.Context, i int) error {
		return c.openMeeting(ctx, lasting, c.meetings[i], begun.Add(over*time.Duration(i)/time.Duration(n)))
	})
}

func (c *crowd) openMeeting(ctx, lasting context.Context, m *meeting, due time.Time) error {
	if err := sleep(ctx, time.Until(due)); err != nil {
		return err
	}
	for _, p := range m.people {
		if err := c.patiently(ctx, func() error { return p.open(lasting) }); err != nil {
			return err
		}
	}
	m.ready.Store(true)
	return nil
}

// patiently calls f within the set-up's rate, again while the server is busy.
func (c *crowd) patiently(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		if err := c.limit.Wait(ctx); err != nil {
			return err
		}
		err := f()
		if err == nil || ctx.Err() != nil || try == setUpTries {
			return err
		}
		wait := min(time.Duration(try)*200*time.Millisecond, setUpWait)
		if problem, ok := errors.AsType[*client.Problem](err); ok {
			if !problem.Again() {
				return err
			}
			wait = max(wait, problem.RetryAfter)
		}
		c.tally.fail("set-up", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// each does something n times, so many of it at once, and shows how far it is.
func (c *crowd) each(ctx context.Context, what string, n, parallel int, f func(ctx context.Context, i int) error) error {
	var done atomic.Int64
	finished := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-finished:
				tick.Stop()
				return
			case <-tick.C:
				c.progress("%s %d of %d", what, done.Load(), n)
			}
		}
	})
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range n {
		group.Go(func() error {
			if err := f(ctx, i); err != nil {
				return fmt.Errorf("%s, number %d: %w", what, i, err)
			}
			done.Add(1)
			return nil
		})
	}
	err := group.Wait()
	close(finished)
	shown.Wait()
	if err == nil {
		c.progress("%s: %d in %v", what, n, time.Since(begun).Round(100*time.Millisecond))
	}
	return err
}

// run does one operation; it returns at once. Who isn't there yet does nothing.
func (c *crowd) run(ctx context.Context, o op, due time.Time, measured bool) {
	rng := rand.New(rand.NewPCG(o.dice, 4))
	m := c.meetings[rng.IntN(len(c.meetings))]
	if !m.ready.Load() {
		return
	}
	p := m.people[rng.IntN(len(m.people))]
	c.tally.scheduled[o.kind].Add(1)
	c.inFlight.Go(func() {
		switch o.kind {
		case noteOp:
			p.typeSoon(ctx, typed{due: due, measured: measured, dice: o.dice})
		case transcriptOp:
			p.say(ctx, due, measured, o.dice)
		case queryOp:
			p.ask(ctx, choose(rng.Float64(), c.scenario.Transcripts > 0), due, measured)
		}
	})
}

// heartbeats has everybody tell that they are there, at once on a new socket and
// then spread evenly, until ctx ends.
func (c *crowd) heartbeats(ctx context.Context) {
	greet := func(p *person) {
		if ctx.Err() == nil {
			c.inFlight.Go(func() { p.present(ctx) })
		}
	}
	c.greets.Store(&greet)
	go c.beat(ctx)
}

func (c *crowd) beat(ctx context.Context) {
	every := c.scenario.Heartbeats
	step := every / time.Duration(len(c.people))
	for next := time.Now(); ctx.Err() == nil; {
		for _, p := range c.people {
			next = next.Add(step)
			if sleep(ctx, time.Until(next)) != nil {
				return
			}
			if p.there.Load() && p.line.Open() {
				c.inFlight.Go(func() { p.present(ctx) })
			}
		}
	}
}

// drain waits until everything that was begun is answered, or ctx ends.
func (c *crowd) drain(ctx context.Context) {
	c.inFlight.Wait()
	var group errgroup.Group
	for _, p := range c.people {
		group.Go(func() error { return errors.Join(p.slow.Close(ctx), p.fast.Close(ctx), p.speaker.Close(ctx)) })
	}
	if err := group.Wait(); err != nil {
		c.report("not everything was answered: %v", err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// knowsPresence tells whether the server takes heartbeats.
func (c *crowd) knowsPresence(ctx context.Context) bool {
	p := c.people[0]
	line := p.client.NewLine(client.LineOptions{})
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := line.Start(opening); err != nil {
		c.report("presence could not be tried: %v", err)
		return false
	}
	asking, stop := context.WithTimeout(ctx, client.AnswerLimit)
	defer stop()
	_, err := line.Ask(asking, map[string]any{
		"action": "presence", "topic": p.meeting.stateTopic(), "clientId": "load-probe", "seq": 1, "status": "idle",
	})
	if err != nil {
		c.report("heartbeats are off: the server answered %v to one", err)
	}
	return err == nil
}
