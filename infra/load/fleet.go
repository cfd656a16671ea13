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

// fleet is everybody and their meetings.
type fleet struct {
	scenario Scenario
	site     *client.Server
	tally    *tally
	// name tells the people of this run from those of others.
	name     string
	meetings []*meeting
	people   []*person
	byClient map[string]*person
	// pause, where set, is how long a lost socket waits instead of the client's
	// own way; returned learns of each socket that is open.
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

func newFleet(s Scenario, base string, progress func(string, ...any)) *fleet {
	c := &fleet{
		scenario: s, site: client.NewServer(base), tally: newTally(),
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
				fleet: c, index: i, name: fmt.Sprintf("%s-%d", c.name, i), meeting: one, clientID: clientID(i),
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
func (f *fleet) sent(_, path string, _, bytes int) {
	if strings.HasPrefix(path, "/dev/") {
		return
	}
	measuring := f.tally.measuring.Load()
	f.tally.requests.add(1, measuring)
	f.tally.bytesIn.add(int64(bytes), measuring)
}

// report keeps a sentence for the end; a bounded number of them.
func (f *fleet) report(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reports) < 50 {
		f.reports = append(f.reports, fmt.Sprintf(format, args...))
	} else {
		f.unsaid++
	}
}

// utterance finds who said a chunk, and which of theirs it is.
func (f *fleet) utterance(id string) (p *person, number int, ok bool) {
	rest, ours := strings.CutPrefix(id, "u-")
	who, which, cut := strings.Cut(rest, "-")
	i, err1 := strconv.Atoi(who)
	n, err2 := strconv.Atoi(which)
	if !ours || !cut || err1 != nil || err2 != nil || i < 0 || i >= len(f.people) {
		return nil, 0, false
	}
	p = f.people[i]
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, n, n >= 0 && n < len(p.spoken)
}

// setUp signs everybody in and starts their meetings.
func (f *fleet) setUp(ctx context.Context) error {
	err := f.each(ctx, "people", len(f.people), setUpParallel, func(ctx context.Context, i int) error {
		p := f.people[i]
		return f.retryBusy(ctx, func() error {
			var err error
			if p.client == nil {
				if p.client, err = f.site.SignIn(ctx, p.name); err != nil {
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
	return f.each(ctx, "meetings", len(f.meetings), setUpParallel, func(ctx context.Context, i int) error { return f.meet(ctx, f.meetings[i]) })
}

// meet makes a meeting with its people and starts it.
func (f *fleet) meet(ctx context.Context, m *meeting) error {
	host := m.people[0].client
	invited := []map[string]string{}
	for _, p := range m.people[1:] {
		invited = append(invited, map[string]string{"userId": p.client.UserID, "role": "participant"})
	}
	var made struct {
		MeetingID string `json:"meetingId"`
	}
	in := map[string]any{"title": fmt.Sprintf("Load %d", m.index), "participants": invited}
	err := f.retryBusy(ctx, func() error {
		return host.DoOnce(ctx, http.MethodPost, "/v1/meetings", uint64(m.index)+1, in, &made)
	})
	if err != nil {
		return err
	}
	m.id = made.MeetingID
	return f.retryBusy(ctx, func() error {
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
func (f *fleet) openAll(lasting context.Context, over time.Duration) error {
	begun := time.Now()
	n := len(f.meetings)
	return f.each(lasting, "meetings with open sockets", n, openParallel, func(ctx context.Context, i int) error {
		return f.openMeeting(ctx, lasting, f.meetings[i], begun.Add(over*time.Duration(i)/time.Duration(n)))
	})
}

func (f *fleet) openMeeting(ctx, lasting context.Context, m *meeting, due time.Time) error {
	if err := sleep(ctx, time.Until(due)); err != nil {
		return err
	}
	for _, p := range m.people {
		if err := f.retryBusy(ctx, func() error { return p.open(lasting) }); err != nil {
			return err
		}
	}
	m.ready.Store(true)
	return nil
}

// retryBusy calls do within the set-up's rate, again while the server is busy.
func (f *fleet) retryBusy(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		if err := f.limit.Wait(ctx); err != nil {
			return err
		}
		err := do()
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
		f.tally.fail("set-up", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// each does something n times, so many of it at once, and shows how far it is.
func (f *fleet) each(ctx context.Context, what string, n, parallel int, do func(ctx context.Context, i int) error) error {
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
				f.progress("%s %d of %d", what, done.Load(), n)
			}
		}
	})
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range n {
		group.Go(func() error {
			if err := do(ctx, i); err != nil {
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
		f.progress("%s: %d in %v", what, n, time.Since(begun).Round(100*time.Millisecond))
	}
	return err
}

// run does one operation; it returns at once. Who isn't there yet does nothing.
func (f *fleet) run(ctx context.Context, o op, due time.Time, measured bool) {
	rng := rand.New(rand.NewPCG(o.dice, 4))
	m := f.meetings[rng.IntN(len(f.meetings))]
	if !m.ready.Load() {
		return
	}
	p := m.people[rng.IntN(len(m.people))]
	f.tally.scheduled[o.kind].Add(1)
	f.inFlight.Go(func() {
		switch o.kind {
		case noteOp:
			p.typeSoon(ctx, typed{due: due, measured: measured, dice: o.dice})
		case transcriptOp:
			p.say(ctx, due, measured, o.dice)
		case queryOp:
			p.query(ctx, choose(rng.Float64(), f.scenario.Transcripts > 0), due, measured)
		}
	})
}

// heartbeats has everybody tell that they are there, at once on a new socket and
// then spread evenly, until ctx ends.
func (f *fleet) heartbeats(ctx context.Context) {
	greet := func(p *person) {
		if ctx.Err() == nil {
			f.inFlight.Go(func() { p.present(ctx) })
		}
	}
	f.greets.Store(&greet)
	go f.beat(ctx)
}

func (f *fleet) beat(ctx context.Context) {
	every := f.scenario.Heartbeats
	step := every / time.Duration(len(f.people))
	for next := time.Now(); ctx.Err() == nil; {
		for _, p := range f.people {
			next = next.Add(step)
			if sleep(ctx, time.Until(next)) != nil {
				return
			}
			if p.there.Load() && p.line.Open() {
				f.inFlight.Go(func() { p.present(ctx) })
			}
		}
	}
}

// drain waits until everything that was begun is answered, or ctx ends.
func (f *fleet) drain(ctx context.Context) {
	f.inFlight.Wait()
	var group errgroup.Group
	for _, p := range f.people {
		group.Go(func() error { return errors.Join(p.slow.Close(ctx), p.fast.Close(ctx), p.speaker.Close(ctx)) })
	}
	if err := group.Wait(); err != nil {
		f.report("not everything was answered: %v", err)
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

// knowsPresence reports whether the server takes heartbeats.
func (f *fleet) knowsPresence(ctx context.Context) bool {
	p := f.people[0]
	line := p.client.NewConnection(client.ConnectionOptions{})
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := line.Start(opening); err != nil {
		f.report("presence could not be tried: %v", err)
		return false
	}
	asking, stop := context.WithTimeout(ctx, client.AnswerLimit)
	defer stop()
	_, err := line.Ask(asking, map[string]any{
		"action": "presence", "topic": p.meeting.stateTopic(), "clientId": "load-probe", "seq": 1, "status": "idle",
	})
	if err != nil {
		f.report("heartbeats are off: the server answered %v to one", err)
	}
	return err == nil
}
