package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// Connections knows who stands behind an open socket.
type Connections interface {
	// Caller gives UNAUTHORIZED for a socket that isn't, or no longer, open.
	Caller(ctx context.Context, connectionID string) (caller.Caller, error)
}

var errEnded = errors.New("the session has ended")

// Authenticator lets callers in: by a token, or by a socket that a token's ticket opened.
type Authenticator struct {
	verifier    *Verifier
	users       *users.Service
	connections Connections
	data        *table.Table
	control     *table.Table
	names       *names
}

// NewAuthenticator makes the authenticator of a function.
func NewAuthenticator(v *Verifier, u *users.Service, connections Connections, data, control *table.Table) *Authenticator {
	return &Authenticator{verifier: v, users: u, connections: connections, data: data, control: control, names: newNames()}
}

// Bearer gives the caller behind an access token. Session and user are read
// together, consistently, by an instance that knows the user's id; one that meets
// the person for the first time asks for the id beside the session, and then for
// the user.
func (a *Authenticator) Bearer(ctx context.Context, token string) (caller.Caller, error) {
	claims, err := a.verifier.Verify(ctx, token)
	if err != nil {
		return caller.Caller{}, err
	}
	id := users.Identity{Issuer: claims.Issuer, Subject: claims.Subject}
	session := SessionName(claims.Issuer, claims.SessionID)
	user, known, err := a.acquainted(ctx, id, session)
	if err == nil && !known {
		user, err = a.introduced(ctx, id, session)
	}
	if errors.Is(err, users.ErrUnknown) || errors.Is(err, errEnded) {
		return caller.Caller{}, unauthorized(err)
	}
	if err != nil {
		return caller.Caller{}, err
	}
	return caller.Caller{
		UserID: user.UserID, Email: user.Email, DisplayName: user.DisplayName, Revision: user.Revision,
		SessionID: session, OrgID: claims.OrgID, OrgRole: claims.Role, Permissions: claims.Permissions,
	}, nil
}

// acquainted gives the user of an identity that this instance has met.
func (a *Authenticator) acquainted(ctx context.Context, id users.Identity, session string) (user users.User, known bool, err error) {
	userID, known := a.names.get(id)
	if !known {
		return users.User{}, false, nil
	}
	ended := table.NewLookup[endedSession](a.control, sessionKey(session))
	stored := table.NewLookup[users.User](a.data, users.Key(userID))
	if err := table.BatchGet(ctx, ended, stored); err != nil {
		return users.User{}, false, fmt.Errorf("read session and user: %w", err)
	}
	if ended.Found {
		return users.User{}, false, errEnded
	}
	if !stored.Found {
		// The user was erased; whoever comes by that identity now is somebody new.
		a.names.forget(id)
	}
	return stored.Value, stored.Found, nil
}

// introduced gives the user of an identity that this instance hasn't met, who is
// made at first sight.
func (a *Authenticator) introduced(ctx context.Context, id users.Identity, session string) (users.User, error) {
	ended := table.NewLookup[endedSession](a.control, sessionKey(session))
	naming := table.NewLookup[users.Naming](a.data, users.IdentityKey(id))
	if err := table.BatchGet(ctx, ended, naming); err != nil {
		return users.User{}, fmt.Errorf("read session and identity: %w", err)
	}
	if ended.Found {
		return users.User{}, errEnded
	}
	var user users.User
	var err error
	if naming.Found {
		user, err = a.users.Get(ctx, naming.Value.UserID)
	} else {
		user, err = a.users.Register(ctx, id)
	}
	if err == nil {
		a.names.put(id, user.UserID)
	}
	return user, err
}

// Connection gives the caller behind an open socket.
func (a *Authenticator) Connection(ctx context.Context, connectionID string) (caller.Caller, error) {
	return a.connections.Caller(ctx, connectionID)
}
