package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/users"
)

// actionEndSession is what is audited of a session's end.
const actionEndSession caller.Action = "sessions.end"

// sessionRevoked is the type of the event that ends a session.
const sessionRevoked = "session.revoked"

// Sockets takes down what a session has opened.
type Sockets interface {
	// EndSession tells every socket of the session and closes it; none can be
	// opened any more. It may be called again.
	EndSession(ctx context.Context, userID, sessionID string) error
}

// Provider hears what the identity provider says of people and their sessions.
type Provider struct {
	issuer   string
	users    *users.Service
	sessions *Sessions
	sockets  Sockets
	audit    *audit.Log
}

// NewProvider makes the listener to a provider that signs tokens as an issuer.
func NewProvider(issuer string, u *users.Service, sessions *Sessions, sockets Sockets, a *audit.Log) *Provider {
	return &Provider{issuer: issuer, users: u, sessions: sessions, sockets: sockets, audit: a}
}

// EventRequest is one of WorkOS's events (workos.com/docs/events). What it says
// beside this is of no concern here.
type EventRequest struct {
	ID    string          `json:"id" minLength:"1" maxLength:"255"`
	Event string          `json:"event" minLength:"1" maxLength:"255" doc:"Such as session.revoked."`
	Data  json.RawMessage `json:"data" doc:"What the event is about; its fields depend on the event."`
}

// Heard answers an event.
type Heard struct {
	Handled bool `json:"handled" doc:"False for an event that means nothing here."`
}

// revokedSession is WorkOS's session object in its event.
type revokedSession struct {
	ID     string `json:"id"`
	UserID string `json:"user_id"`
}

// Receive takes an event whose signature has been checked. `session.revoked` ends a
// session before it is answered: its tokens and tickets are refused, its sockets
// told and closed. Every other event is acknowledged. The same event may come
// any number of times, and must come again where the answer is an error.
//
// The session is ended before its user is looked for: a socket is opened on the
// condition that its session hasn't ended, so whoever isn't found afterwards has
// none, and can't get one.
func (p *Provider) Receive(ctx context.Context, c caller.Caller, in EventRequest) (Heard, error) {
	if in.Event != sessionRevoked {
		return Heard{}, nil
	}
	var session revokedSession
	if err := json.Unmarshal(in.Data, &session); err != nil {
		return Heard{}, errs.Invalid("body.data", "is not a session")
	}
	switch {
	case session.ID == "" || len(session.ID) > maxName:
		return Heard{}, errs.Invalid("body.data.id", "must have 1 to %d bytes", maxName)
	case session.UserID == "" || len(session.UserID) > maxName:
		return Heard{}, errs.Invalid("body.data.user_id", "must have 1 to %d bytes", maxName)
	}
	name := SessionName(p.issuer, session.ID)
	if err := p.sessions.End(ctx, name); err != nil {
		return Heard{}, err
	}
	userID, err := p.users.Resolve(ctx, users.Identity{Issuer: p.issuer, Subject: session.UserID})
	if errors.Is(err, users.ErrUnknown) {
		return Heard{Handled: true}, nil
	}
	if err != nil {
		return Heard{}, err
	}
	if err := p.sockets.EndSession(ctx, userID, name); err != nil {
		return Heard{}, fmt.Errorf("sockets of an ended session: %w", err)
	}
	c.UserID, c.SessionID = userID, name
	return Heard{Handled: true}, p.audit.Record(ctx, c, actionEndSession, "users/"+userID, audit.Done)
}
