package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// maxReplay is the most events that follow one `subscribed`; a head ends a
	// longer replay.
	maxReplay = 1000
	// replayPage is how many events are read at once.
	replayPage = 200
	// admissions is how often a subscriber is let in whose role changes meanwhile.
	admissions = 4
	// beforeState is what a state is read from: it is always sent once.
	beforeState = -1
)

// SubscribeRequest asks for a topic's events.
type SubscribeRequest struct {
	Topic string `json:"topic" minLength:"1" maxLength:"300"`
	From  *int64 `json:"from,omitzero" minimum:"0" doc:"Every event after this position follows; without it, from now on."`
	Epoch string `json:"epoch,omitzero" minLength:"1" maxLength:"32" doc:"The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one."`
}

// Subscribed says that events follow.
type Subscribed struct {
	Topic    string      `json:"topic"`
	Epoch    epoch.Epoch `json:"epoch,omitzero" doc:"What positions belong to."`
	Position int64       `json:"position" doc:"The newest position at that moment."`
}

// Subscribe makes the caller's socket follow a topic. The subscription stands
// before the log is read, so whatever is committed afterwards is posted, and
// whatever was committed before is replayed.
func (s *Service) Subscribe(ctx context.Context, c caller.Caller, in SubscribeRequest) (Subscribed, effect.Effects, error) {
	topic, registered, err := s.topics.find(in.Topic)
	if err != nil {
		return Subscribed{}, nil, err
	}
	source := registered.Source
	if err := s.admit(ctx, c, topic, source, in); err != nil {
		return Subscribed{}, nil, err
	}
	// The subscription was written on the condition that the socket stands.
	c.Unconfirmed = false
	from := in.From
	if registered.State {
		from = new(int64(beforeState))
	}
	first, newest, err := beginning(ctx, topic, source, from)
	if err != nil {
		return Subscribed{}, nil, err
	}
	replay := Replay{Caller: c, Topic: topic, Source: source, Presence: registered.Presence != nil, first: first}
	return Subscribed{Topic: in.Topic, Epoch: s.streams.epoch, Position: newest}, effect.Effects{replay}, nil
}

// Replay sends a new subscriber what they have missed of a topic, and then who is
// present in it.
type Replay struct {
	// Caller is the subscriber, at their socket.
	Caller caller.Caller
	Topic  Topic
	Source Source
	// Presence is true where clients can be present in the topic.
	Presence bool
	// first is what was read for the answer.
	first missed
}

// When implements effect.Effect: events follow `subscribed`.
func (Replay) When() effect.When { return effect.After }

// Replay sends a replay.
func (p *Publisher) Replay(ctx context.Context, r Replay) error {
	err := p.replay(ctx, r.Caller, r.Topic, r.Source, r.first)
	if errors.Is(err, errEnded) {
		err = p.tellEnded(ctx, r.Caller, r.Topic, r.Source)
	}
	if err != nil {
		err = fmt.Errorf("replay %s: %w", r.Topic, err)
	}
	if !r.Presence {
		return err
	}
	return errors.Join(err, p.showPresence(ctx, r.Caller, r.Topic))
}

// admit writes the subscription, if the caller may have it. Who has another role by
// then than a moment before is asked for anew: that is no reason to refuse.
func (s *Service) admit(ctx context.Context, c caller.Caller, topic Topic, source Source, in SubscribeRequest) error {
	for try := range admissions {
		role, err := source.Admit(ctx, c, topic)
		if err != nil {
			return err
		}
		if try == 0 {
			if err := s.possible(ctx, topic, source, in); err != nil {
				return err
			}
		}
		if err := s.write(ctx, c, topic, source, role); !errors.Is(err, errOtherRole) {
			return err
		}
	}
	return busy()
}

// errOtherRole says that a participant's role isn't, any more, the one that they
// were admitted with.
var errOtherRole = errors.New("the participant has another role, or none")

// possible refuses a position that can't be, or is of another epoch. Nothing is half done for it: this is
// looked at before the subscription is written. The newest position only grows,
// so what passes here still holds then.
func (s *Service) possible(ctx context.Context, topic Topic, source Source, in SubscribeRequest) error {
	if in.From == nil {
		return nil
	}
	if err := s.streams.epoch.Check(in.Epoch); err != nil {
		return err
	}
	if *in.From == 0 {
		// No topic ends before its beginning; it may have been trimmed.
		_, _, err := source.Events(ctx, topic, 0, 1)
		return err
	}
	newest, _, err := source.Head(ctx, topic)
	switch {
	case err != nil:
		return err
	case *in.From > newest:
		return errs.Invalid("body.from", "is beyond the newest position, %d", newest)
	case *in.From == newest:
		return nil
	}
	_, _, err = source.Events(ctx, topic, *in.From, 1)
	return err
}

// missed is a page of what a subscriber has missed.
type missed struct {
	events []Event
	// more is true where others may follow.
	more bool
}

// beginning reads, once the subscription stands, the first page of what its
// subscriber has missed and the newest position. Without a position nothing was
// missed: what is committed from now on is posted.
func beginning(ctx context.Context, topic Topic, source Source, from *int64) (first missed, newest int64, err error) {
	if from != nil {
		if first.events, first.more, err = source.Events(ctx, topic, *from, replayPage); err != nil {
			return missed{}, 0, err
		}
		newest = *from
		if n := len(first.events); n > 0 {
			newest = first.events[n-1].Position
		}
	}
	if from == nil || first.more || newest < 0 {
		newest, _, err = source.Head(ctx, topic)
	}
	return first, newest, err
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
	s.audit.Add(tx, c, ActionSubscribe, name)
	err := tx.Commit(ctx)
	switch failed := table.FailedOp(err, opConnection); {
	case err == nil:
		return nil
	case table.FailedOp(err, OpParticipant) != nil:
		return errOtherRole
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
	case passes(err):
		return busy()
	default:
		return fmt.Errorf("subscribe %s: %w", topic, err)
	}
}

// errEnded says that a subscription has ended since it was made.
var errEnded = errors.New("the subscription has ended")

// replay posts to one socket what it has missed, from a first page on. Every page
// is read first, then the subscription, then posted: a removed subscriber gets
// nothing newer. errEnded where the subscription doesn't stand any more.
func (p *Publisher) replay(ctx context.Context, c caller.Caller, topic Topic, source Source, page missed) error {
	for sent := 0; ; {
		if len(page.events) == 0 {
			return p.current(ctx, c, topic)
		}
		frames, err := eventFrames(topic, p.epoch, page.events)
		if err != nil {
			return err
		}
		from := page.events[len(page.events)-1].Position
		sent += len(page.events)
		if page.more && sent >= maxReplay {
			newest, _, err := source.Head(ctx, topic)
			if err != nil {
				return err
			}
			head, err := p.headFrame(topic, newest, "")
			if err != nil {
				return err
			}
			frames, page.more = append(frames, head), false
		}
		if err := p.current(ctx, c, topic); err != nil {
			return err
		}
		p.post(ctx, topic, []string{c.ConnectionID}, frames, laneReplay)
		if !page.more {
			return nil
		}
		if page.events, page.more, err = source.Events(ctx, topic, from, replayPage); err != nil {
			return err
		}
	}
}

// current gives errEnded where the caller's subscription doesn't stand.
func (p *Publisher) current(ctx context.Context, c caller.Caller, topic Topic) error {
	row, err := table.Get[subscription](ctx, p.realtime, subscriptionKey(topic, c.ConnectionID))
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
func (p *Publisher) tellEnded(ctx context.Context, c caller.Caller, topic Topic, source Source) error {
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
	frame, err := revokedFrameOf(topic, reason)
	if err != nil {
		return err
	}
	told := p.post(ctx, topic, []string{c.ConnectionID}, [][]byte{frame}, laneRevocation)
	if told[0] == failed || told[0] == dropped {
		return p.giveUp(ctx, c.ConnectionID, topic)
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
func (s *Service) Unsubscribe(ctx context.Context, c caller.Caller, in UnsubscribeRequest) (Unsubscribed, effect.Effects, error) {
	topic, _, err := s.topics.find(in.Topic)
	if err != nil {
		return Unsubscribed{}, nil, err
	}
	key := subscriptionKey(topic, c.ConnectionID)
	row, err := table.Get[subscription](ctx, s.realtime, key)
	if errors.Is(err, table.ErrNotFound) {
		return Unsubscribed{Topic: in.Topic}, nil, nil
	}
	if err != nil {
		return Unsubscribed{}, nil, fmt.Errorf("unsubscribe %s: %w", topic, err)
	}
	if err := s.streams.end(ctx, stream{topic, table.Row[subscription]{Key: key, Value: row}}); err != nil {
		return Unsubscribed{}, nil, err
	}
	return Unsubscribed{Topic: in.Topic}, nil, nil
}
