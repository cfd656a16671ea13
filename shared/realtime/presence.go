package realtime

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/table"
)

// Presence is who has a meeting open, by client: a window, or a device. A client
// says so every 20 seconds, and whenever its status or cursor changes. Its row
// stands for the permission to be there: it is made in one transaction with the
// participant, the meeting and the open socket, and deleted with them; so what
// keeps it is one write, on the condition that it is there.
const (
	// silence is how long a client may be silent until it has left.
	silence = 45 * time.Second
	// keptSilent is how long the row of a silent client is kept where nobody
	// looks.
	keptSilent = 5 * time.Minute
	// beatEvery is how often a client may be heard on average; early is how much
	// earlier a frame may come, because frames overtake each other.
	beatEvery = time.Second
	early     = time.Second
	// lookEvery is how often a client's heartbeats look for those who have left.
	// Clients are heard every 20 s, so that is at each.
	lookEvery = 10 * time.Second
	// maxClients is how many clients of one user are present in a meeting.
	maxClients = 10
	// beatTries bounds the races of one client's frames with each other.
	beatTries = 4
)

// Admission says who may be present.
type Admission interface {
	// Admit checks that a caller may be present now and gives what they are there.
	Admit(ctx context.Context, c caller.Caller, topic Topic) (Standing, error)
	// Holds adds to a transaction what must still be so; see Source.Holds.
	Holds(tx *table.Tx, topic Topic, userID string, as Standing)
}

// Standing is what a person is in a meeting.
type Standing struct {
	Role string `json:"role"`
	// DisplayName is what they are called there since NameRevision of the user.
	DisplayName  string `json:"displayName,omitempty"`
	NameRevision int64  `json:"nameRevision,omitempty"`
}

// PresenceRequest is one heartbeat of a client.
type PresenceRequest struct {
	Topic    string  `json:"topic" minLength:"1" maxLength:"300"`
	ClientID string  `json:"clientId" minLength:"1" maxLength:"255"`
	Seq      int64   `json:"seq" minimum:"0" maximum:"9007199254740991" doc:"Grows with every frame of a client; the highest wins."`
	Status   string  `json:"status" enum:"active,typing,idle"`
	Cursor   *Cursor `json:"cursor,omitzero"`
}

// Cursor is a selection in the notes at a version, in code points.
type Cursor struct {
	Anchor  int64 `json:"anchor" minimum:"0" maximum:"262144"`
	Head    int64 `json:"head" minimum:"0" maximum:"262144"`
	Version int64 `json:"version" minimum:"0" maximum:"9007199254740991"`
}

// presenceItem is a client that is present. Times are milliseconds since 1970.
type presenceItem struct {
	UserID       string `json:"userId"`
	ClientKey    string `json:"clientKey"`
	ConnectionID string `json:"connectionId"`
	// Standing is the person's when the row was made; their name goes on with them.
	Standing
	Status string  `json:"status"`
	Cursor *Cursor `json:"cursor,omitempty"`
	Seq    int64   `json:"seq"`
	// Since is when the row was made: another in its place has another.
	Since int64 `json:"since"`
	// At is when the client was last heard, Tat when it may be heard next at the
	// average rate.
	At  int64 `json:"at"`
	Tat int64 `json:"tat"`
}

// live tells whether a client has been heard lately.
func (p presenceItem) live(now time.Time) bool { return p.At > now.Add(-silence).UnixMilli() }

// shows tells whether two states look the same to others.
func (p presenceItem) shows(q presenceItem) bool {
	sameCursor := p.Cursor == q.Cursor || (p.Cursor != nil && q.Cursor != nil && *p.Cursor == *q.Cursor)
	return p.Status == q.Status && p.DisplayName == q.DisplayName && sameCursor
}

// clientKeyOf names a client to others: always the same for a user and a client
// id, and of no other use.
func clientKeyOf(userID, clientID string) string {
	sum := sha256.Sum256([]byte(userID + "\x00" + clientID))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Heard answers a heartbeat.
type Heard struct {
	// After is what is still to be told; nil where there is nothing.
	After func(context.Context) `json:"-"`
}

// Follow tells others what has changed.
func (h Heard) Follow(ctx context.Context) {
	if h.After != nil {
		h.After(ctx)
	}
}

// Presence notes that a client of the caller is present in a meeting: FORBIDDEN
// for who isn't in it, MEETING_NOT_ACTIVE after its end, RATE_LIMITED for a
// client that speaks more than once a second, and for a user's eleventh client.
// A frame that a later one of the same client has overtaken changes nothing.
func (s *Service) Presence(ctx context.Context, c caller.Caller, in PresenceRequest) (Heard, error) {
	topic, err := ParseTopic(in.Topic)
	if err != nil {
		return Heard{}, err
	}
	if topic.Kind != State {
		return Heard{}, errs.Invalid("body.topic", "must be meetings/<id>: presence is of a meeting as a whole")
	}
	now := s.clock.Now()
	next := presenceItem{
		UserID: c.UserID, ClientKey: clientKeyOf(c.UserID, in.ClientID), ConnectionID: c.ConnectionID,
		Status: in.Status, Cursor: in.Cursor, Seq: in.Seq, At: now.UnixMilli(), Tat: now.Add(beatEvery).UnixMilli(),
	}
	before, err := s.beat(ctx, c, topic, &next, now)
	if errors.Is(err, errOvertaken) {
		return Heard{}, nil
	}
	if err != nil {
		return Heard{}, err
	}
	return Heard{After: func(ctx context.Context) { s.afterBeat(ctx, topic, before, next, now) }}, nil
}

// errOvertaken says that a later frame of the client was here first.
var errOvertaken = errors.New("a later frame of this client was here first")

// beat writes a heartbeat and gives the row as it was, or the zero one where it
// isn't known whether others have been told; next then stands as the row does. In the common case that is one
// write, with no read: the row is there, of this socket, and quiet.
func (s *Service) beat(ctx context.Context, c caller.Caller, topic Topic, next *presenceItem, now time.Time) (before presenceItem, err error) {
	key := presenceKey(topic, next.UserID, next.ClientKey)
	before, err = s.renew(ctx, key, next, table.And(
		table.Equals("connectionId", next.ConnectionID), table.Less("seq", next.Seq), table.LessOrEqual("tat", next.At),
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
		if err := before.takes(*next, now); err != nil {
			return before, err
		}
		next.Tat = max(next.Tat, before.Tat+beatEvery.Milliseconds())
		if before.ConnectionID == next.ConnectionID && before.Seq <= next.Seq {
			// Nobody is let in here, so the row must be the one that was seen.
			_, err = s.renew(ctx, key, next, unchanged(before))
		} else {
			err = s.enter(ctx, c, topic, before, next, now)
		}
		if before.Seq == next.Seq {
			// The same frame again: whoever took it first may have died before the
			// others were told.
			before = presenceItem{}
		}
	}
	if errors.Is(err, errRoom) || errors.Is(err, errOtherRole) || errors.Is(err, table.ErrConditionFailed) || errors.Is(err, table.ErrTransactionConflict) || errors.Is(err, table.ErrOverloaded) {
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

// takes tells whether a row, the zero one where there is none, takes a heartbeat.
func (p presenceItem) takes(next presenceItem, now time.Time) error {
	wait := time.Duration(p.Tat-next.At) * time.Millisecond
	if p.live(now) && (p.Seq > next.Seq || p.Seq == next.Seq && wait > early) {
		return errOvertaken
	}
	if wait > early {
		limited := errs.New(errs.RateLimited, "A client's presence may change once a second. Please wait.")
		limited.RetryAfter = wait - early
		return limited
	}
	return nil
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
	next.Standing = before.Standing
	return before, nil
}

// enter makes a client's row, or moves it to this socket, in one transaction
// with what permits it.
func (s *Service) enter(ctx context.Context, c caller.Caller, topic Topic, before presenceItem, next *presenceItem, now time.Time) error {
	as, err := s.rooms.Admit(ctx, c, topic)
	if err != nil {
		return err
	}
	if err := s.hasPlace(ctx, topic, *next, now); err != nil {
		return err
	}
	next.Standing, next.Since = as, next.At
	if next.Since <= before.Since {
		next.Since = before.Since + 1
	}
	name := topic.String()
	tx := table.NewTx()
	s.rooms.Holds(tx, topic, next.UserID, as)
	tx.Update(s.realtime, connectionKey(next.ConnectionID), table.Update{
		Add: map[string]any{"present": table.StringSet{name}, "entered": 1},
		If: table.And(
			table.Exists(), table.AttributeAbsent("closed"),
			table.Or(table.AttributeAbsent("present"), table.SizeLess("present", MaxTopics), table.Contains("present", name)),
		),
	}, table.Named(opConnection))
	tx.Put(s.realtime, presenceKey(topic, next.UserID, next.ClientKey), next, table.If(unchanged(before)), table.Named(opPresence), table.Expires(now.Add(keptSilent)))
	err = tx.Commit(ctx)
	switch failed := table.FailedOp(err, opConnection); {
	case err == nil:
		return nil
	case table.FailedOp(err, OpParticipant) != nil:
		return errOtherRole
	case table.FailedOp(err, OpMeeting) != nil:
		return errs.New(errs.MeetingNotActive, "The meeting has ended.")
	case failed != nil:
		var connection connectionItem
		if failed.Decode(&connection) != nil || connection.Closed {
			return errs.New(errs.Unauthorized, "This connection is over. Please connect anew.")
		}
		return s.makeRoom(ctx, *next, connection, now)
	}
	if raced := table.FailedOp(err, opPresence); raced != nil {
		return &table.ConditionError{Old: raced.Old}
	}
	return fmt.Errorf("enter %s: %w", topic, err)
}

// makeRoom takes the meetings off a socket in which its client has fallen silent:
// RATE_LIMITED in any case, and worth trying again where that has helped.
func (s *Service) makeRoom(ctx context.Context, next presenceItem, connection connectionItem, now time.Time) error {
	var over table.StringSet
	for _, name := range connection.Present {
		topic, err := ParseTopic(name)
		if err != nil {
			return fmt.Errorf("presence: %w", err)
		}
		silent, err := s.streams.silentOver(ctx, topic, next, now)
		if err != nil {
			return err
		}
		if silent {
			over = append(over, name)
		}
	}
	limited := errs.New(errs.RateLimited, "Over one connection you can be present in %d meetings.", MaxTopics)
	limited.RetryAfter = silence
	if len(over) == 0 {
		return limited
	}
	// Whoever has entered meanwhile may have entered one of these.
	err := s.realtime.Update(ctx, connectionKey(next.ConnectionID), table.Update{
		DeleteFrom: map[string]any{"present": over}, If: table.Equals("entered", connection.Entered),
	})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("presence: %w", err)
	}
	return errRoom
}

// errRoom says that there may be room now.
var errRoom = errors.New("room was made")

// opPresence names the row of the client that enters.
const opPresence = "presence"

// hasPlace refuses a user's eleventh client. Frames of several that come at once
// may go a little beyond.
func (s *Service) hasPlace(ctx context.Context, topic Topic, next presenceItem, now time.Time) error {
	own, err := s.streams.present(ctx, topic, next.UserID)
	if err != nil {
		return err
	}
	others := 0
	for _, row := range own {
		if row.Value.ClientKey != next.ClientKey && row.Value.live(now) {
			others++
		}
	}
	if others >= maxClients {
		limited := errs.New(errs.RateLimited, "You are present in this meeting %d times already.", maxClients)
		limited.RetryAfter = silence
		return limited
	}
	return nil
}

// afterBeat tells the meeting what a heartbeat has changed: nothing, mostly; and
// now and then who has left.
func (s *Service) afterBeat(ctx context.Context, topic Topic, before, next presenceItem, now time.Time) {
	var here []present
	back := !before.live(now)
	if back || !before.shows(next) {
		here = []present{next.present()}
	}
	var left []departed
	every := lookEvery.Milliseconds()
	if back || before.At/every != next.At/every {
		var err error
		if left, err = s.streams.sweep(ctx, topic, now); err != nil {
			s.log.WarnContext(ctx, "look for who has left", "topic", topic.String(), "error", err.Error())
		}
	}
	if err := s.streams.tellPresence(ctx, topic, here, left); err != nil {
		s.log.WarnContext(ctx, "presence", "topic", topic.String(), "error", err.Error())
	}
}
