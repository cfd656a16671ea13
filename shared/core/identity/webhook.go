package identity

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/session"
	"github.com/rapport/rapport/shared/core/table"
)

// actionEndSession is what is audited of a session's end.
const actionEndSession caller.Action = "sessions.end"

// sessionRevoked is the type of the event that ends a session.
const sessionRevoked = "session.revoked"

// Resolver gives the user that an identity names, as Users does.
type Resolver interface {
	Resolve(ctx context.Context, id ID, beside ...table.Lookups) (userID string, err error)
}

// Provider handles the identity provider's events about people and their sessions.
type Provider struct {
	issuer   string
	users    Resolver
	sessions *session.Store
}

// NewProvider makes the listener to a provider that signs tokens as an issuer.
func NewProvider(issuer string, u Resolver, sessions *session.Store) *Provider {
	return &Provider{issuer: issuer, users: u, sessions: sessions}
}

// EventRequest is one of WorkOS's events (workos.com/docs/events). Its
// other fields mean nothing here.
type EventRequest struct {
	ID    string          `json:"id" minLength:"1" maxLength:"255"`
	Event string          `json:"event" minLength:"1" maxLength:"255" doc:"Such as session.revoked."`
	Data  json.RawMessage `json:"data" doc:"What the event is about; its fields depend on the event."`
}

// EventAnswer answers an event.
type EventAnswer struct {
	Handled bool `json:"handled" doc:"False for an event that means nothing here."`
}

// revokedSession is WorkOS's session object in its event.
type revokedSession struct {
	ID     string `json:"id"`
	UserID string `json:"user_id"`
}

// Receive takes an event whose signature has been checked. `session.revoked` ends a
// session before it is answered: its tokens and tickets are refused, its sockets
// notified and closed. Every other event is acknowledged. The same event may come
// any number of times, and must come again where the answer is an error.
//
// The session is ended before its user is looked for: a socket is opened on the
// condition that its session hasn't ended, so whoever isn't found afterwards has
// none, and can't get one.
func (p *Provider) Receive(ctx context.Context, c caller.Caller, in EventRequest) (EventAnswer, effect.Effects, error) {
	if in.Event != sessionRevoked {
		return EventAnswer{}, nil, nil
	}
	var revoked revokedSession
	if err := json.Unmarshal(in.Data, &revoked); err != nil {
		return EventAnswer{}, nil, errs.Invalid("body.data", "is not a session")
	}
	switch {
	case revoked.ID == "" || len(revoked.ID) > maxName:
		return EventAnswer{}, nil, errs.Invalid("body.data.id", "must have 1 to %d bytes", maxName)
	case revoked.UserID == "" || len(revoked.UserID) > maxName:
		return EventAnswer{}, nil, errs.Invalid("body.data.user_id", "must have 1 to %d bytes", maxName)
	}
	name := session.Name(p.issuer, revoked.ID)
	if err := p.sessions.End(ctx, name); err != nil {
		return EventAnswer{}, nil, err
	}
	userID, err := p.users.Resolve(ctx, ID{Issuer: p.issuer, Subject: revoked.UserID})
	if errors.Is(err, ErrUnknown) {
		return EventAnswer{Handled: true}, nil, nil
	}
	if err != nil {
		return EventAnswer{}, nil, err
	}
	c.UserID, c.SessionID = userID, name
	return EventAnswer{Handled: true}, effect.Effects{
		realtime.SessionEnd{UserID: userID, SessionID: name},
		audit.Record{Caller: c, Action: actionEndSession, Resource: "users/" + userID, Result: audit.Done},
	}, nil
}
