package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/audit"
	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/table"
)

const (
	// parallelPosts bounds the posts of one sender that are under way at once.
	parallelPosts = 32
	// postDeadline bounds the posting of one batch of frames: whoever can't be
	// reached by then is left to the durable lane.
	postDeadline = time.Second
	// maxSubscribers bounds who is read for a topic: 101 participants with ten
	// sockets each, and a margin.
	maxSubscribers = 2000
)

// ErrGone says that a socket is closed.
var ErrGone = errors.New("the socket is closed")

// Poster sends a frame to an open socket; ErrGone where it is closed.
type Poster interface {
	Post(ctx context.Context, connectionID string, frame []byte) error
}

// Streams sends to the subscribers of topics, and ends subscriptions. Whoever
// sends has read what it sends before it reads the subscribers, consistently
// both times: so nobody is sent what was committed after their removal was
// answered.
type Streams struct {
	realtime    *table.Table
	connections *Connections
	poster      Poster
	audit       *audit.Log
	clock       clock.Clock
	log         *slog.Logger
}

// NewStreams makes the sender.
func NewStreams(realtime *table.Table, connections *Connections, poster Poster, a *audit.Log, c clock.Clock, log *slog.Logger) *Streams {
	return &Streams{realtime: realtime, connections: connections, poster: poster, audit: a, clock: c, log: log}
}

// Commit is what the express lane is told of an entry that was committed.
type Commit struct {
	Topic Topic
	// Pace is the entry's, and Returned when its put returned.
	Pace     Pace
	Returned time.Time
	// Own is the entry itself.
	Own Event
	// From reads the topic's events from a position on.
	From func(ctx context.Context, position int64) ([]Event, error)
}

// Express sends a committed entry at once; or at its time, with whatever was
// committed meanwhile; or leaves it to a post that is still to come. It sends
// one frame at most. What fails is left to the durable lane, so there is no
// error.
func (s *Streams) Express(ctx context.Context, c Commit) {
	if err := s.express(ctx, c); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "express lane", "topic", c.Topic.String(), "error", err.Error())
	}
}

func (s *Streams) express(ctx context.Context, c Commit) error {
	p := c.Pace
	switch {
	case p.posts && !p.later && p.from == c.Own.Position:
		return s.postOnce(ctx, c.Topic, []Event{c.Own}, p.Group)
	case p.posts:
		if waited, err := s.await(ctx, c.Topic, p.Due); !waited {
			return err
		}
	case p.late(c.Returned):
		// The next group's post carries this entry. Where there is none by the time
		// that it could be, the newest of the group posts: were an entry after this
		// one in time for the group's post, this one was too.
		if waited, err := s.await(ctx, c.Topic, p.Due+interval); !waited {
			return err
		}
	default:
		return nil
	}
	from := p.from
	if !p.posts {
		from = p.Group
	}
	events, err := c.From(ctx, from)
	if err != nil || len(events) == 0 {
		return err
	}
	if newest := events[len(events)-1].Position; !p.posts && newest != c.Own.Position {
		return nil
	}
	return s.postOnce(ctx, c.Topic, events, p.Group)
}

// await waits until a time. It doesn't where nobody follows the topic: whoever
// subscribes from here on reads the log after this entry.
func (s *Streams) await(ctx context.Context, topic Topic, ms int64) (waited bool, err error) {
	wait := until(ms, s.clock.Now())
	if wait <= 0 {
		return true, nil
	}
	if watched, err := s.Watched(ctx, topic); err != nil || !watched {
		return false, err
	}
	return true, s.clock.Sleep(ctx, wait)
}

// postOnce sends events in one frame. What doesn't fit goes without the group
// before; what still doesn't becomes a head, and clients replay.
func (s *Streams) postOnce(ctx context.Context, topic Topic, events []Event, group int64) error {
	if len(events) == 0 {
		return nil
	}
	frames, err := eventFrames(topic, events)
	if err == nil && len(frames) > 1 {
		own := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Position < group })
		frames, err = eventFrames(topic, own)
	}
	if err != nil {
		return err
	}
	if len(frames) != 1 {
		return s.Head(ctx, topic, events[len(events)-1].Position, "")
	}
	subscribers, err := s.subscribers(ctx, topic)
	if err != nil {
		return err
	}
	s.post(ctx, topic, connectionsOf(subscribers), frames)
	return nil
}

// subscribers reads who follows a topic, consistently; not those whose
// subscription is about to go.
func (s *Streams) subscribers(ctx context.Context, topic Topic) ([]table.Row[subscription], error) {
	var rows []table.Row[subscription]
	after := ""
	for len(rows) < maxSubscribers {
		page, err := table.List[subscription](ctx, s.realtime, table.Query{
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

func connectionsOf(rows []table.Row[subscription]) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = connectionOf(row.Key)
	}
	return ids
}

// post sends frames to sockets, in order for each, within the deadline. A
// socket that is gone is taken down; any other failure leaves its client to
// notice the gap.
func (s *Streams) post(ctx context.Context, topic Topic, connectionIDs []string, frames [][]byte) {
	ctx, cancel := context.WithTimeout(ctx, postDeadline)
	defer cancel()
	var failed atomic.Int64
	var group errgroup.Group
	group.SetLimit(parallelPosts)
	for _, id := range connectionIDs {
		group.Go(func() error {
			switch err := s.postAll(ctx, id, frames); {
			case errors.Is(err, ErrGone):
				s.takeDown(ctx, topic, id)
			case err != nil:
				failed.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // no member returns an error: each failure is counted
	if n := failed.Load(); n > 0 {
		s.log.WarnContext(ctx, "posts failed", "sockets", n, "of", len(connectionIDs))
	}
}

// postAll posts frames to one socket until one fails.
func (s *Streams) postAll(ctx context.Context, connectionID string, frames [][]byte) error {
	for _, frame := range frames {
		if err := s.poster.Post(ctx, connectionID, frame); err != nil {
			return err
		}
	}
	return nil
}

// takeDown removes a socket that is gone, which may have had no $disconnect, and
// the row that led to it.
func (s *Streams) takeDown(ctx context.Context, topic Topic, connectionID string) {
	c, topics, err := s.connections.Close(ctx, connectionID)
	if err == nil {
		err = s.ended(ctx, c, topics...)
	}
	if err == nil {
		err = s.realtime.Delete(ctx, subscriptionKey(topic, connectionID))
	}
	if err != nil {
		s.log.WarnContext(ctx, "take down socket", "error", err.Error())
	}
}

// Head tells a topic's subscribers its newest position, and the content's hash
// at exactly that position where it is known.
func (s *Streams) Head(ctx context.Context, topic Topic, position int64, hash string) error {
	frame, err := json.Marshal(headFrame{Type: "head", Topic: topic.String(), Position: position, Hash: hash})
	if err != nil {
		return err
	}
	subscribers, err := s.subscribers(ctx, topic)
	if err != nil {
		return err
	}
	s.post(ctx, topic, connectionsOf(subscribers), [][]byte{frame})
	return nil
}

// Watched tells whether anybody follows a topic.
func (s *Streams) Watched(ctx context.Context, topic Topic) (bool, error) {
	page, err := table.List[subscription](ctx, s.realtime, table.Query{PK: topicPartition(topic), Limit: 1})
	return len(page.Items) > 0, err
}
