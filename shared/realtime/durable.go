package realtime

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/table"
)

const (
	// headPause is the least time between two heads of one topic: with the express
	// lane's frames, at most 50 in five seconds.
	headPause = 2500 * time.Millisecond
	// parallelHeads bounds the topics that one batch tells at once.
	parallelHeads = 16
	// remembered bounds the topics whose last head is remembered.
	remembered = 10_000
)

// Move says that a topic has moved on.
type Move struct {
	Topic Topic
	// Hashed is true where only a head with a hash is news.
	Hashed bool
}

// Domain is what the durable lane asks of those whose tables it reads.
type Domain interface {
	// Moved gives the topics that a record has moved on.
	Moved(r table.Record) []Move
	// Repeat does again what the function behind a record may have died before:
	// ending streams. It must do no harm when it comes late or twice.
	Repeat(ctx context.Context, r table.Record) error
}

// Durable is the lane that repairs the other one: it reads the tables' streams.
// A record that fails again and again ends in a dead-letter queue; the topic's
// next record tells its subscribers the same and more.
type Durable struct {
	streams *Streams
	sources map[Kind]Source
	domains []Domain
	clock   clock.Clock

	mu   sync.Mutex
	last map[Topic]time.Time
}

// NewDurable makes the lane.
func NewDurable(streams *Streams, sources map[Kind]Source, c clock.Clock, domains ...Domain) *Durable {
	return &Durable{streams: streams, sources: sources, domains: domains, clock: c, last: map[Topic]time.Time{}}
}

// Fanout handles a batch of records: revocations are repeated first, then every
// topic that moved is told its head once. It gives what failed, by record id.
func (d *Durable) Fanout(ctx context.Context, records []table.Record) map[string]error {
	failed := map[string]error{}
	moved := map[Move][]string{}
	for _, record := range records {
		for _, domain := range d.domains {
			if err := domain.Repeat(ctx, record); err != nil {
				failed[record.ID] = fmt.Errorf("repeat %s: %w", record.Key, err)
			}
			for _, move := range domain.Moved(record) {
				moved[move] = append(moved[move], record.ID)
			}
		}
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelHeads)
	for move, ids := range moved {
		group.Go(func() error {
			err := d.head(ctx, move)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				if err != nil {
					failed[id] = fmt.Errorf("head of %s: %w", move.Topic, err)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in the map
	return failed
}

// head tells a topic's subscribers its newest position, not too often.
func (d *Durable) head(ctx context.Context, move Move) error {
	topic := move.Topic
	watched, err := d.streams.Watched(ctx, topic)
	if err != nil || !watched {
		return err
	}
	if move.Hashed {
		// A topic that has moved on since has other heads.
		if _, hash, err := d.sources[topic.Kind].Head(ctx, topic); err != nil || hash == "" {
			return err
		}
	}
	if err := d.clock.Sleep(ctx, d.pause(topic)); err != nil {
		return err
	}
	position, hash, err := d.sources[topic.Kind].Head(ctx, topic)
	if err != nil {
		return err
	}
	return d.streams.Head(ctx, topic, position, hash)
}

// pause is how long a head has to wait, and notes that it will be sent then.
func (d *Durable) pause(topic Topic) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	if len(d.last) > remembered {
		clear(d.last)
	}
	wait := max(0, d.last[topic].Add(headPause).Sub(now))
	d.last[topic] = now.Add(wait)
	return wait
}
