package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/table"
	"github.com/rapport/rapport/shared/users"
)

// Connections knows who stands behind an open socket.
type Connections interface {
	// Caller gives UNAUTHORIZED for a socket that isn't, or no longer, open.
	Caller(ctx context.Context, connectionID string) (caller.Caller, error)
}

// Gate lets callers in: by a token, or by a socket that a token's ticket opened.
type Gate struct {
	verifier    *Verifier
	users       *users.Service
	connections Connections
	data        *table.Table
	control     *table.Table
}

// NewGate makes the gate of a function.
func NewGate(v *Verifier, u *users.Service, connections Connections, data, control *table.Table) *Gate {
	return &Gate{verifier: v, users: u, connections: connections, data: data, control: control}
}

// Bearer gives the caller behind an access token, whose session and user are
// read together, consistently.
func (g *Gate) Bearer(ctx context.Context, token string) (caller.Caller, error) {
	claims, err := g.verifier.Verify(ctx, token)
	if err != nil {
		return caller.Caller{}, err
	}
	ended := table.WantItem[endedSession](g.control, sessionKey(claims.SessionID))
	user := table.WantItem[users.User](g.data, users.Key(claims.Subject))
	if err := table.BatchGet(ctx, ended, user); err != nil {
		return caller.Caller{}, fmt.Errorf("read session and user: %w", err)
	}
	if ended.Found {
		return caller.Caller{}, unauthorized(errors.New("the session has ended"))
	}
	if !user.Found {
		if user.Value, err = g.users.Create(ctx, claims.Subject); errors.Is(err, users.ErrUnknown) {
			return caller.Caller{}, unauthorized(err)
		}
		if err != nil {
			return caller.Caller{}, err
		}
	}
	return caller.Caller{
		UserID: claims.Subject, Email: user.Value.Email, DisplayName: user.Value.DisplayName, Revision: user.Value.Revision,
		SessionID: claims.SessionID, OrgID: claims.OrgID, OrgRole: claims.Role, Permissions: claims.Permissions,
	}, nil
}

// Connection gives the caller behind an open socket.
func (g *Gate) Connection(ctx context.Context, connectionID string) (caller.Caller, error) {
	return g.connections.Caller(ctx, connectionID)
}
