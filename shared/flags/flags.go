// Package flags is the feature flags as everybody sees them: one small state,
// read whole. Nothing sets them yet; until then there are none.
package flags

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/realtime"
	"github.com/rapport/rapport/shared/table"
)

// State is all flags at a revision; the zero State is before the first flag.
type State struct {
	Flags     map[string]bool `json:"flags"`
	Revision  int64           `json:"revision"`
	UpdatedAt time.Time       `json:"updatedAt"`
}

// Topic is the type of the topic `flags`.
func Topic() realtime.TopicType { return realtime.TopicType{Pattern: "flags", State: true} }

// Source gives the topic `flags`, at the flags' revision.
type Source struct{ data *table.Table }

// NewSource reads the flags from the table Data.
func NewSource(data *table.Table) Source { return Source{data: data} }

// Admit implements realtime.Source: whoever is signed in may follow the flags.
func (Source) Admit(context.Context, caller.Caller, realtime.Topic) (string, error) { return "", nil }

// Holds implements realtime.Source: nothing beside the open connection.
func (Source) Holds(*table.Tx, realtime.Topic, string, string) {}

// Head implements realtime.Source.
func (s Source) Head(ctx context.Context, _ realtime.Topic) (int64, string, error) {
	state, err := s.read(ctx)
	return state.Revision, "", err
}

// Events implements realtime.Source: the newest state alone.
func (s Source) Events(ctx context.Context, _ realtime.Topic, after int64, _ int) ([]realtime.Event, bool, error) {
	state, err := s.read(ctx)
	if err != nil || state.Revision <= after {
		return nil, false, err
	}
	data, err := json.Marshal(state)
	if err != nil {
		return nil, false, fmt.Errorf("encode flags: %w", err)
	}
	return []realtime.Event{{Position: state.Revision, At: state.UpdatedAt, Data: data}}, false, nil
}

func (s Source) read(ctx context.Context) (State, error) {
	state, err := table.Get[State](ctx, s.data, stateKey())
	if errors.Is(err, table.ErrNotFound) {
		return State{Flags: map[string]bool{}}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read flags: %w", err)
	}
	return state, nil
}
