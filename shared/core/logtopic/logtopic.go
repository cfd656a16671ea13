// Package logtopic is topics that are logs: what is appended to them gets a
// position, is posted to whoever follows the topic, and can be read again from any
// position that is kept. Notes, transcripts, chat and a person's own topic differ in
// what an entry is, in who may follow and append, and in how large entries may be;
// all else is here, on package log and the two lanes of package realtime.
//
// A domain declares a Kind, which is a pattern, a layout and how an entry is read,
// and says who is admitted. It checks the right to append and makes the entry in the
// Permit and Prepare of its appends, so it bounds sizes there. A topic that ends with
// a meeting is closed by its log, and takes no more.
package logtopic

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// Kind is what a domain says of its log topics. An E is what stands at one position,
// as it is listed and, encoded as JSON, posted.
type Kind[E any] struct {
	Pattern realtime.Pattern
	// Layout is how the topics lie in the log.
	Layout log.Layout
	// Decode reads an entry: one E for each position that it takes, in their order.
	Decode func(log.Entry) ([]E, error)
	// Refusals says in the domain's words why something can't be had.
	Refusals Refusals
}

// Type is the type of the topics, for their registration.
func (k Kind[E]) Type() realtime.TopicType { return realtime.TopicType{Pattern: k.Pattern} }

// Log is the log in which the topics lie, over the table Log.
func (k Kind[E]) Log(t *table.Table, c clock.Clock) *log.Log { return log.New(t, c, k.Layout) }

// Admission says who may follow a topic: realtime.Source has the same methods.
type Admission interface {
	Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (role string, err error)
	Holds(tx *table.Tx, topic realtime.Topic, userID, role string)
}

// Topics are the topics of a kind: a realtime.Source of their events, and the
// realtime.Domain that moves them. It is safe for concurrent use.
type Topics[E any] struct {
	Admission
	kind  Kind[E]
	log   *log.Log
	clock clock.Clock
}

// New makes the topics of a kind; l is its log.
func New[E any](kind Kind[E], l *log.Log, c clock.Clock, a Admission) *Topics[E] {
	return &Topics[E]{Admission: a, kind: kind, log: l, clock: c}
}

// Topic is the kind's topic of a resource.
func (t *Topics[E]) Topic(resourceID string) realtime.Topic { return t.kind.Pattern.Topic(resourceID) }

// Epoch is what the positions belong to.
func (t *Topics[E]) Epoch() epoch.Epoch { return t.log.Epoch() }

// decode reads an entry, and holds it to have as many items as positions.
func (t *Topics[E]) decode(e log.Entry) ([]E, error) {
	items, err := t.kind.Decode(e)
	if err != nil {
		return nil, fmt.Errorf("read entry %d: %w", e.Position, err)
	}
	if len(items) != max(e.Count, 1) {
		return nil, fmt.Errorf("the entry at %d has %d items for %d positions", e.Position, len(items), max(e.Count, 1))
	}
	return items, nil
}
