package realtime

import (
	"context"
	"errors"
	"time"

	"github.com/rapport/rapport/shared/core/table"
)

// A socket that can't be posted to costs every sender of its topics a slot and a
// wait. So its subscription has a circuit breaker: attributes of its row, written
// only when they change, and read with the row by every sender, without shared
// memory.
//
//	closed     failures = 0, or fewer than tripAfter: everything is posted
//	open       until openUntil: the express lane passes the socket over
//	half open  after openUntil: the next frame tries it
//
// Heads always try: a client that has lost events learns of it as soon as its
// socket takes frames again, and replays. A frame that gets through closes the
// breaker. A socket that doesn't even take a head after giveUpAfter failures is
// closed, so that its client comes back with another.
const (
	tripAfter   = 3
	giveUpAfter = 10
	openFirst   = 2 * time.Second
	openMost    = time.Minute
)

// breaker is the state of a subscription's breaker.
type breaker struct {
	// Failures counts posts that failed in a row.
	Failures int `json:"failures,omitempty"`
	// OpenUntil is milliseconds since 1970.
	OpenUntil int64 `json:"openUntil,omitempty"`
}

// open reports whether the express lane passes the socket over now.
func (b breaker) open(now time.Time) bool { return now.UnixMilli() < b.OpenUntil }

// failed is the state after one more failure.
func (b breaker) failed(now time.Time) breaker {
	next := breaker{Failures: b.Failures + 1}
	if over := next.Failures - tripAfter; over >= 0 {
		next.OpenUntil = now.Add(min(openFirst<<min(over, 10), openMost)).UnixMilli()
	}
	return next
}

// hopeless reports whether the socket has failed for so long that it is given up.
func (b breaker) hopeless() bool { return b.Failures >= giveUpAfter }

// note writes what a post has changed of a subscription's breaker: nothing in
// the common case. Senders that fail at once count as one failure: a sender that
// finds the row changed leaves it.
func (p *Publisher) note(ctx context.Context, topic Topic, row table.Row[subscription], delivered bool, by lane) error {
	before := row.Value.breaker
	after := breaker{}
	switch {
	case !delivered:
		after = before.failed(p.clock.Now())
	case before == after:
		return nil
	}
	if after.hopeless() && by == laneDurable {
		return p.giveUp(ctx, connectionOf(row.Key), topic)
	}
	unchanged := table.AttributeAbsent("failures")
	if before.Failures > 0 {
		unchanged = table.Equals("failures", before.Failures)
	}
	update := table.Update{If: table.And(table.Equals("since", row.Value.Since), unchanged)}
	if delivered {
		update.Remove = []string{"failures", "openUntil"}
	} else {
		update.Set = map[string]any{"failures": after.Failures, "openUntil": after.OpenUntil}
	}
	err := p.realtime.Update(ctx, row.Key, update)
	switch {
	case errors.Is(err, table.ErrConditionFailed):
		return nil
	case err != nil:
		return err
	case !delivered && after.Failures == tripAfter:
		count(ctx, metricOpened, 1, topic)
	case delivered && before.Failures >= tripAfter:
		count(ctx, metricClosed, 1, topic)
	}
	return nil
}

// giveUp closes a socket that takes nothing, and removes it and its subscriptions
// of some topics.
func (p *Publisher) giveUp(ctx context.Context, connectionID string, topics ...Topic) error {
	count(ctx, metricGaveUp, 1, topics[0])
	if err := p.connections.gateway.Disconnect(ctx, connectionID); err != nil {
		return err
	}
	return p.takeDown(ctx, connectionID, topics...)
}
