package logtopic

import (
	"context"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
)

// Appended is a successful append.
type Appended[E any] struct {
	// First and Last are the positions that it has taken, Items what stands at each.
	First, Last int64
	Items       []E
}

// Append puts an entry at the end of a topic: log.Log.Append, which says what it
// costs. The draft that Prepare makes leaves its pace to this method. It gives the
// commit that is to be sent, and none where the same append had been committed
// before.
//
// HISTORY_GONE for a base that isn't kept, MEETING_NOT_ACTIVE for a topic that is
// closed, CONFLICT for an identity that was used for something else, RATE_LIMITED
// when the race was lost too often. Nothing is committed by any of them, nor by the
// errors of Permit and Prepare. A base beyond the newest entry is a *log.BeyondError,
// for the domain to say where in its request that stands.
func (t *Topics[E]) Append(ctx context.Context, topic realtime.Topic, a log.Append) (Appended[E], effect.Effects, error) {
	var pace realtime.Pace
	prepare := a.Prepare
	a.Topic = topic.String()
	a.Prepare = func(prev log.Entry, since []log.Entry) (log.Draft, error) {
		draft, err := prepare(prev, since)
		if err != nil {
			return log.Draft{}, err
		}
		before := realtime.Pace{Due: prev.Due, Tat: prev.Tat, Group: prev.Group, Span: int64(prev.Count)}
		pace = before.Next(prev.Last()+1, t.clock.Now())
		draft.Due, draft.Tat, draft.Group = pace.Due, pace.Tat, pace.Group
		return draft, nil
	}
	committed, err := t.log.Append(ctx, a)
	if err != nil {
		return Appended[E]{}, nil, t.kind.Refusals.of(err)
	}
	returned, entry := t.clock.Now(), committed.Entry
	items, err := t.decode(entry)
	if err != nil {
		return Appended[E]{}, nil, err
	}
	appended := Appended[E]{First: entry.Position, Last: entry.Last(), Items: items}
	if committed.Repeated {
		return appended, nil, nil
	}
	own := make([]realtime.Event, len(items))
	for i, item := range items {
		if own[i], err = event(entry, i, item); err != nil {
			return Appended[E]{}, nil, err
		}
	}
	return appended, effect.Effects{realtime.Commit{
		Topic: topic, Pace: pace, Returned: returned, First: appended.First, Last: appended.Last, Own: own, Events: t,
	}}, nil
}
