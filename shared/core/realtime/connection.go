package realtime

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/cache"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// ticketLife is how long a ticket can be spent.
	ticketLife = 30 * time.Second
	// keptAfter is how long a connection's rows are kept after its socket's life.
	keptAfter = 15 * time.Minute
	// MaxSockets is how many sockets a user has at once, not counting those whose
	// clients are asked to move over: a new one opens before the old one closes.
	MaxSockets = 10
	// MaxTopics is how many topics a socket follows at once.
	MaxTopics = 20
	// knownSockets is how many a generation of the cache of callers holds: one takes some
	// 500 bytes.
	knownSockets = 1000

	opTicket     = "ticket"
	opSockets    = "sockets"
	opConnection = "connection"
)

// Sessions adds to a transaction the condition that a session hasn't ended.
type Sessions interface {
	Holds(tx *table.Tx, sessionID string)
}

// Gateway knows which sockets are open, and closes them.
type Gateway interface {
	Alive(ctx context.Context, connectionID string) (bool, error)
	// Disconnect closes a socket after what was posted to it before. A closed socket is
	// no error.
	Disconnect(ctx context.Context, connectionID string) error
}

// Connections keeps tickets and open sockets. It implements the authenticator's view of
// sockets.
type Connections struct {
	realtime *table.Table
	control  *table.Table
	sessions Sessions
	gateway  Gateway
	clock    clock.Clock
	lifetime time.Duration
	// callers has whose socket each is. That never changes; whether the socket stands
	// does, and isn't remembered.
	callers *cache.Cache[string, Principal]
}

// NewConnections makes the keeper of sockets.
func NewConnections(realtime, control *table.Table, sessions Sessions, gateway Gateway, c clock.Clock) *Connections {
	return &Connections{realtime: realtime, control: control, sessions: sessions, gateway: gateway, clock: c, lifetime: Lifetime, callers: cache.New[string, Principal](knownSockets)}
}

// WithLifetime sets how long sockets may live, where that isn't Lifetime.
func (s *Connections) WithLifetime(lifetime time.Duration) *Connections {
	s.lifetime = lifetime
	return s
}

// expires is when the rows of a socket that is open now are of no more use.
func (s *Connections) expires(now time.Time) time.Time { return now.Add(s.lifetime + keptAfter) }

// Issue makes a ticket that opens one socket for a caller within 30 seconds.
func (s *Connections) Issue(ctx context.Context, c caller.Caller) (ticket string, expiresAt time.Time, err error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", time.Time{}, err
	}
	ticket = base64.RawURLEncoding.EncodeToString(raw)
	expiresAt = s.clock.Now().Add(ticketLife)
	item := ticketItem{Principal: principalOf(c), ExpiresAt: expiresAt.UnixMilli()}
	err = s.control.Put(ctx, ticketKey(ticket), item, table.If(table.Absent()), table.Expires(expiresAt))
	if transient(err) {
		return "", time.Time{}, busy()
	}
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issue ticket: %w", err)
	}
	return ticket, expiresAt, nil
}

// Open spends a ticket for a connection: UNAUTHORIZED where it is unknown,
// spent, expired, or its session has ended; RATE_LIMITED where its user has ten
// sockets open.
func (s *Connections) Open(ctx context.Context, connectionID, ticket string) (caller.Caller, error) {
	refused := errs.New(errs.Unauthorized, "The ticket is not valid, or was used. Please get a new one.")
	item, err := table.Get[ticketItem](ctx, s.control, ticketKey(ticket))
	if errors.Is(err, table.ErrNotFound) {
		return caller.Caller{}, refused
	}
	if err != nil {
		return caller.Caller{}, fmt.Errorf("read ticket: %w", err)
	}
	most := MaxSockets
	for tried := false; ; tried = true {
		err := s.openTx(connectionID, ticket, item, most).Commit(ctx)
		switch {
		case err == nil:
			return item.caller(connectionID), nil
		case table.FailedOp(err, opSockets) != nil && !tried && table.FailedOp(err, opTicket) == nil:
			_, leaving, err := s.dropStale(ctx, item.UserID)
			if err != nil {
				return caller.Caller{}, err
			}
			most += leaving
		case table.FailedOp(err, opTicket) != nil || table.FailedOp(err, OpSession) != nil:
			return caller.Caller{}, refused
		case table.FailedOp(err, opSockets) != nil:
			return caller.Caller{}, tooMany()
		case transient(err):
			return caller.Caller{}, busy()
		default:
			return caller.Caller{}, fmt.Errorf("open connection: %w", err)
		}
	}
}

// busy says that the same may be tried again.
func busy() error {
	e := errs.New(errs.RateLimited, "Too much is happening at once. Please try again.")
	e.RetryAfter = time.Second
	return e
}

// transient reports whether an error is an obstacle that passes.
func transient(err error) bool {
	return errors.Is(err, table.ErrTransactionConflict) || errors.Is(err, table.ErrOverloaded)
}

// OpSession names the check that Sessions.Holds adds.
const OpSession = "session"

func (s *Connections) openTx(connectionID, ticket string, item ticketItem, most int) *table.Tx {
	now := s.clock.Now()
	tx := table.NewTx()
	tx.Delete(s.control, ticketKey(ticket), table.If(table.Greater("expiresAt", now.UnixMilli())), table.Named(opTicket))
	s.sessions.Holds(tx, item.SessionID)
	tx.Put(s.realtime, connectionKey(connectionID), connectionItem{Principal: item.Principal, ConnectedAt: now},
		table.If(table.Absent()), table.Expires(s.expires(now)), table.Named(opConnection))
	tx.Update(s.realtime, socketsKey(item.UserID), table.Update{
		Add: map[string]any{"ids": table.StringSet{connectionID}},
		If:  table.Or(table.AttributeAbsent("ids"), table.SizeLess("ids", most)),
	}, table.Named(opSockets), table.Expires(s.expires(now)))
	return tx
}

// Room refuses a user, before they get a ticket, for what its handshake would be
// refused for: RATE_LIMITED where they have ten sockets open. A page can't read a
// handshake's status, but it can read this.
func (s *Connections) Room(ctx context.Context, userID string) error {
	ids, err := s.Of(ctx, userID)
	if err != nil || len(ids) < MaxSockets {
		return err
	}
	open, leaving, err := s.dropStale(ctx, userID)
	if err == nil && open >= MaxSockets+leaving {
		err = tooMany()
	}
	return err
}

func tooMany() error {
	limited := errs.New(errs.RateLimited, "You have %d connections open. Please close one.", MaxSockets)
	limited.RetryAfter = ticketLife
	return limited
}

// dropStale takes down a user's sockets that are gone without having said so:
// API Gateway's $disconnect is best effort. It counts the user's open
// sockets and, up to MaxSockets, those of them that their clients are about to leave.
func (s *Connections) dropStale(ctx context.Context, userID string) (open, leaving int, err error) {
	ids, err := s.Of(ctx, userID)
	if err != nil {
		return 0, 0, err
	}
	left := s.clock.Now().Add(window(s.lifetime) - s.lifetime)
	stay, leave := make([]bool, len(ids)), make([]bool, len(ids))
	err = atOnce(indices(len(ids)), func(i int) error {
		item, alive, err := s.alive(ctx, ids[i])
		if err != nil {
			return err
		}
		if stay[i], leave[i] = alive, alive && item.ConnectedAt.Before(left); alive {
			return nil
		}
		if _, _, err := s.Detach(ctx, ids[i]); err != nil {
			return err
		}
		return s.unlist(ctx, userID, ids[i])
	})
	return len(chosen(ids, stay)), min(len(chosen(ids, leave)), MaxSockets), err
}

// alive reports whether a socket that is listed is open: by its row, and by the
// gateway's own word.
func (s *Connections) alive(ctx context.Context, connectionID string) (connectionItem, bool, error) {
	item, err := table.Get[connectionItem](ctx, s.realtime, connectionKey(connectionID))
	if errors.Is(err, table.ErrNotFound) || (err == nil && item.Closed) {
		return item, false, nil
	}
	if err != nil {
		return item, false, fmt.Errorf("read connection: %w", err)
	}
	alive, err := s.gateway.Alive(ctx, connectionID)
	return item, alive, err
}

// Of lists a user's sockets.
func (s *Connections) Of(ctx context.Context, userID string) ([]string, error) {
	item, err := table.Get[socketsItem](ctx, s.realtime, socketsKey(userID))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return nil, fmt.Errorf("sockets of %s: %w", userID, err)
	}
	return item.IDs, nil
}

func (s *Connections) unlist(ctx context.Context, userID, connectionID string) error {
	err := s.realtime.Update(ctx, socketsKey(userID), table.Update{
		DeleteFrom: map[string]any{"ids": table.StringSet{connectionID}}, If: table.Exists(),
	})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("unlist socket: %w", err)
	}
	return nil
}

// Close takes a socket down: it is marked first, so that no subscription can be
// added any more, then its subscriptions go, then its row. It gives
// the socket's caller and the topics that the socket followed. Closing a socket that is gone is no error.
func (s *Connections) Close(ctx context.Context, connectionID string) (caller.Caller, []Topic, error) {
	item, topics, err := s.detach(ctx, connectionID)
	if err != nil {
		return caller.Caller{}, nil, err
	}
	if err := s.remove(ctx, connectionID); err != nil {
		return caller.Caller{}, nil, err
	}
	return item.caller(connectionID), topics, nil
}

// remove deletes a socket's row.
func (s *Connections) remove(ctx context.Context, connectionID string) error {
	if err := s.realtime.Delete(ctx, connectionKey(connectionID)); err != nil {
		return fmt.Errorf("close connection: %w", err)
	}
	return nil
}

// Detach takes a socket down that was found closed before $disconnect has said so.
// It is Close, but the row stays where the socket's clients were present: it tells
// $disconnect where, and expires where that never comes.
func (s *Connections) Detach(ctx context.Context, connectionID string) (caller.Caller, []Topic, error) {
	item, topics, err := s.detach(ctx, connectionID)
	if err != nil {
		return caller.Caller{}, nil, err
	}
	if len(item.Present) > 0 {
		err = s.realtime.Update(ctx, connectionKey(connectionID), table.Update{Remove: []string{"topics"}, If: table.Exists()})
	} else {
		err = s.realtime.Delete(ctx, connectionKey(connectionID))
	}
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return caller.Caller{}, nil, fmt.Errorf("detach connection: %w", err)
	}
	return item.caller(connectionID), topics, nil
}

// detach marks a socket and removes all that leads to it; the zero row where the
// socket is gone.
func (s *Connections) detach(ctx context.Context, connectionID string) (connectionItem, []Topic, error) {
	item, err := s.shut(ctx, connectionID, table.Exists())
	if errors.Is(err, table.ErrConditionFailed) {
		return connectionItem{}, nil, nil
	}
	if err != nil {
		return connectionItem{}, nil, err
	}
	topics := topicsNamed(item.Topics)
	for _, topic := range topics {
		if err := s.realtime.Delete(ctx, subscriptionKey(topic, connectionID)); err != nil {
			return connectionItem{}, nil, fmt.Errorf("close connection: %w", err)
		}
	}
	return item, topics, s.unlist(ctx, item.UserID, connectionID)
}

// shut marks a socket, so that nothing is added to it any more, and gives what it
// had; table.ErrConditionFailed where the condition doesn't hold.
func (s *Connections) shut(ctx context.Context, connectionID string, holds table.Condition) (connectionItem, error) {
	item, err := table.UpdateReturning[connectionItem](ctx, s.realtime, connectionKey(connectionID), table.Update{
		Set: map[string]any{"closed": true}, If: holds,
	})
	if err != nil {
		return connectionItem{}, fmt.Errorf("mark connection: %w", err)
	}
	return item, nil
}

func topicsNamed(names []string) []Topic {
	topics := make([]Topic, len(names))
	for i, name := range names {
		topics[i] = Topic(name)
	}
	return topics
}

func principalOf(c caller.Caller) Principal {
	return Principal{
		UserID: c.UserID, Email: c.Email, SessionID: c.SessionID,
		OrgID: c.OrgID, OrgRole: c.OrgRole, Permissions: c.Permissions,
	}
}

func (p Principal) caller(connectionID string) caller.Caller {
	return caller.Caller{
		UserID: p.UserID, Email: p.Email, SessionID: p.SessionID,
		OrgID: p.OrgID, OrgRole: p.OrgRole, Permissions: p.Permissions, ConnectionID: connectionID,
	}
}
