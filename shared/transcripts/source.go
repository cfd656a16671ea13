package transcripts

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/meetings"
)

// Source gives the topic `meetings/<id>/transcript`: an event for every chunk,
// at its position.
type Source struct{ *Service }

// Admit implements realtime.Source.
func (s Source) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	return s.meetings.AdmitOpen(ctx, c, topic)
}

// Holds implements realtime.Source.
func (s Source) Holds(tx *table.Tx, topic realtime.Topic, userID, role string) {
	s.meetings.Holds(tx, topic.ID(), userID, meetings.Role(role))
	s.meetings.HoldsOpen(tx, topic.ID())
}

// Head implements realtime.Source; a transcript has no hash.
func (s Source) Head(ctx context.Context, topic realtime.Topic) (int64, string, error) {
	newest, _, err := s.log.Newest(ctx, topic.String())
	return newest, "", err
}

// Events implements realtime.Source.
func (s Source) Events(ctx context.Context, topic realtime.Topic, after int64, limit int) ([]realtime.Event, bool, error) {
	return s.events(ctx, topic, after, limit)
}

func (s *Service) events(ctx context.Context, topic realtime.Topic, after int64, limit int) ([]realtime.Event, bool, error) {
	chunks, more, err := s.read(ctx, topic.String(), after, limit)
	if err != nil {
		return nil, false, err
	}
	events, err := eventsFor(chunks)
	return events, more, err
}

// eventsOf are the events of an entry.
func eventsOf(e log.Entry) ([]realtime.Event, error) {
	chunks, err := chunksOf(e)
	if err != nil {
		return nil, err
	}
	return eventsFor(chunks)
}

func eventsFor(chunks []Chunk) ([]realtime.Event, error) {
	events := make([]realtime.Event, len(chunks))
	for i, c := range chunks {
		data, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encode chunk %d: %w", c.Position, err)
		}
		events[i] = realtime.Event{Position: c.Position, At: c.CreatedAt, Data: data}
	}
	return events, nil
}

// Moved implements realtime.Domain: new chunks.
func (s *Service) Moved(r table.Record) []realtime.Move {
	name, entry := log.TopicOf(r)
	if !entry || r.Event != table.Insert {
		return nil
	}
	topic := realtime.Topic(name)
	if !TopicPattern.Matches(topic) {
		return nil
	}
	return []realtime.Move{{Topic: topic}}
}

// Repeat implements realtime.Domain; chunks end no streams.
func (s *Service) Repeat(context.Context, table.Record) error { return nil }
