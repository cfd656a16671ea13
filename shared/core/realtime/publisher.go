package realtime

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/metrics"
	"github.com/rapport/rapport/shared/core/table"
)

// maxSubscribers bounds who is read for a topic: 101 participants with ten
// sockets each, and a margin.
const maxSubscribers = 2000

// Publisher sends to the subscribers of topics, and ends subscriptions. A sender
// reads what it sends before it reads the subscribers, consistently both times: so
// nobody gets an entry that was committed after their removal was answered.
type Publisher struct {
	realtime    *table.Table
	connections *Connections
	poster      Poster
	audit       *audit.Log
	clock       clock.Clock
	log         *slog.Logger
	epoch       epoch.Epoch
}

// NewPublisher makes the sender.
func NewPublisher(realtime *table.Table, connections *Connections, poster Poster, a *audit.Log, c clock.Clock, log *slog.Logger) *Publisher {
	return &Publisher{realtime: realtime, connections: connections, poster: poster, audit: a, clock: c, log: log}
}

// In makes it say the epoch of the positions that it sends.
func (p *Publisher) In(e epoch.Epoch) *Publisher {
	p.epoch = e
	return p
}

// Commit is an entry that was committed, or a new state, for the express lane.
type Commit struct {
	Topic Topic
	// Pace is the entry's, and Returned when its put returned.
	Pace     Pace
	Returned time.Time
	// First and Last are the positions that the entry takes; a state has one.
	First, Last int64
	// Own are the entry's own events, one at each position. Without them, as of a
	// state that is larger than what its change has read, Events is asked.
	Own []Event
	// Events has what was committed meanwhile.
	Events EventReader
}

// When implements effect.Effect: the durable lane repairs what fails.
func (Commit) When() effect.When { return effect.Beside }

// Express sends a committed entry at once; or at its time, with whatever was
// committed meanwhile; or leaves it to a post that is still to come. It sends
// one frame at most. What fails is left to the durable lane, so there is no
// error.
func (p *Publisher) Express(ctx context.Context, c Commit) {
	if err := p.express(ctx, c); err != nil && ctx.Err() == nil {
		p.log.WarnContext(ctx, "express lane", "topic", c.Topic.String(), "error", err.Error())
	}
}

func (p *Publisher) express(ctx context.Context, c Commit) error {
	pace := c.Pace
	switch {
	case pace.posts && !pace.later && pace.from == c.First && len(c.Own) > 0:
		err := p.postOnce(ctx, c.Topic, c.Own, pace.Group)
		p.fannedOut(ctx, c.Topic, c.Returned)
		return err
	case pace.posts:
		if waited, err := p.await(ctx, c.Topic, pace.Due); !waited {
			return err
		}
	case pace.late(c.Returned):
		// The next group's post carries this entry. Where there is none by the time
		// that it could be, the newest of the group posts: were an entry after this
		// one in time for the group's post, this one was too.
		if waited, err := p.await(ctx, c.Topic, pace.Due+interval); !waited {
			return err
		}
	default:
		count(ctx, metricCoalesced, 1, c.Topic)
		return nil
	}
	from := pace.from
	if !pace.posts {
		from = pace.Group
	}
	events, _, err := c.Events.Events(ctx, c.Topic, from-1, maxEvents)
	if err != nil || len(events) == 0 {
		return err
	}
	if newest := events[len(events)-1].Position; !pace.posts && newest != c.Last {
		count(ctx, metricCoalesced, 1, c.Topic)
		return nil
	}
	err = p.postOnce(ctx, c.Topic, events, pace.Group)
	p.fannedOut(ctx, c.Topic, c.Returned)
	return err
}

// await waits until a time. It doesn't where nobody follows the topic: whoever
// subscribes from here on reads the log after this entry.
func (p *Publisher) await(ctx context.Context, topic Topic, ms int64) (waited bool, err error) {
	wait := until(ms, p.clock.Now())
	if wait <= 0 {
		return true, nil
	}
	if watched, err := p.Watched(ctx, topic); err != nil || !watched {
		return false, err
	}
	return true, p.clock.Sleep(ctx, wait)
}

// postOnce sends events in one frame. What doesn't fit goes without the group
// before; what still doesn't becomes a head, and clients replay.
func (p *Publisher) postOnce(ctx context.Context, topic Topic, events []Event, group int64) error {
	if len(events) == 0 {
		return nil
	}
	frames, err := eventFrames(topic, p.epoch, events)
	if err == nil && len(frames) > 1 {
		own := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Position < group })
		frames, err = eventFrames(topic, p.epoch, own)
	}
	if err != nil {
		return err
	}
	if len(frames) != 1 {
		count(ctx, metricHeaded, 1, topic)
		_, err := p.Head(ctx, topic, events[len(events)-1].Position, "")
		return err
	}
	subscribers, err := p.subscribers(ctx, topic)
	if err != nil {
		return err
	}
	metrics.Sample(ctx, metricSubscribers, len(subscribers), kindOf(topic))
	p.deliver(ctx, topic, subscribers, frames, laneExpress)
	return nil
}

// subscribers reads who follows a topic, consistently; not those whose
// subscription is about to go.
func (p *Publisher) subscribers(ctx context.Context, topic Topic) ([]table.Row[subscription], error) {
	var rows []table.Row[subscription]
	after := ""
	for len(rows) < maxSubscribers {
		page, err := table.List[subscription](ctx, p.realtime, table.Query{
			PK: topicPartition(topic), Prefix: connectionPrefix, Limit: table.MaxLimit, After: after,
			Filter: table.AttributeAbsent("ended"),
		})
		if err != nil {
			return nil, fmt.Errorf("subscribers of %s: %w", topic, err)
		}
		rows = append(rows, page.Items...)
		if !page.More() {
			break
		}
		after = page.Next
	}
	return rows, nil
}

// Head sends a topic's subscribers its newest position, and the content's hash
// at exactly that position where it is known. all is false where somebody who is
// there was not told.
func (p *Publisher) Head(ctx context.Context, topic Topic, position int64, hash string) (all bool, err error) {
	frame, err := p.headFrame(topic, position, hash)
	if err != nil {
		return false, err
	}
	subscribers, err := p.subscribers(ctx, topic)
	if err != nil {
		return false, err
	}
	outcomes := p.deliver(ctx, topic, subscribers, [][]byte{frame}, laneDurable)
	return !slices.Contains(outcomes, failed) && !slices.Contains(outcomes, dropped), nil
}

func (p *Publisher) headFrame(topic Topic, position int64, hash string) ([]byte, error) {
	return json.Marshal(headFrame{Type: "head", Topic: topic.String(), Epoch: p.epoch, Position: position, Hash: hash})
}

// Watched reports whether anybody follows a topic.
func (p *Publisher) Watched(ctx context.Context, topic Topic) (bool, error) {
	page, err := table.List[subscription](ctx, p.realtime, table.Query{PK: topicPartition(topic), Limit: 1})
	return len(page.Items) > 0, err
}
