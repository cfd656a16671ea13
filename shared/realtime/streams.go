package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// Express sends a committed event of a paced topic at once, or at its time with
// whatever was committed meanwhile, or leaves it to the post that is still to
// come. own gives the event itself, readOn the topic's events from it on. What
// fails is left to the durable lane, so there is no error.
func (s *Streams) Express(ctx context.Context, topic Topic, pace Pace, own, readOn func(context.Context) ([]Event, error)) {
	read := own
	if !pace.Posts && !pace.Late(s.clock.Now()) {
		return
	}
	if wait := pace.Wait(s.clock.Now()); pace.Posts && wait > 0 {
		// Whoever subscribes from here on reads the log after this entry.
		if watched, err := s.Watched(ctx, topic); err == nil && !watched {
			return
		}
		if s.clock.Sleep(ctx, wait) != nil {
			return // the function's time is over
		}
		read = readOn
	}
	events, err := read(ctx)
	if err == nil {
		err = s.Publish(ctx, topic, events)
	}
	if err != nil {
		s.log.WarnContext(ctx, "express lane", "topic", topic.String(), "error", err.Error())
	}
}

// Publish sends events, which the caller has read, to the topic's subscribers.
func (s *Streams) Publish(ctx context.Context, topic Topic, events []Event) error {
	frames, err := eventFrames(topic, events)
	if err != nil {
		return err
	}
	subscribers, err := s.subscribers(ctx, topic)
	if err != nil {
		return err
	}
	s.post(ctx, connectionsOf(subscribers), frames)
	return nil
}

// subscribers reads who follows a topic, consistently.
func (s *Streams) subscribers(ctx context.Context, topic Topic) ([]table.Row[subscription], error) {
	var rows []table.Row[subscription]
	after := ""
	for len(rows) < maxSubscribers {
		page, err := table.List[subscription](ctx, s.realtime, table.Query{
			PK: topicPartition(topic), Prefix: connectionPrefix, Limit: table.MaxLimit, After: after,
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
func (s *Streams) post(ctx context.Context, connectionIDs []string, frames [][]byte) {
	ctx, cancel := context.WithTimeout(ctx, postDeadline)
	defer cancel()
	var failed atomic.Int64
	var group errgroup.Group
	group.SetLimit(parallelPosts)
	for _, id := range connectionIDs {
		group.Go(func() error {
			switch err := s.postAll(ctx, id, frames); {
			case errors.Is(err, ErrGone):
				s.takeDown(ctx, id)
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

// takeDown removes a socket that is gone, which may have no $disconnect.
func (s *Streams) takeDown(ctx context.Context, connectionID string) {
	c, topics, err := s.connections.Close(ctx, connectionID)
	if err == nil {
		err = s.ended(ctx, c, topics...)
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
	s.post(ctx, connectionsOf(subscribers), [][]byte{frame})
	return nil
}

// Watched tells whether anybody follows a topic.
func (s *Streams) Watched(ctx context.Context, topic Topic) (bool, error) {
	page, err := table.List[subscription](ctx, s.realtime, table.Query{PK: topicPartition(topic), Limit: 1})
	return len(page.Items) > 0, err
}
