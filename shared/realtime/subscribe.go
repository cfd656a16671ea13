package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/table"
)

const (
	// maxReplay is the most events that follow one `subscribed`; a head ends a
	// longer replay.
	maxReplay = 1000
	// replayPage is how many events are read at once.
	replayPage = 200
)

// SubscribeRequest asks for a topic's events.
type SubscribeRequest struct {
	Topic string `json:"topic" minLength:"1" maxLength:"300"`
	From  *int64 `json:"from,omitzero" minimum:"0" doc:"Every event after this position follows; without it, from now on."`
}

// Subscribed says that events follow.
type Subscribed struct {
	Topic    string `json:"topic"`
	Position int64  `json:"position" doc:"The newest position at that moment."`
	replay   func(context.Context)
}

// Follow sends what the subscriber has missed.
func (s Subscribed) Follow(ctx context.Context) { s.replay(ctx) }

// Subscribe makes the caller's socket follow a topic. The subscription stands
// before the log is read, so whatever is committed afterwards is posted, and
// whatever was committed before is replayed.
func (s *Service) Subscribe(ctx context.Context, c caller.Caller, in SubscribeRequest) (Subscribed, error) {
	topic, err := ParseTopic(in.Topic)
	if err != nil {
		return Subscribed{}, err
	}
	source := s.sources[topic.Kind]
	role, err := source.Admit(ctx, c, topic)
	if err != nil {
		return Subscribed{}, err
	}
	if in.From != nil {
		// Nothing is half done for a position that can't be: look before the row
		// is written. The newest only grows, so what passes here still holds below.
		if newest, _, err := source.Head(ctx, topic); err != nil {
			return Subscribed{}, err
		} else if *in.From > newest {
			return Subscribed{}, errs.Invalid("body.from", "is beyond the newest position, %d", newest)
		}
		if _, _, err := source.Events(ctx, topic, *in.From, 1); err != nil {
			return Subscribed{}, err
		}
	}
	if err := s.write(ctx, c, topic, source, role); err != nil {
		return Subscribed{}, err
	}
	newest, _, err := source.Head(ctx, topic)
	if err != nil {
		return Subscribed{}, err
	}
	from := newest
	switch {
	case topic.Kind.isState():
		from = -1 // the state is always sent once
	case in.From != nil:
		from = *in.From
	}
	return Subscribed{Topic: in.Topic, Position: newest, replay: func(ctx context.Context) {
		err := s.replay(ctx, c, topic, source, from)
		if errors.Is(err, errEnded) {
			err = s.tellEnded(ctx, c, topic, source)
		}
		if err != nil {
			s.log.WarnContext(ctx, "replay", "topic", in.Topic, "error", err.Error())
		}
		if topic.Kind != State {
			return
		}
		if err := s.streams.showPresence(ctx, c, topic); err != nil {
			s.log.WarnContext(ctx, "show presence", "topic", in.Topic, "error", err.Error())
		}
	}}, nil
}

// write makes the subscription in one transaction with what permits it.
func (s *Service) write(ctx context.Context, c caller.Caller, topic Topic, source Source, role string) error {
	now := s.clock.Now()
	name := topic.String()
	tx := table.NewTx()
	source.Holds(tx, topic, c.UserID, role)
	tx.Update(s.realtime, connectionKey(c.ConnectionID), table.Update{
		Add: map[string]any{"topics": table.StringSet{name}},
		If: table.And(
			table.Exists(), table.AttributeAbsent("closed"),
			table.Or(table.AttributeAbsent("topics"), table.SizeLess("topics", MaxTopics), table.Contains("topics", name)),
		),
	}, table.Named(opConnection))
	tx.Put(s.realtime, subscriptionKey(topic, c.ConnectionID), subscription{UserID: c.UserID, Role: role, Since: now},
		table.Expires(s.connections.expires(now)))
	s.audit.Add(tx, c, actionSubscribe, name)
	err := tx.Commit(ctx)
	switch failed := table.FailedOp(err, opConnection); {
	case err == nil:
		return nil
	case table.FailedOp(err, OpParticipant) != nil:
		return errs.New(errs.Forbidden, "You may not follow this topic any more.")
	case table.FailedOp(err, OpMeeting) != nil:
		return errs.New(errs.MeetingNotActive, "The meeting has ended: only its state can be followed.")
	case failed != nil:
		var connection connectionItem
		if failed.Decode(&connection) != nil || connection.Closed {
			return errs.New(errs.Unauthorized, "This connection is over. Please connect anew.")
		}
		limited := errs.New(errs.RateLimited, "A connection follows at most %d topics.", MaxTopics)
		limited.RetryAfter = time.Second
		return limited
	case errors.Is(err, table.ErrTransactionConflict), errors.Is(err, table.ErrOverloaded):
		return busy()
	default:
		return fmt.Errorf("subscribe %s: %w", topic, err)
	}
}

// errEnded says that a subscription has ended since it was made.
var errEnded = errors.New("the subscription has ended")

// replay posts to one socket what follows a position. Every page is read first,
// then the subscription, then posted: a removed subscriber gets nothing newer.
// errEnded where the subscription doesn't stand any more.
func (s *Service) replay(ctx context.Context, c caller.Caller, topic Topic, source Source, from int64) error {
	for sent := 0; ; {
		events, more, err := source.Events(ctx, topic, from, replayPage)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return s.standing(ctx, c, topic)
		}
		frames, err := eventFrames(topic, events)
		if err != nil {
			return err
		}
		from = events[len(events)-1].Position
		sent += len(events)
		if more && sent >= maxReplay {
			newest, _, err := source.Head(ctx, topic)
			if err != nil {
				return err
			}
			head, err := json.Marshal(headFrame{Type: "head", Topic: topic.String(), Position: newest})
			if err != nil {
				return err
			}
			frames, more = append(frames, head), false
		}
		if err := s.standing(ctx, c, topic); err != nil {
			return err
		}
		s.streams.post(ctx, topic, []string{c.ConnectionID}, frames, laneReplay)
		if !more {
			return nil
		}
	}
}

// standing gives errEnded where the caller's subscription doesn't stand.
func (s *Service) standing(ctx context.Context, c caller.Caller, topic Topic) error {
	row, err := table.Get[subscription](ctx, s.realtime, subscriptionKey(topic, c.ConnectionID))
	if errors.Is(err, table.ErrNotFound) || row.Ended {
		return errEnded
	}
	if err != nil {
		return fmt.Errorf("read subscription: %w", err)
	}
	return nil
}

// tellEnded says again that a subscription has ended. Whoever ended it may have
// said so before the answer to the subscribe, after which the client would
// believe that it follows the topic. A socket that can't be told is closed.
func (s *Service) tellEnded(ctx context.Context, c caller.Caller, topic Topic, source Source) error {
	reason := RoleChanged
	switch _, err := source.Admit(ctx, c, topic); errs.KindOf(err) {
	case "":
	case errs.Forbidden:
		reason = Removed
	case errs.MeetingNotActive:
		reason = MeetingEnded
	default:
		return err
	}
	frame, err := json.Marshal(revokedFrame{Type: "revoked", Topic: topic.String(), Reason: reason})
	if err != nil {
		return err
	}
	told := s.streams.post(ctx, topic, []string{c.ConnectionID}, [][]byte{frame}, laneRevocation)
	if told[0] == failed || told[0] == dropped {
		return s.streams.giveUp(ctx, topic, c.ConnectionID)
	}
	return nil
}

// UnsubscribeRequest ends a subscription.
type UnsubscribeRequest struct {
	Topic string `json:"topic" minLength:"1" maxLength:"300"`
}

// Unsubscribed says that no events follow.
type Unsubscribed struct {
	Topic string `json:"topic"`
}

// Unsubscribe ends a subscription of the caller's socket; one that isn't there
// is no error.
func (s *Service) Unsubscribe(ctx context.Context, c caller.Caller, in UnsubscribeRequest) (Unsubscribed, error) {
	topic, err := ParseTopic(in.Topic)
	if err != nil {
		return Unsubscribed{}, err
	}
	key := subscriptionKey(topic, c.ConnectionID)
	row, err := table.Get[subscription](ctx, s.realtime, key)
	if errors.Is(err, table.ErrNotFound) {
		return Unsubscribed{Topic: in.Topic}, nil
	}
	if err != nil {
		return Unsubscribed{}, fmt.Errorf("unsubscribe %s: %w", topic, err)
	}
	if err := s.streams.end(ctx, topic, table.Row[subscription]{Key: key, Value: row}); err != nil {
		return Unsubscribed{}, err
	}
	return Unsubscribed{Topic: in.Topic}, nil
}
