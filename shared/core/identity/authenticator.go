package identity

import (
	"context"
	"errors"

	"github.com/rapport/rapport/shared/core/cache"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/session"
)

// knownIdentities is how many a generation of the cache holds: with its strings one takes
// some 300 bytes.
const knownIdentities = 1000

var errEnded = errors.New("the session has ended")

// Authenticator lets callers in by their access tokens.
type Authenticator struct {
	verifier *Verifier
	users    Users
	sessions *session.Store
	// known has which users identities name. That can't go out of date while the user
	// exists.
	known *cache.Cache[ID, string]
}

// NewAuthenticator makes the authenticator of a function.
func NewAuthenticator(v *Verifier, u Users, sessions *session.Store) *Authenticator {
	return &Authenticator{verifier: v, users: u, sessions: sessions, known: cache.New[ID, string](knownIdentities)}
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
	id := ID{Issuer: claims.Issuer, Subject: claims.Subject}
	name := session.Name(claims.Issuer, claims.SessionID)
	user, known, err := a.cached(ctx, id, name)
	if err == nil && !known {
		user, err = a.resolve(ctx, id, name)
	}
	if errors.Is(err, ErrUnknown) || errors.Is(err, errEnded) {
		return caller.Caller{}, unauthorized(err)
	}
	if err != nil {
		return caller.Caller{}, err
	}
	user.SessionID, user.OrgID, user.OrgRole, user.Permissions = name, claims.OrgID, claims.Role, claims.Permissions
	return user, nil
}

// cached gives the user of an identity that this instance has met.
func (a *Authenticator) cached(ctx context.Context, id ID, sessionName string) (user caller.Caller, known bool, err error) {
	userID, known := a.known.Get(id)
	if !known {
		return caller.Caller{}, false, nil
	}
	ended := a.sessions.Lookup(sessionName)
	user, err = a.users.Caller(ctx, userID, ended)
	unknown := errors.Is(err, ErrUnknown)
	if err != nil && !unknown {
		return caller.Caller{}, false, err
	}
	if ended.Found {
		return caller.Caller{}, false, errEnded
	}
	if unknown {
		// The user was erased; whoever comes by that identity now is somebody new.
		a.known.Forget(id)
	}
	return user, !unknown, nil
}

// resolve gives the user of an identity that this instance hasn't met, who is
// made at first sight.
func (a *Authenticator) resolve(ctx context.Context, id ID, sessionName string) (caller.Caller, error) {
	ended := a.sessions.Lookup(sessionName)
	userID, err := a.users.Resolve(ctx, id, ended)
	unknown := errors.Is(err, ErrUnknown)
	if err != nil && !unknown {
		return caller.Caller{}, err
	}
	if ended.Found {
		return caller.Caller{}, errEnded
	}
	var user caller.Caller
	if unknown {
		user, err = a.users.Register(ctx, id)
	} else {
		user, err = a.users.Caller(ctx, userID)
	}
	if err == nil {
		a.known.Put(id, user.UserID)
	}
	return user, err
}
