package logtopic

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// Head implements realtime.Source; there is no hash.
func (t *Topics[E]) Head(ctx context.Context, topic realtime.Topic) (int64, string, error) {
	newest, _, err := t.log.Newest(ctx, topic.String())
	if err != nil {
		return 0, "", fmt.Errorf("head of %s: %w", topic, err)
	}
	return newest, "", nil
}

// Events implements realtime.Source.
func (t *Topics[E]) Events(ctx context.Context, topic realtime.Topic, after int64, limit int) ([]realtime.Event, bool, error) {
	var events []realtime.Event
	more, err := t.each(ctx, topic, after, limit, func(e log.Entry, i int, item E) error {
		one, err := event(e, i, item)
		events = append(events, one)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return events, more, nil
}

// event is the one at an entry's place.
func event[E any](e log.Entry, i int, item E) (realtime.Event, error) {
	position := e.Position + int64(i)
	data, err := json.Marshal(item)
	if err != nil {
		return realtime.Event{}, fmt.Errorf("encode event %d: %w", position, err)
	}
	return realtime.Event{Position: position, At: e.At, Data: data}, nil
}

// Moved implements realtime.Domain: a new entry moves its topic.
func (t *Topics[E]) Moved(r table.Record) []realtime.Move {
	name, ok := log.TopicOf(r)
	topic := realtime.Topic(name)
	if !ok || r.Event != table.Insert || !t.kind.Pattern.Matches(topic) {
		return nil
	}
	return []realtime.Move{{Topic: topic}}
}

// Repeat implements realtime.Domain: an entry ends no streams.
func (t *Topics[E]) Repeat(context.Context, table.Record) error { return nil }
