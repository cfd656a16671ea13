// Package users knows the people: who they are by their identity providers, and
// what they call themselves here.
//
// A user's id is ours and means nothing outside. A user is created on first
// sight, when a verified token first names them: what the provider knows of them
// is asked once, then. An item for issuer and subject, made in the same
// transaction, says whose that identity is; further ones can be attached later,
// so that somebody who comes by another provider is still the same person. A user
// is never deleted by this package.
package users

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// The actions of this domain. They concern the caller alone, so everybody
// who is signed in may do them.
const (
	ActionGet    caller.Action = "users.get"
	ActionUpdate caller.Action = "users.update"
)

// User is a person as stored.
type User struct {
	UserID      string `json:"userId"`
	Email       string `json:"email"`
	DisplayName string `json:"displayName"`
	// Revision grows with every change: of two copies of a name, that of the higher
	// revision is the newer one.
	Revision  int64     `json:"revision"`
	CreatedAt time.Time `json:"createdAt"`
}

// Me is the caller, as GET /v1/me answers.
type Me struct {
	UserID      string `json:"userId"`
	Email       string `json:"email"`
	DisplayName string `json:"displayName"`
	OrgID       string `json:"orgId"`
	OrgRole     string `json:"orgRole"`
}

// UpdateRequest changes what the caller is called. What is absent stays.
type UpdateRequest struct {
	DisplayName *string `json:"displayName,omitzero" minLength:"1" maxLength:"100" name:"true" doc:"What others see."`
}

// Service keeps users and their identities in the table Data.
type Service struct {
	data        *table.Table
	audit       *audit.Log
	clock       clock.Clock
	idempotency *idempotency.Store
}

// New makes the service.
func New(data *table.Table, a *audit.Log, c clock.Clock, once *idempotency.Store) *Service {
	return &Service{data: data, audit: a, clock: c, idempotency: once}
}

// Me answers who the caller is.
func (s *Service) Me(_ context.Context, c caller.Caller, _ struct{}) (Me, error) {
	return me(c), nil
}

func me(c caller.Caller) Me {
	return Me{UserID: c.UserID, Email: c.Email, DisplayName: c.DisplayName, OrgID: c.OrgID, OrgRole: c.OrgRole}
}

// Update changes the caller's display name; the name that they have already changes
// nothing. Domains that keep copies of names, such as meetings, follow the table's
// stream: a user's revision orders their names.
func (s *Service) Update(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateRequest) (Me, effect.Effects, error) {
	if in.DisplayName == nil || *in.DisplayName == c.DisplayName {
		return me(c), nil, nil
	}
	c.DisplayName = *in.DisplayName
	tx := table.NewTx()
	tx.Update(s.data, Key(c.UserID), table.Update{
		Set: map[string]any{"displayName": c.DisplayName}, Add: map[string]any{"revision": 1}, If: table.Exists(),
	})
	answer := me(c)
	if err := s.idempotency.Commit(ctx, tx, execution, answer); err != nil {
		return Me{}, nil, fmt.Errorf("update user %s: %w", c.UserID, err)
	}
	return answer, nil, nil
}
