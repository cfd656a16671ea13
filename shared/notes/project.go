package notes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// parallelSnapshots bounds the texts that one batch materialises at once.
const parallelSnapshots = 2

// moved is a text of which a batch of records tells.
type moved struct {
	ids    []string
	newest int64
}

// Snapshots is the handler that materialises texts. It does no harm when it sees a
// record again: a snapshot is only replaced by one of a later version.
type Snapshots struct{ *Service }

// Name implements projection.Handler.
func (Snapshots) Name() string { return "notes/snapshots" }

// Handles implements projection.Handler: the changes of notes, and their ends.
func (Snapshots) Handles(r table.Record) bool {
	topic, ok := log.TopicOf(r)
	return ok && r.Event == table.Insert && TopicPattern.Matches(realtime.Topic(topic))
}

// Handle implements projection.Handler.
func (s Snapshots) Handle(ctx context.Context, records []table.Record) map[string]error {
	return s.Project(ctx, records)
}

// Project materialises the texts that a batch of records has moved, once each:
// when two seconds have passed since the last change, or every 256 versions, or
// every minute. A record only says which text moved; the log says how, so
// records may come late, twice or out of order. It gives what failed, by record
// id.
func (s *Service) Project(ctx context.Context, records []table.Record) map[string]error {
	topics, last := movedBy(records)
	failed := map[string]error{}
	if len(topics) == 0 {
		return failed
	}
	waiting := s.clock.Sleep(ctx, min(quietPeriod, last.Add(quietPeriod).Sub(s.clock.Now())))
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelSnapshots)
	for topic, text := range topics {
		group.Go(func() error {
			err := waiting
			if err == nil {
				err = s.materialise(ctx, topic, text.newest)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range text.ids {
				if err != nil {
					failed[id] = fmt.Errorf("snapshot of %s: %w", topic, err)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in the map
	return failed
}

// movedBy gives the texts that records tell of, and the time of the last change.
func movedBy(records []table.Record) (topics map[string]*moved, last time.Time) {
	topics = map[string]*moved{}
	for _, record := range records {
		topic, ok := log.TopicOf(record)
		if !ok || !TopicPattern.Matches(realtime.Topic(topic)) {
			continue
		}
		text := topics[topic]
		if text == nil {
			text = &moved{}
			topics[topic] = text
		}
		text.ids = append(text.ids, record.ID)
		text.newest = max(text.newest, log.PositionOf(record))
		if record.At.After(last) {
			last = record.At
		}
	}
	return topics, last
}
