package realtime

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// headPause is the least time between two heads of one topic: with the express
	// lane's frames, at most 50 in five seconds.
	headPause = 2500 * time.Millisecond
	// parallelHeads bounds the topics of one batch whose heads are sent at once: few,
	// because a head has time, and others need the machine.
	parallelHeads = 4
)

// Move says that a topic has moved on.
type Move struct {
	Topic Topic
	// Hashed is true where only a head with a hash says anything new.
	Hashed bool
	// HashFollows is true where a record with the hash is to come: the head may
	// wait for it, so that subscribers get one frame.
	HashFollows bool
}

// Domain is what the durable lane needs of a domain whose records it reads.
type Domain interface {
	// Moved gives the topics that a record has moved on.
	Moved(r table.Record) []Move
	// Repeat ends the subscriptions that a record's function was to end, because
	// that function may have crashed before. Late or repeated calls do no harm.
	Repeat(ctx context.Context, r table.Record) error
}

// Durable is the lane that repairs the express lane: it reads the tables' streams.
// A record that fails again and again ends in a dead-letter queue; the topic's
// next record brings its subscribers the same position or a newer one.
type Durable struct {
	publisher *Publisher
	topics    *Registry
	domains   []Domain
	clock     clock.Clock
	heads     *heads
}

// NewDurable makes the lane.
func NewDurable(publisher *Publisher, topics *Registry, c clock.Clock, domains ...Domain) *Durable {
	return &Durable{publisher: publisher, topics: topics, domains: domains, clock: c, heads: newHeads()}
}

// Fanout handles a batch of records: revocations are repeated first, then every
// topic that moved gets one head. It gives what failed, by record id.
func (d *Durable) Fanout(ctx context.Context, records []table.Record) map[string]error {
	failed := map[string]error{}
	for _, record := range records {
		for _, domain := range d.domains {
			if err := domain.Repeat(ctx, record); err != nil {
				failed[record.ID] = fmt.Errorf("repeat %s: %w", record.Key, err)
			}
		}
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelHeads)
	for topic, due := range d.dueHeads(records) {
		group.Go(func() error {
			err := d.head(ctx, topic, due)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range due.ids {
				if err != nil {
					failed[id] = fmt.Errorf("head of %s: %w", topic, err)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in the map
	return failed
}

// dueHead is why a topic's head is to be sent.
type dueHead struct {
	// ids are the records behind it.
	ids []string
	// hashed is true where only a head with a hash says anything new.
	hashed bool
	// overdue is true where the head has waited here for a record with the hash.
	overdue bool
}

// dueHeads gives the topics whose heads are due: those that records have moved, unless
// a later record will bring the hash, and those that have waited too long for that
// record, or whose last head didn't reach every subscriber.
func (d *Durable) dueHeads(records []table.Record) map[Topic]dueHead {
	now := d.clock.Now()
	due := map[Topic]dueHead{}
	for _, record := range records {
		for _, domain := range d.domains {
			for _, move := range domain.Moved(record) {
				if move.HashFollows && d.heads.waits(move.Topic, now) {
					continue
				}
				n, known := due[move.Topic]
				due[move.Topic] = dueHead{ids: append(n.ids, record.ID), hashed: move.Hashed && (n.hashed || !known)}
			}
		}
	}
	for topic, owed := range d.heads.overdue(now) {
		n, known := due[topic]
		due[topic] = dueHead{ids: n.ids, overdue: !known && owed.misses == 0}
	}
	return due
}

// head sends a topic's newest position to its subscribers, not too often.
func (d *Durable) head(ctx context.Context, topic Topic, why dueHead) error {
	_, registered, err := d.topics.find(string(topic))
	if err != nil {
		return err
	}
	source := registered.Source
	position, hash, err := source.Head(ctx, topic)
	if err != nil {
		return err
	}
	if why.hashed && hash == "" {
		// The topic has moved on since, and has other heads.
		return nil
	}
	if why.overdue && hash != "" {
		// The snapshot's record belongs to another shard, so another instance may
		// have read it, and sent the head.
		d.heads.sent(topic)
		return nil
	}
	if wait := d.heads.pause(topic, d.clock.Now()); wait > 0 {
		if err := d.clock.Sleep(ctx, wait); err != nil {
			return err
		}
		if position, hash, err = source.Head(ctx, topic); err != nil {
			return err
		}
	}
	all, err := d.publisher.Head(ctx, topic, position, hash)
	switch {
	case err != nil:
		return err
	case all:
		d.heads.sent(topic)
	default:
		// The topic may stay quiet, and then no other head comes.
		d.heads.missed(topic, d.clock.Now())
	}
	return nil
}
