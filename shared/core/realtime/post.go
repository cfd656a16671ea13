package realtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/table"
)

const (
	// parallelPosts bounds the posts of one sender that are under way at once.
	parallelPosts = 64
	// postDeadline bounds the posting of one batch of frames: whoever can't be
	// reached by then is left to the durable lane.
	postDeadline = time.Second
	// socketDeadline bounds the posts to one socket, so that a few that hang don't
	// hold all slots until the deadline of all.
	socketDeadline = 400 * time.Millisecond
	// durableTries is how often a head is posted to a socket: nobody repeats at once
	// what the durable lane misses.
	durableTries = 2
	// recordDeadline bounds what is written of failures afterwards.
	recordDeadline = time.Second
)

// ErrGone says that a socket is closed.
var ErrGone = errors.New("the socket is closed")

// Poster sends a frame to an open socket; ErrGone where it is closed.
type Poster interface {
	Post(ctx context.Context, connectionID string, frame []byte) error
}

// outcome is what became of the frames for one socket.
type outcome int8

const (
	// dropped: not tried, because the breaker is open or the time was over.
	dropped outcome = iota
	posted
	failed
	gone
)

// deliver sends frames to subscribers, in order for each, within the deadline.
// Sockets that failed lately come last, so that they delay no others. Sockets that
// aren't reached are left to the durable lane, and to replay.
func (p *Publisher) deliver(ctx context.Context, topic Topic, rows []table.Row[subscription], frames [][]byte, by lane) []outcome {
	now := p.clock.Now()
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b table.Row[subscription]) int { return a.Value.Failures - b.Value.Failures })
	outcomes := make([]outcome, len(rows))
	tries := 1
	if by == laneDurable {
		tries = durableTries
	}
	for range tries {
		p.each(ctx, len(rows), func(ctx context.Context, i int) {
			if outcomes[i] == posted || outcomes[i] == gone || by == laneExpress && rows[i].Value.open(now) {
				return
			}
			outcomes[i] = p.postAll(ctx, connectionOf(rows[i].Key), frames)
		})
	}
	p.recordOutcomes(ctx, topic, rows, outcomes, len(frames), by)
	return outcomes
}

// post sends frames to sockets whatever their breakers say, in order for each,
// within the deadline, and gives what became of them.
func (p *Publisher) post(ctx context.Context, topic Topic, connectionIDs []string, frames [][]byte, by lane) []outcome {
	outcomes := make([]outcome, len(connectionIDs))
	p.each(ctx, len(connectionIDs), func(ctx context.Context, i int) {
		outcomes[i] = p.postAll(ctx, connectionIDs[i], frames)
	})
	p.tally(ctx, topic, outcomes, len(frames), by)
	_ = atOnce(indices(len(connectionIDs)), func(i int) error {
		if outcomes[i] == gone {
			p.forget(ctx, topic, connectionIDs[i])
		}
		return nil
	}) // failures are logged
	return outcomes
}

// each runs f for 0 to n-1 with bounded concurrency, until the deadline.
func (p *Publisher) each(ctx context.Context, n int, f func(ctx context.Context, i int)) {
	ctx, cancel := context.WithTimeout(ctx, postDeadline)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(parallelPosts)
	for i := range n {
		group.Go(func() error {
			if ctx.Err() == nil {
				f(ctx, i)
			}
			return nil
		})
	}
	_ = group.Wait() // no member returns an error: each has its outcome
}

// postAll posts frames to one socket until one fails.
func (p *Publisher) postAll(ctx context.Context, connectionID string, frames [][]byte) outcome {
	ctx, cancel := context.WithTimeout(ctx, socketDeadline)
	defer cancel()
	for _, frame := range frames {
		switch err := p.poster.Post(ctx, connectionID, frame); {
		case errors.Is(err, ErrGone):
			return gone
		case err != nil:
			return failed
		}
	}
	return posted
}

// recordOutcomes counts what became of a delivery, and writes what has changed: breakers,
// and sockets that are gone.
func (p *Publisher) recordOutcomes(ctx context.Context, topic Topic, rows []table.Row[subscription], outcomes []outcome, frames int, by lane) {
	p.tally(ctx, topic, outcomes, frames, by)
	ctx, cancel := context.WithTimeout(ctx, recordDeadline)
	defer cancel()
	var unwritten atomic.Int64
	var group errgroup.Group
	group.SetLimit(parallelPosts)
	for i, row := range rows {
		if outcomes[i] == dropped || (outcomes[i] == posted && row.Value.breaker == breaker{}) {
			continue
		}
		group.Go(func() error {
			if outcomes[i] == gone {
				p.forget(ctx, topic, connectionOf(row.Key))
			} else if err := p.note(ctx, topic, row, outcomes[i] == posted, by); err != nil {
				unwritten.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are counted: the next post meets them again
	if n := unwritten.Load(); n > 0 {
		p.log.WarnContext(ctx, "breakers not written", "topic", topic.String(), "sockets", n)
	}
}

// tally counts frames by what became of them.
func (p *Publisher) tally(ctx context.Context, topic Topic, outcomes []outcome, frames int, by lane) {
	sums := map[outcome]int{}
	for _, o := range outcomes {
		sums[o]++
	}
	countFrames(ctx, metricPosted, sums[posted]*frames, topic, by)
	countFrames(ctx, metricFailed, sums[failed]*frames, topic, by)
	countFrames(ctx, metricDropped, sums[dropped]*frames, topic, by)
	count(ctx, metricGone, sums[gone], topic)
	if sums[failed]+sums[dropped] > 0 {
		p.log.WarnContext(ctx, "frames not delivered", "topic", topic.String(), "lane", string(by),
			"failed", sums[failed], "dropped", sums[dropped], "of", len(outcomes))
	}
}

// forget takes down a socket that is gone; a failure is logged, and the next
// post to it tries again.
func (p *Publisher) forget(ctx context.Context, topic Topic, connectionID string) {
	if err := p.takeDown(ctx, connectionID, topic); err != nil {
		p.log.WarnContext(ctx, "take down socket", "error", err.Error())
	}
}

// takeDown removes a socket, which may have had no $disconnect, and the
// subscriptions that led to it.
func (p *Publisher) takeDown(ctx context.Context, connectionID string, topics ...Topic) error {
	c, ended, err := p.connections.Detach(ctx, connectionID)
	if err != nil {
		return err
	}
	if err := p.ended(ctx, c, ended...); err != nil {
		return err
	}
	for _, topic := range topics {
		if err := p.realtime.Delete(ctx, subscriptionKey(topic, connectionID)); err != nil {
			return fmt.Errorf("take down socket: %w", err)
		}
	}
	return nil
}
