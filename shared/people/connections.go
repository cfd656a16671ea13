package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// declineWait is how long a pair waits after a decline before one of the two may
// ask the other again.
const declineWait = 30 * 24 * time.Hour

// Direction is who asked, as one of the two sees it.
type Direction string

// The directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Connection is a connection as one of the two sees it, as stored in their list and
// answered.
type Connection struct {
	ConnectionID string `json:"connectionId"`
	// UserID is the other one.
	UserID    string    `json:"userId"`
	Type      Type      `json:"type" enum:"connection,follow,mentor,mentee,collaborator"`
	State     State     `json:"state" enum:"requested,accepted,declined"`
	Direction Direction `json:"direction" enum:"in,out" doc:"out: I have asked."`
	Message   string    `json:"message,omitzero" doc:"What the asker has said with it."`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// seenBy is a relation as one of its pair sees it.
func (r relation) seenBy(me, other string, kind Type) Connection {
	direction := In
	if r.By == me {
		direction = Out
	}
	return Connection{
		ConnectionID: r.ConnectionID, UserID: other, Type: kind, State: r.State, Direction: direction,
		Message: r.Message, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// ConnectRequest asks somebody for a connection.
type ConnectRequest struct {
	UserID  string `json:"userId" minLength:"1" maxLength:"255"`
	Type    Type   `json:"type" enum:"connection,follow,mentor,mentee,collaborator" doc:"mentor: the other is asked to be mine."`
	Message string `json:"message,omitzero" maxLength:"1000"`
}

// Connect asks somebody for a connection, or accepts it where they have asked for
// one of the type. A pair has one of a type: a second request is the first.
// VALIDATION_ERROR for nobody, for oneself, and where one of the two has blocked the
// other; CONFLICT within 30 days of a decline between the two, of whatever type, by
// whomever.
func (s *Service) Connect(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in ConnectRequest) (Connection, effect.Effects, error) {
	if in.UserID == c.UserID {
		return Connection{}, nil, errs.Invalid("body.userId", "must be somebody else")
	}
	unknown := errs.Invalid("body.userId", "is not a known user")
	if len(in.UserID) > maxID {
		return Connection{}, nil, unknown
	}
	var connection Connection
	err := s.change(ctx, c, execution, in.UserID, func(ch *changing) error {
		if !ch.known || ch.next.blocked() {
			return unknown
		}
		standing, there := ch.next.Relations[in.Type]
		switch {
		case there && standing.State == Requested && standing.By != c.UserID:
			standing.State, standing.UpdatedAt = Accepted, ch.now
		case there && standing.State != Declined:
			ch.unchanged = true
		case ch.next.WaitUntil != nil && ch.now.Before(*ch.next.WaitUntil):
			return errs.New(errs.Conflict, "A request between you was declined. You can ask again on %s.", ch.next.WaitUntil.Format(time.DateOnly))
		default:
			standing = relation{
				ConnectionID: clock.NewID(s.clock), By: c.UserID, State: Requested, Message: in.Message, CreatedAt: ch.now, UpdatedAt: ch.now,
			}
			if in.Type == Follow {
				standing.State = Accepted
			}
		}
		ch.next.Relations[in.Type] = standing
		connection = standing.seenBy(c.UserID, in.UserID, in.Type)
		ch.answer = connection
		return nil
	})
	return connection, nil, err
}

// ConnectionRequest names a connection.
type ConnectionRequest struct {
	ConnectionID string `path:"connectionId" minLength:"1" maxLength:"255"`
}

// Accept accepts a request that the caller got; one that is accepted stays so.
// FORBIDDEN for the asker and for who isn't one of the two, NOT_FOUND after its end,
// CONFLICT where it was declined.
func (s *Service) Accept(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in ConnectionRequest) (Connection, effect.Effects, error) {
	return s.answer(ctx, c, execution, ActionAccept, in.ConnectionID, Accepted, func(*changing) {})
}

// Decline declines a request that the caller got; one that is declined stays so. For
// 30 days neither of the two can ask the other then. FORBIDDEN for the asker and for
// who isn't one of the two, NOT_FOUND after its end, CONFLICT where it was accepted.
func (s *Service) Decline(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in ConnectionRequest) (Connection, effect.Effects, error) {
	return s.answer(ctx, c, execution, ActionDecline, in.ConnectionID, Declined, func(ch *changing) {
		until := ch.now.Add(declineWait)
		ch.next.WaitUntil = &until
	})
}

// answer is what who was asked says to a request; also changes what follows.
func (s *Service) answer(
	ctx context.Context, c caller.Caller, execution *idempotency.Execution, action caller.Action, connectionID string, to State, also func(*changing),
) (Connection, effect.Effects, error) {
	var connection Connection
	err := s.within(ctx, c, execution, action, connectionID, func(ch *changing, kind Type, other string) error {
		standing := ch.next.Relations[kind]
		if standing.By == c.UserID {
			return s.deny(ctx, c, action, connectionID)
		}
		switch standing.State {
		case to:
			ch.unchanged = true
		case Requested:
			standing.State, standing.UpdatedAt = to, ch.now
			ch.next.Relations[kind] = standing
			also(ch)
		default:
			return errs.New(errs.Conflict, "The request is %s.", standing.State)
		}
		connection = standing.seenBy(c.UserID, other, kind)
		ch.answer = connection
		return nil
	})
	return connection, nil, err
}

// Disconnect ends a connection or a request, by either of the two. It is gone from
// both lists; a wait after a decline stays. FORBIDDEN for who isn't one of the two,
// NOT_FOUND after its end.
func (s *Service) Disconnect(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in ConnectionRequest) (struct{}, effect.Effects, error) {
	err := s.within(ctx, c, execution, ActionDisconnect, in.ConnectionID, func(ch *changing, kind Type, _ string) error {
		delete(ch.next.Relations, kind)
		ch.answer = struct{}{}
		return nil
	})
	return struct{}{}, nil, err
}

// within changes the pair of a connection that the caller is one of.
func (s *Service) within(
	ctx context.Context, c caller.Caller, execution *idempotency.Execution, action caller.Action, connectionID string,
	apply func(ch *changing, kind Type, other string) error,
) error {
	whose, other, err := s.whose(ctx, c, action, connectionID)
	if err != nil {
		return err
	}
	return s.change(ctx, c, execution, other, func(ch *changing) error {
		if ch.next.Relations[whose.Type].ConnectionID != connectionID {
			return ended()
		}
		return apply(ch, whose.Type, other)
	})
}

// whose reads whose a connection is, and gives the other one of the two. NOT_FOUND
// where there never was one, FORBIDDEN for who is neither.
func (s *Service) whose(ctx context.Context, c caller.Caller, action caller.Action, connectionID string) (named, string, error) {
	whose, err := table.Get[named](ctx, s.data, connectionKey(connectionID))
	if errors.Is(err, table.ErrNotFound) {
		return named{}, "", ended()
	}
	if err != nil {
		return named{}, "", fmt.Errorf("read connection %s: %w", connectionID, err)
	}
	other, mine := whose.other(c.UserID)
	if !mine {
		return named{}, "", s.deny(ctx, c, action, connectionID)
	}
	return whose, other, nil
}

func ended() error { return errs.New(errs.NotFound, "There is no such connection.") }

func (s *Service) deny(ctx context.Context, c caller.Caller, action caller.Action, connectionID string) error {
	denied := errs.New(errs.Forbidden, "You may not do this with this connection.")
	// A denial that can't be audited stays one; its cause reaches the log.
	denied.Err = s.audit.Record(ctx, c, action, "connections/"+connectionID, audit.Denied)
	return denied
}
