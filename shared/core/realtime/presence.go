package realtime

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// Presence is who has a meeting open, by client: a window, or a device. A client
// says so every 20 seconds, and whenever its status or cursor changes. The client's
// row stands for the permission to be there: the row is made in one transaction with
// checks of the participant, the meeting and the row's owner (an open socket or a
// session), and is deleted with them. So a heartbeat costs one write, on the condition
// that the row is there.
const (
	// silence is how long a client may be silent until it has left.
	silence = 45 * time.Second
	// keptSilent is how long the row of a silent client is kept where nobody
	// looks.
	keptSilent = 5 * time.Minute
	// beatEvery is how often a client's heartbeat is accepted on average; early is how much
	// earlier a frame may come, because frames overtake each other.
	beatEvery = time.Second
	early     = time.Second
	// lookEvery is how often a client's heartbeats look for those who have left.
	// Heartbeats come every 20 s, so each of them looks.
	lookEvery = 10 * time.Second
	// reenter is how old a row gets before its client enters anew: as long as the
	// row of a session that owns it is kept at least.
	reenter = 2 * time.Hour
	// maxClients is how many clients of one user are present in a meeting; as many
	// more may have gone lately.
	maxClients = 10
	// beatTries bounds the races of one client's frames with each other.
	beatTries = 4
)

// PresencePolicy says who may be present in the topics of a pattern.
type PresencePolicy interface {
	// Admit checks that a caller may be present now and gives what they are there.
	Admit(ctx context.Context, c caller.Caller, topic Topic) (Membership, error)
	// Holds adds to a transaction what must still be so; see Source.Holds.
	Holds(tx *table.Tx, topic Topic, userID string, as Membership)
}

// Membership is what a person is in a meeting.
type Membership struct {
	Role string `json:"role"`
	// DisplayName is what they are called there since NameRevision of the user.
	DisplayName  string `json:"displayName,omitempty"`
	NameRevision int64  `json:"nameRevision,omitempty"`
}

// Heartbeat is what a client says of itself.
type Heartbeat struct {
	ClientID string  `json:"clientId" minLength:"1" maxLength:"255" name:"exact"`
	Seq      int64   `json:"seq" minimum:"0" maximum:"9007199254740991" doc:"Grows with every heartbeat of a client, over whatever way it is sent; the highest wins."`
	Status   string  `json:"status" enum:"active,typing,idle,gone" doc:"With gone the client leaves at once."`
	Cursor   *Cursor `json:"cursor,omitzero"`
}

// PresenceRequest is a heartbeat over a socket.
type PresenceRequest struct {
	Topic string `json:"topic" minLength:"1" maxLength:"300"`
	Heartbeat
}

// Cursor is a selection in the notes at a version, in code points.
type Cursor struct {
	Anchor  int64 `json:"anchor" minimum:"0" maximum:"262144"`
	Head    int64 `json:"head" minimum:"0" maximum:"262144"`
	Version int64 `json:"version" minimum:"0" maximum:"9007199254740991"`
}

// presenceItem is a client that is present, or one that has gone lately. Times
// are milliseconds since 1970.
type presenceItem struct {
	UserID    string `json:"userId"`
	ClientKey string `json:"clientKey"`
	// Owner is the partition of the row that this one goes with.
	Owner string `json:"owner"`
	// Membership is the person's when the row was made; their name goes on with them.
	Membership
	Status string  `json:"status"`
	Cursor *Cursor `json:"cursor,omitempty"`
	Seq    int64   `json:"seq"`
	// Since is when the row was made: another in its place has another.
	Since int64 `json:"since"`
	// At is when the client's last heartbeat came, Tat when the next is accepted at the
	// average rate.
	At  int64 `json:"at"`
	Tat int64 `json:"tat"`
}

// live reports whether a client has sent a heartbeat lately.
func (p presenceItem) live(now time.Time) bool { return p.At > now.Add(-silence).UnixMilli() }

// gone reports whether a client has said that it leaves.
func (p presenceItem) gone() bool { return p.Status == statusGone }

// here reports whether a client is there, for others.
func (p presenceItem) here(now time.Time) bool { return p.live(now) && !p.gone() }

// visible reports whether two states look the same to others.
func (p presenceItem) visible(q presenceItem) bool {
	sameCursor := p.Cursor == q.Cursor || (p.Cursor != nil && q.Cursor != nil && *p.Cursor == *q.Cursor)
	return p.Status == q.Status && p.DisplayName == q.DisplayName && sameCursor
}

// clientKeyOf names a client to others: always the same for a user and a client
// id, and of no other use.
func clientKeyOf(userID, clientID string) string {
	sum := sha256.Sum256([]byte(userID + "\x00" + clientID))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// HeartbeatAnswer answers a heartbeat.
type HeartbeatAnswer struct{}

// Presence notes that a client of the caller is present in a meeting: FORBIDDEN
// for who isn't in it, MEETING_NOT_ACTIVE after its end, RATE_LIMITED for a
// client that speaks more than once a second, and for a user's eleventh client.
// A frame that a later one of the same client has overtaken changes nothing.
func (s *Service) Presence(ctx context.Context, c caller.Caller, in PresenceRequest) (HeartbeatAnswer, effect.Effects, error) {
	topic, registered, err := s.topics.find(in.Topic)
	if err != nil {
		return HeartbeatAnswer{}, nil, err
	}
	if registered.Presence == nil {
		return HeartbeatAnswer{}, nil, errs.Invalid("body.topic", "has no presence: who is there is said of the whole, such as meetings/<id>")
	}
	effects, err := s.heartbeat(ctx, c, presenceScope{topic, registered.Presence}, in.Heartbeat)
	return HeartbeatAnswer{}, effects, err
}

// presenceScope is a topic in which clients are present, and who may be.
type presenceScope struct {
	Topic
	policy PresencePolicy
}

// scopeOf is a topic's place; an error where its pattern has no presence.
func (s *Service) scopeOf(topic Topic) (presenceScope, error) {
	_, registered, err := s.topics.find(string(topic))
	if err != nil {
		return presenceScope{}, err
	}
	if registered.Presence == nil {
		return presenceScope{}, fmt.Errorf("topic %s has no presence", topic)
	}
	return presenceScope{topic, registered.Presence}, nil
}

// heartbeat takes a heartbeat, whatever way it came, and gives the changes for the
// others.
func (s *Service) heartbeat(ctx context.Context, c caller.Caller, at presenceScope, in Heartbeat) (effect.Effects, error) {
	now := s.clock.Now()
	next := presenceItem{
		UserID: c.UserID, ClientKey: clientKeyOf(c.UserID, in.ClientID), Owner: ownerOf(c).key.PK,
		Status: in.Status, Cursor: in.Cursor, Seq: in.Seq, At: now.UnixMilli(), Tat: now.Add(beatEvery).UnixMilli(),
	}
	if next.gone() {
		return s.leaveNow(ctx, c, at, next, now)
	}
	before, err := s.beat(ctx, c, at, &next, now)
	if errors.Is(err, errOvertaken) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return changesOf(at.Topic, before, next, now), nil
}

// errOvertaken says that a later frame of the client was here first.
var errOvertaken = errors.New("a later frame of this client was here first")

// beat writes a heartbeat and gives the row as it was, or the zero one where it
// isn't known whether others have been notified; next then stands as the row does. In
// the common case that is one write, with no read: the row is there, of this owner,
// and quiet.
func (s *Service) beat(ctx context.Context, c caller.Caller, at presenceScope, next *presenceItem, now time.Time) (before presenceItem, err error) {
	key := presenceKey(at.Topic, next.UserID, next.ClientKey)
	before, err = s.renew(ctx, key, next, table.And(
		table.Equals("owner", next.Owner), table.NotEquals("status", statusGone), table.Less("seq", next.Seq),
		table.LessOrEqual("tat", next.At), table.Greater("since", now.Add(-reenter).UnixMilli()),
	))
	for range beatTries {
		stood, ok := errors.AsType[*table.ConditionError](err)
		if !ok && !errors.Is(err, errRoom) && !errors.Is(err, errOtherRole) {
			break
		}
		if ok {
			if before, err = decodePresence(stood.Old); err != nil {
				return before, err
			}
		}
		if err := before.accepts(*next, now); err != nil {
			return before, err
		}
		next.Tat = max(next.Tat, before.Tat+beatEvery.Milliseconds())
		if before.isCurrent(*next, now) {
			// Nobody is let in here, so the row must be the one that was seen.
			_, err = s.renew(ctx, key, next, unchanged(before))
		} else {
			err = s.enter(ctx, c, at, before, next, now)
		}
		if before.Seq == next.Seq {
			// The same frame again: whoever took it first may have died before the
			// others were notified.
			before = presenceItem{}
		}
	}
	if errors.Is(err, errRoom) || errors.Is(err, errOtherRole) || errors.Is(err, table.ErrConditionFailed) || transient(err) {
		return before, busy()
	}
	return before, err
}

// decodePresence reads the row that stood in the way, the zero one where there
// was none.
func decodePresence(old table.Old) (p presenceItem, err error) {
	if !old.Found() {
		return p, nil
	}
	if err := old.Decode(&p); err != nil {
		return p, fmt.Errorf("presence: %w", err)
	}
	return p, nil
}

// accepts reports whether a row, the zero one where there is none, takes a heartbeat.
func (p presenceItem) accepts(next presenceItem, now time.Time) error {
	wait := time.Duration(p.Tat-next.At) * time.Millisecond
	if p.live(now) && (p.Seq > next.Seq || p.Seq == next.Seq && (wait > early || p.gone())) {
		return errOvertaken
	}
	if wait > early {
		limited := errs.New(errs.RateLimited, "A client's presence may change once a second. Please wait.")
		limited.RetryAfter = wait - early
		return limited
	}
	return nil
}

// isCurrent reports whether a row still stands for the permission to be there, so that
// a heartbeat only has to renew it.
func (p presenceItem) isCurrent(next presenceItem, now time.Time) bool {
	return p.Owner == next.Owner && p.Seq <= next.Seq && !p.gone() && p.Since > now.Add(-reenter).UnixMilli()
}

// unchanged is the condition that a client's row is as it was seen.
func unchanged(p presenceItem) table.Condition {
	if p.Since == 0 {
		return table.Absent()
	}
	return table.And(table.Equals("since", p.Since), table.Equals("seq", p.Seq), table.Equals("tat", p.Tat))
}

// renew writes a heartbeat into a row that is there.
func (s *Service) renew(ctx context.Context, key table.Key, next *presenceItem, holds table.Condition) (presenceItem, error) {
	before, err := table.UpdateReturningOld[presenceItem](ctx, s.realtime, key, table.Update{
		Set: map[string]any{"status": next.Status, "cursor": next.Cursor, "seq": next.Seq, "at": next.At, "tat": next.Tat},
		If:  holds,
	}, table.Expires(time.UnixMilli(next.At).Add(keptSilent)))
	if err != nil {
		return presenceItem{}, fmt.Errorf("presence: %w", err)
	}
	next.Membership = before.Membership
	return before, nil
}
