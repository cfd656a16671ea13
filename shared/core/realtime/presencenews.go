package realtime

import (
	"context"
	"errors"
	"time"

	"github.com/rapport/rapport/shared/core/effect"
)

// PresenceNews sends changes of presence to a topic's subscribers.
type PresenceNews struct {
	Topic Topic
	Here  []Present
	Left  []Departed
	// Look is when it was time to look for who has fallen silent, whom the news then
	// tells of, too; zero where it isn't.
	Look time.Time
}

// When implements effect.Effect: a client gets the answer to its heartbeat before
// others see it, and a later heartbeat brings what this one couldn't.
func (PresenceNews) When() effect.When { return effect.After }

// newsOf is what a heartbeat has changed for others: nothing, mostly; and now and
// then it is time to look who has left.
func newsOf(topic Topic, before, next presenceItem, now time.Time) effect.Effects {
	news := PresenceNews{Topic: topic}
	back := !before.here(now)
	if back || !before.visible(next) {
		news.Here = []Present{next.present()}
	}
	if every := lookEvery.Milliseconds(); back || before.At/every != next.At/every {
		news.Look = now
	}
	if news.Here == nil && news.Look.IsZero() {
		return nil
	}
	return effect.Effects{news}
}

// TellPresence sends news of presence. A failed read of presence doesn't stop it.
func (p *Publisher) TellPresence(ctx context.Context, news PresenceNews) error {
	var unseen error
	if !news.Look.IsZero() {
		var silent []Departed
		silent, unseen = p.sweep(ctx, news.Topic, news.Look)
		news.Left = append(news.Left, silent...)
	}
	return errors.Join(unseen, p.tellPresence(ctx, news.Topic, news.Here, news.Left))
}
