package notes

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

// Source gives the topic `meetings/<id>/notes`: the position is the version.
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

// Head implements realtime.Source; the hash is known where the newest snapshot
// is of the newest version.
func (s Source) Head(ctx context.Context, topic realtime.Topic) (int64, string, error) {
	base, err := s.snapshot(ctx, topic.String())
	if err != nil {
		return 0, "", err
	}
	newest, _, err := s.log.NewestAfter(ctx, topic.String(), base.Base)
	if err != nil {
		return 0, "", err
	}
	if base.Position != newest {
		return newest, "", nil
	}
	return newest, base.Hash, nil
}

// Events implements realtime.Source.
func (s Source) Events(ctx context.Context, topic realtime.Topic, after int64, limit int) ([]realtime.Event, bool, error) {
	return s.events(ctx, topic, after, limit)
}

func (s *Service) events(ctx context.Context, topic realtime.Topic, after int64, limit int) ([]realtime.Event, bool, error) {
	page, err := s.log.Read(ctx, topic.String(), after, limit)
	if err != nil {
		return nil, false, refusal(err)
	}
	events := make([]realtime.Event, len(page.Entries))
	for i, entry := range page.Entries {
		change, err := changeOf(entry)
		if err == nil {
			events[i], err = eventOf(change)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return events, page.More, nil
}

func eventOf(c Change) (realtime.Event, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return realtime.Event{}, fmt.Errorf("encode change %d: %w", c.Version, err)
	}
	return realtime.Event{Position: c.Version, At: c.CreatedAt, Data: data}, nil
}

// Moved implements realtime.Domain: a new change, which a snapshot follows; or a
// new snapshot, of which only the hash is news.
func (s *Service) Moved(r table.Record) []realtime.Move {
	name, changed := log.TopicOf(r)
	changed = changed && r.Event == table.Insert
	if !changed {
		var materialised bool
		if name, materialised = isSnapshot(r); !materialised {
			return nil
		}
	}
	topic := realtime.Topic(name)
	if !TopicPattern.Matches(topic) {
		return nil
	}
	return []realtime.Move{{Topic: topic, Hashed: !changed, HashFollows: changed}}
}

// Repeat implements realtime.Domain; changes end no streams.
func (s *Service) Repeat(context.Context, table.Record) error { return nil }
