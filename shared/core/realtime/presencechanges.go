package realtime

import (
	"context"
	"errors"
	"time"

	"github.com/rapport/rapport/shared/core/effect"
)

// PresenceChanges sends changes of presence to a topic's subscribers.
type PresenceChanges struct {
	Topic Topic
	Here  []Present
	Left  []Departed
	// Look is when it was time to look for who has fallen silent, whom the frame then
	// tells of, too; zero where it isn't.
	Look time.Time
}

// When implements effect.Effect: a client gets the answer to its heartbeat before
// others see it, and a later heartbeat brings what this one couldn't.
func (PresenceChanges) When() effect.When { return effect.After }

// changesOf is what a heartbeat has changed for others: nothing, mostly; and now and
// then it is time to look who has left.
func changesOf(topic Topic, before, next presenceItem, now time.Time) effect.Effects {
	changes := PresenceChanges{Topic: topic}
	back := !before.here(now)
	if back || !before.visible(next) {
		changes.Here = []Present{next.present()}
	}
	if every := lookEvery.Milliseconds(); back || before.At/every != next.At/every {
		changes.Look = now
	}
	if changes.Here == nil && changes.Look.IsZero() {
		return nil
	}
	return effect.Effects{changes}
}

// SendPresence sends changes of presence. A failed read of presence doesn't stop it.
func (p *Publisher) SendPresence(ctx context.Context, changes PresenceChanges) error {
	var unseen error
	if !changes.Look.IsZero() {
		var silent []Departed
		silent, unseen = p.sweep(ctx, changes.Topic, changes.Look)
		changes.Left = append(changes.Left, silent...)
	}
	return errors.Join(unseen, p.postPresence(ctx, changes.Topic, changes.Here, changes.Left))
}
