package realtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/table"
)

// What callers do with topics. The domain that owns a topic says which role each
// action needs.
const (
	ActionSubscribe   caller.Action = "realtime.subscribe"
	ActionPresence    caller.Action = "realtime.presence"
	actionUnsubscribe caller.Action = "realtime.unsubscribe"
)

// Revocation says which subscriptions to end.
type Revocation struct {
	// Topics are those whose subscriptions end, in the order in which they do.
	Topics []Topic
	// Presence is the topic in which presence ends.
	Presence Topic
	// UserID is the person whose subscriptions end; empty means everybody's.
	UserID string
	Reason Reason
	// Standing spares subscriptions that are right by now, where a revocation is
	// repeated late. nil spares none.
	Standing Standing
	// Commit is the new state that made the revocation necessary, for others, once
	// the subscriptions have ended; nil where there is none.
	Commit *Commit
	// Last is true for the durable lane, after which nobody comes: a socket that it
	// can't reach is closed, so that its client connects anew and reads what holds.
	Last bool
}

// When implements effect.Effect: nothing that is committed after the answer reaches
// whoever lost their right.
func (Revocation) When() effect.When { return effect.Before }

// Standing knows which roles people have.
type Standing interface {
	// Stands reads a person's role anew, and reports whether it is the one in which
	// they subscribed, so that the subscription stays.
	Stands(ctx context.Context, resourceID, userID, role string) (bool, error)
}

// Revoke ends subscriptions and notifies their sockets, ends presence, and then
// notifies the others. The caller has marked the participant or the meeting before,
// so that no new one can be made. When it returns without error, no sender that
// starts afterwards finds them.
//
// A subscription is marked, its socket notified, and then its row deleted: whoever
// repeats a revocation that crashed half-way finds the mark and notifies the socket
// again. So does the durable lane where the socket couldn't be reached. What needs nothing of each
// other goes at once, with bounded concurrency: a socket is notified of all its
// streams together.
func (p *Publisher) Revoke(ctx context.Context, r Revocation) error {
	var streams, presence error
	var left []Departed
	var group errgroup.Group
	group.Go(func() error {
		streams = p.revokeStreams(ctx, r)
		return nil
	})
	group.Go(func() error {
		left, presence = p.endPresences(ctx, r)
		return nil
	})
	_ = group.Wait() // failures are joined
	return errors.Join(streams, presence, p.sendAfterwards(ctx, r, left))
}

// sendAfterwards sends the others who has left, and the revocation's Commit. A socket
// that hangs delays both at once, so no longer than one would.
func (p *Publisher) sendAfterwards(ctx context.Context, r Revocation, left []Departed) error {
	var group errgroup.Group
	group.Go(func() error { return p.postPresence(ctx, r.Presence, nil, left) })
	if r.Commit != nil {
		group.Go(func() error {
			p.Express(ctx, *r.Commit)
			return nil
		})
	}
	return group.Wait()
}

// stream is a subscription under its topic.
type stream struct {
	topic Topic
	row   table.Row[subscription]
}

func (s stream) connectionID() string { return connectionOf(s.row.Key) }

// revokeStreams ends the subscriptions that a revocation is about.
func (p *Publisher) revokeStreams(ctx context.Context, r Revocation) error {
	found := make([][]stream, len(r.Topics))
	failed := atOnce(indices(len(r.Topics)), func(i int) (err error) {
		found[i], err = p.streamsOf(ctx, r.Topics[i], r.UserID)
		return err
	})
	marked, err := p.mark(ctx, slices.Concat(found...), r)
	return errors.Join(failed, err, p.endStreams(ctx, marked, r.Reason, r.Last))
}

// streamsOf reads all subscriptions of a topic, or those of one user, also those
// that are marked.
func (p *Publisher) streamsOf(ctx context.Context, topic Topic, userID string) (streams []stream, err error) {
	q := table.Query{PK: topicPartition(topic), Prefix: connectionPrefix, Limit: table.MaxLimit}
	if userID != "" {
		q.Filter = table.Equals("userId", userID)
	}
	for more := true; more; {
		page, err := table.List[subscription](ctx, p.realtime, q)
		if err != nil {
			return streams, fmt.Errorf("revoke %s: %w", topic, err)
		}
		for _, row := range page.Items {
			streams = append(streams, stream{topic, row})
		}
		q.After, more = page.Next, page.More()
	}
	return streams, nil
}

// mark marks the subscriptions that a revocation is about, so that senders pass
// them over, and gives them.
func (p *Publisher) mark(ctx context.Context, streams []stream, r Revocation) ([]stream, error) {
	falls, unread := r.falls(ctx, len(streams), func(i int) string { return streams[i].row.Value.Role })
	marked := make([]bool, len(streams))
	err := atOnce(indices(len(streams)), func(i int) error {
		row := streams[i].row
		if !falls[i] && !row.Value.Ended {
			return nil
		}
		err := p.realtime.Update(ctx, row.Key, table.Update{
			Set: map[string]any{"ended": true}, If: table.Equals("since", row.Value.Since),
		})
		switch {
		case errors.Is(err, table.ErrConditionFailed):
			// Another subscription took its place, under what holds now; or it is gone.
			return nil
		case err != nil:
			return fmt.Errorf("mark subscription: %w", err)
		}
		marked[i] = true
		return nil
	})
	return chosen(streams, marked), errors.Join(unread, err)
}

// falls reports which rows, by their roles, don't stand any more. The rows have been
// read before, so each role is asked for once.
func (r Revocation) falls(ctx context.Context, n int, role func(i int) string) (falls []bool, failed error) {
	falls = make([]bool, n)
	byRole := map[string]bool{}
	for i := range n {
		if r.Standing == nil {
			falls[i] = true
			continue
		}
		fallen, known := byRole[role(i)]
		if !known {
			stands, err := r.Standing.Stands(ctx, r.Presence.ID(), r.UserID, role(i))
			failed = errors.Join(failed, err)
			fallen = err == nil && !stands
			byRole[role(i)] = fallen
		}
		falls[i] = fallen
	}
	return falls, failed
}

// endStreams notifies sockets that their marked subscriptions have ended, and deletes
// them. A client that wasn't reached believes that it follows the topic: its
// subscriptions stay, marked, for the last to try.
func (p *Publisher) endStreams(ctx context.Context, marked []stream, reason Reason, last bool) error {
	sockets := bySocket(marked)
	outcomes, err := p.postRevoked(ctx, sockets, reason)
	if err != nil {
		return err
	}
	return atOnce(indices(len(sockets)), func(i int) error {
		streams := sockets[i]
		switch {
		case outcomes[i] == posted:
			return p.end(ctx, streams...)
		case outcomes[i] == gone:
			return p.takeDown(ctx, streams[0].connectionID(), topicsOf(streams)...)
		case last:
			return p.giveUp(ctx, streams[0].connectionID(), topicsOf(streams)...)
		}
		return nil
	})
}

// bySocket puts the subscriptions of each socket together, in their order.
func bySocket(streams []stream) [][]stream {
	var sockets [][]stream
	places := map[string]int{}
	for _, stream := range streams {
		place, known := places[stream.connectionID()]
		if !known {
			place = len(sockets)
			places[stream.connectionID()], sockets = place, append(sockets, nil)
		}
		sockets[place] = append(sockets[place], stream)
	}
	return sockets
}

func topicsOf(streams []stream) []Topic {
	topics := make([]Topic, len(streams))
	for i, stream := range streams {
		topics[i] = stream.topic
	}
	return topics
}

// postRevoked posts `revoked` to sockets, a frame for each subscription, whatever
// their breakers say, within the deadline, and gives what became of each socket.
// Frames of one socket go at once: none depends on another.
func (p *Publisher) postRevoked(ctx context.Context, sockets [][]stream, reason Reason) ([]outcome, error) {
	frames := map[Topic][]byte{}
	all := slices.Concat(sockets...)
	for _, stream := range all {
		frame, err := revokedFrameOf(stream.topic, reason)
		if err != nil {
			return nil, err
		}
		frames[stream.topic] = frame
	}
	posts := make([]outcome, len(all))
	p.each(ctx, len(all), func(ctx context.Context, i int) {
		posts[i] = p.postAll(ctx, all[i].connectionID(), [][]byte{frames[all[i].topic]})
	})
	byTopic := map[Topic][]outcome{}
	for i, stream := range all {
		byTopic[stream.topic] = append(byTopic[stream.topic], posts[i])
	}
	for topic, outcomes := range byTopic {
		p.tally(ctx, topic, outcomes, 1, laneRevocation)
	}
	outcomes := make([]outcome, 0, len(sockets))
	for _, streams := range sockets {
		outcomes, posts = append(outcomes, together(posts[:len(streams)])), posts[len(streams):]
	}
	return outcomes, nil
}

// together is the outcome for a socket to which several frames were posted: gone if
// any post found it gone, failed if any frame is missing.
func together(frames []outcome) outcome {
	switch {
	case slices.Contains(frames, gone):
		return gone
	case slices.Contains(frames, failed), slices.Contains(frames, dropped):
		return failed
	}
	return posted
}

// end deletes subscriptions of one socket, takes their topics off its connection
// and audits the end, all at once, unless another one has taken the place of one:
// then each ends by itself.
func (p *Publisher) end(ctx context.Context, streams ...stream) error {
	topics := table.StringSet{}
	tx := table.NewTx()
	for _, stream := range streams {
		topics = append(topics, stream.topic.String())
		tx.Delete(p.realtime, stream.row.Key, table.If(table.Equals("since", stream.row.Value.Since)))
		p.audit.Add(tx, stream.owner(), actionUnsubscribe, stream.topic.String())
	}
	tx.Update(p.realtime, connectionKey(streams[0].connectionID()), table.Update{
		DeleteFrom: map[string]any{"topics": topics}, If: table.Exists(),
	}, table.Named(opConnection))
	err := tx.Commit(ctx)
	switch {
	case err == nil:
		return nil
	case table.FailedOp(err, opConnection) != nil:
		// Its socket has gone meanwhile, and with it whoever could take its place.
		return atOnce(streams, func(one stream) error {
			if err := p.realtime.Delete(ctx, one.row.Key); err != nil {
				return fmt.Errorf("end subscription: %w", err)
			}
			return p.ended(ctx, one.owner(), one.topic)
		})
	case !errors.Is(err, table.ErrConditionFailed):
		return fmt.Errorf("end subscription: %w", err)
	case len(streams) > 1:
		// One after the other: they share their connection's row.
		var failed error
		for _, stream := range streams {
			failed = errors.Join(failed, p.end(ctx, stream))
		}
		return failed
	}
	return nil // another has taken its place
}

// owner is whose end is audited.
func (s stream) owner() caller.Caller { return caller.Caller{UserID: s.row.Value.UserID} }

// ended audits the end of subscriptions.
func (p *Publisher) ended(ctx context.Context, c caller.Caller, topics ...Topic) error {
	return atOnce(topics, func(topic Topic) error {
		return p.audit.Record(ctx, c, actionUnsubscribe, topic.String(), audit.Done)
	})
}
