package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// The actions on the messages of a connection, which the two of it may do while it
// is accepted.
const (
	ActionReadMessages caller.Action = "people.readMessages"
	ActionPost         caller.Action = "people.post"
)

const (
	// messageWindow is the length of a bucket of the log.
	messageWindow = 5 * time.Minute
	// permitHolds is how long after its check a message may be committed.
	permitHolds = 2 * time.Second
)

// Message is what one of a connection has written to the other, in the shape of a
// meeting's chat. It is never changed, so nobody has edited, deleted or reacted to
// it. Its id is unique within the connection.
type Message struct {
	MessageID string `json:"messageId"`
	Position  int64  `json:"position"`
	AuthorID  string `json:"authorId"`
	Text      string `json:"text"`
	// ReplyTo is the message that it answers; null where it answers none.
	ReplyTo   *string    `json:"replyTo" nullable:"true"`
	EditedAt  *time.Time `json:"editedAt" nullable:"true"`
	DeletedAt *time.Time `json:"deletedAt" nullable:"true"`
	Reactions []Reaction `json:"reactions"`
	CreatedAt time.Time  `json:"createdAt"`
}

// Reaction is an emoji and who has reacted with it.
type Reaction struct {
	Emoji   string   `json:"emoji"`
	UserIDs []string `json:"userIds"`
}

// Posted is what an event of the topic `connections/<id>` says.
type Posted struct {
	Kind    string  `json:"kind" enum:"created"`
	Message Message `json:"message"`
}

// draft is a message as its entry has it.
type draft struct {
	Text    string  `json:"text"`
	ReplyTo *string `json:"replyTo,omitzero"`
}

// messages is the kind of topics in which the two of a connection write to each
// other. They are kept; a layout by clock finds what an execution committed that
// died.
var messages = logtopic.Kind[Posted]{
	Pattern: "connections/{id}",
	Layout:  log.ByClock(messageWindow, 0, 1),
	Decode:  messageOf,
	Refusals: logtopic.Refusals{
		Gone:      "Messages are kept from position %d on.",
		Closed:    "This connection takes no more messages.",
		Reused:    "This Idempotency-Key was used with another body.",
		Contended: "Too much is written at once. Please send it again.",
	},
}

func messageOf(e log.Entry) ([]Posted, error) {
	var d draft
	if err := json.Unmarshal([]byte(e.Data), &d); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return []Posted{{Kind: "created", Message: Message{
		MessageID: strconv.FormatInt(e.Position, 10), Position: e.Position, AuthorID: e.Author, Text: d.Text, ReplyTo: d.ReplyTo,
		Reactions: []Reaction{}, CreatedAt: e.At,
	}}}, nil
}

// MessageTopic is the type of the topics `connections/<id>`.
func MessageTopic() realtime.TopicType { return messages.Type() }

// MessageLayout is how messages lie in the log.
func MessageLayout() log.Layout { return messages.Layout }

// Messages is the service of what the two of an accepted connection write to each
// other.
type Messages struct {
	people *Service
	topics *logtopic.Topics[Posted]
}

// NewMessages makes the service; l is a log of MessageLayout.
func NewMessages(s *Service, l *log.Log) *Messages {
	return &Messages{people: s, topics: logtopic.New(messages, l, s.clock, following{s})}
}

// Topics gives the topics of messages.
func (m *Messages) Topics() *logtopic.Topics[Posted] { return m.topics }

// following admits the two of an accepted connection.
type following struct{ *Service }

// Admit implements logtopic.Admission. Of a connection that never was or has ended,
// it says no more than of another's.
func (f following) Admit(ctx context.Context, c caller.Caller, topic realtime.Topic) (string, error) {
	err := f.writeTogether(ctx, c, realtime.ActionSubscribe, topic.ID())
	if errs.Is(err, errs.NotFound) {
		err = f.deny(ctx, c, realtime.ActionSubscribe, topic.ID())
	}
	return "", err
}

// Holds implements logtopic.Admission: the connection is still accepted.
func (f following) Holds(tx *table.Tx, topic realtime.Topic, userID, _ string) {
	tx.Check(f.data, listedKey(userID, topic.ID()), table.Equals("state", Accepted), table.Named(realtime.OpParticipant))
}

// writeTogether holds the caller to be one of the two of an accepted connection:
// NOT_FOUND after its end, FORBIDDEN before it is accepted and for everybody else.
func (s *Service) writeTogether(ctx context.Context, c caller.Caller, action caller.Action, connectionID string) error {
	if len(connectionID) > maxID {
		return ended()
	}
	mine, err := table.Get[Connection](ctx, s.data, listedKey(c.UserID, connectionID))
	switch {
	case errors.Is(err, table.ErrNotFound):
		if _, _, err := s.whose(ctx, c, action, connectionID); err != nil {
			return err
		}
		return ended()
	case err != nil:
		return fmt.Errorf("read connection %s: %w", connectionID, err)
	case mine.State != Accepted:
		return s.deny(ctx, c, action, connectionID)
	}
	return nil
}

// PostRequest writes to the other one of a connection.
type PostRequest struct {
	ConnectionID string  `path:"connectionId" minLength:"1" maxLength:"255"`
	Text         string  `json:"text" minLength:"1" maxLength:"4000" notBlank:"true"`
	ReplyTo      *string `json:"replyTo,omitzero" minLength:"1" maxLength:"255"`
}

// Post writes to the other one of an accepted connection. FORBIDDEN before it is
// accepted and for who isn't one of the two, NOT_FOUND after its end;
// VALIDATION_ERROR where it answers a message that isn't there. With an
// Idempotency-Key the same request, sent again, gets the first answer, also where the
// first execution died after its commit.
func (m *Messages) Post(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in PostRequest) (Message, effect.Effects, error) {
	data, err := json.Marshal(draft{Text: in.Text, ReplyTo: in.ReplyTo})
	if err != nil {
		return Message{}, nil, fmt.Errorf("encode message: %w", err)
	}
	identity, since := m.identity(c, execution, data)
	denied := false
	appended, effects, err := m.topics.Append(ctx, m.topics.Topic(in.ConnectionID), log.Append{
		Base: log.Tail, Since: since, Identity: identity,
		Permit: func(ctx context.Context) (time.Time, error) {
			until := m.people.clock.Now().Add(permitHolds)
			err := m.people.writeTogether(ctx, c, ActionPost, in.ConnectionID)
			denied = err != nil
			return until, err
		},
		Prepare: func(prev log.Entry, _ []log.Entry) (log.Draft, error) {
			if in.ReplyTo != nil && !stands(*in.ReplyTo, prev.Last()) {
				return log.Draft{}, errs.Invalid("body.replyTo", "is not a message of this connection")
			}
			return log.Draft{Data: string(data)}, nil
		},
	})
	if errs.Is(err, errs.HistoryGone) {
		return Message{}, nil, errs.New(errs.Conflict, "Whether the first request with this Idempotency-Key was done can't be told any more: please look into the messages.")
	}
	if execution != nil && !denied {
		execution.Unsettled = false
	}
	if err != nil {
		return Message{}, nil, err
	}
	return appended.Items[0].Message, effects, nil
}

// stands tells whether an id is that of a message up to a position.
func stands(messageID string, newest int64) bool {
	position, err := strconv.ParseInt(messageID, 10, 64)
	return err == nil && position >= 1 && position <= newest && strconv.FormatInt(position, 10) == messageID
}

// identity tells a message from others: by its Idempotency-Key, so that a retry of
// what was committed is found, or by chance. Until the entry of an execution before
// was looked for, nobody knows whether it has committed.
func (m *Messages) identity(c caller.Caller, execution *idempotency.Execution, data []byte) (log.Identity, time.Time) {
	id := log.Identity{Author: c.UserID, ClientSeq: 1}
	if execution == nil {
		id.ClientID = clock.NewID(m.people.clock)
		return id, time.Time{}
	}
	execution.Unsettled = !execution.Since.IsZero()
	key, sum := sha256.Sum256([]byte(execution.Key)), sha256.Sum256(data)
	id.ClientID, id.Digest = "key:"+hex.EncodeToString(key[:16]), hex.EncodeToString(sum[:8])
	return id, execution.Since
}

// ListMessagesRequest asks for a page of a connection's messages.
type ListMessagesRequest struct {
	ConnectionID string `path:"connectionId" minLength:"1" maxLength:"255"`
	From         int64  `query:"from" minimum:"0" ignoredWith:"cursor" doc:"The last position seen; with a cursor it is ignored."`
	Epoch        string `query:"epoch" minLength:"1" maxLength:"32" ignoredWith:"cursor" doc:"The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one. A cursor knows its own."`
	Limit        *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor       string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// MessageList is a page of a connection's messages.
type MessageList struct {
	Items []Message `json:"items"`
	// NextCursor is null at the end.
	NextCursor *string     `json:"nextCursor" nullable:"true"`
	Epoch      epoch.Epoch `json:"epoch,omitzero" doc:"What the positions belong to."`
}

// List gives a connection's messages after a position, in order. A page may have
// fewer than its limit where messages are large. FORBIDDEN before the connection is
// accepted and for who isn't one of the two, NOT_FOUND after its end, HISTORY_GONE
// for a place in another epoch.
func (m *Messages) List(ctx context.Context, c caller.Caller, in ListMessagesRequest) (MessageList, error) {
	list := "messages of " + in.ConnectionID
	from, err := paging.PlaceOf(list, in.Cursor, paging.Place{After: in.From, Epoch: in.Epoch})
	if err != nil {
		return MessageList{}, err
	}
	if err := m.people.writeTogether(ctx, c, ActionReadMessages, in.ConnectionID); err != nil {
		return MessageList{}, err
	}
	if err := m.topics.Epoch().Check(from.Epoch); err != nil {
		return MessageList{}, err
	}
	page, err := m.topics.Read(ctx, m.topics.Topic(in.ConnectionID), from.After, paging.Limit(in.Limit))
	if err != nil {
		return MessageList{}, err
	}
	answer := MessageList{Items: []Message{}, Epoch: m.topics.Epoch()}
	for _, one := range page.Items {
		answer.Items = append(answer.Items, one.Message)
	}
	if page.More && page.Last > 0 {
		answer.NextCursor = paging.NextPlace(list, paging.Place{After: page.Last, Epoch: string(answer.Epoch)})
	}
	return answer, nil
}
