package users

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// perBucket is how many positions of a user's log lie in a bucket.
const perBucket = 4096

// StreamLayout is how users' own topics lie in the log.
func StreamLayout() log.Layout { return log.ByCount(perBucket) }

// Topic is the type of the topics `users/<id>`.
func Topic() realtime.TopicType { return realtime.TopicType{Pattern: "users/{id}"} }

// Source gives the topic `users/<id>`: the log of what concerns one user alone.
// An entry's data is the event's.
type Source struct{ log *log.Log }

// NewSource reads from a log of StreamLayout.
func NewSource(l *log.Log) Source { return Source{log: l} }

// Admit implements realtime.Source: nobody but the user.
func (Source) Admit(_ context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	if topic.ID() != c.UserID {
		return "", errs.New(errs.Forbidden, "This topic is another user's own.")
	}
	return "", nil
}

// Holds implements realtime.Source: nothing beside the open connection.
func (Source) Holds(*table.Tx, realtime.Topic, string, string) {}

// Head implements realtime.Source.
func (s Source) Head(ctx context.Context, topic realtime.Topic) (int64, string, error) {
	newest, _, err := s.log.Newest(ctx, topic.String())
	if err != nil {
		return 0, "", fmt.Errorf("head of %s: %w", topic, err)
	}
	return newest, "", nil
}

// Events implements realtime.Source.
func (s Source) Events(ctx context.Context, topic realtime.Topic, after int64, limit int) ([]realtime.Event, bool, error) {
	page, err := s.log.Read(ctx, topic.String(), after, limit)
	if err != nil {
		return nil, false, fmt.Errorf("events of %s: %w", topic, err)
	}
	events := make([]realtime.Event, len(page.Entries))
	for i, entry := range page.Entries {
		events[i] = realtime.Event{Position: entry.Position, At: entry.At, Data: jsontext.Value(entry.Data)}
	}
	return events, page.More, nil
}
