package flags

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

const topicPattern realtime.Pattern = "flags"

// Topic is the type of the topic `flags`.
func Topic() realtime.TopicType { return realtime.TopicType{Pattern: topicPattern, State: true} }

// Moved is the data of the topic `flags`: that there is another version. What the
// flags are for somebody, they ask for themselves.
type Moved struct {
	Version int64 `json:"version"`
}

// Source gives the topic `flags`, at the version of all flags.
type Source struct{ data *table.Table }

// NewSource reads the version from the table Data.
func NewSource(data *table.Table) Source { return Source{data: data} }

// Admit implements realtime.Source: whoever is signed in may follow the flags.
func (Source) Admit(context.Context, caller.Caller, realtime.Topic) (string, error) { return "", nil }

// Holds implements realtime.Source: nothing beside the open connection.
func (Source) Holds(*table.Tx, realtime.Topic, string, string) {}

// Head implements realtime.Source.
func (s Source) Head(ctx context.Context, _ realtime.Topic) (int64, string, error) {
	newest, err := readState(ctx, s.data)
	return newest.Version, "", err
}

// Events implements realtime.Source: the newest version alone.
func (s Source) Events(ctx context.Context, _ realtime.Topic, after int64, _ int) ([]realtime.Event, bool, error) {
	newest, err := readState(ctx, s.data)
	if err != nil || newest.Version <= after {
		return nil, false, err
	}
	event, err := newest.event()
	if err != nil {
		return nil, false, err
	}
	return []realtime.Event{event}, false, nil
}

func (s state) event() (realtime.Event, error) {
	data, err := json.Marshal(Moved{Version: s.Version})
	if err != nil {
		return realtime.Event{}, fmt.Errorf("encode version of flags: %w", err)
	}
	return realtime.Event{Position: s.Version, At: s.UpdatedAt, Data: data}, nil
}

// Moved implements realtime.Domain.
func (s *Service) Moved(r table.Record) []realtime.Move {
	if r.Key != stateKey() || r.Event == table.Remove {
		return nil
	}
	return []realtime.Move{{Topic: topicPattern.Topic("")}}
}

// Repeat implements realtime.Domain: nothing follows a change of a flag but the topic.
func (s *Service) Repeat(context.Context, table.Record) error { return nil }

// stateCommit is a committed version for the topic.
func (s *Service) stateCommit(committed state, pace realtime.Pace, own realtime.Event) realtime.Commit {
	return realtime.Commit{
		Topic: topicPattern.Topic(""), Pace: pace, Returned: s.clock.Now(),
		First: committed.Version, Last: committed.Version, Own: []realtime.Event{own}, Events: NewSource(s.data),
	}
}
