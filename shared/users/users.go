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
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/name"
	"github.com/rapport/rapport/shared/core/table"
)

// The actions of this domain. They concern the caller alone, so whoever is
// signed in may do them.
const (
	ActionGet    caller.Action = "users.get"
	ActionUpdate caller.Action = "users.update"
)

// ErrUnknown says that somebody is not known: to the identity provider, or here.
var ErrUnknown = errors.New("this user is not known")

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

// maxName is how long a display name is, in code points.
const maxName = 100

// UpdateRequest changes what the caller is called. What is absent stays.
type UpdateRequest struct {
	DisplayName *string `json:"displayName,omitzero" minLength:"1" maxLength:"100" name:"true" doc:"What others see."`
}

// Person is what the identity provider knows.
type Person struct {
	Email       string
	DisplayName string
}

// Directory is the identity provider's list of people. Lookup gives ErrUnknown
// for a subject that isn't in it.
type Directory interface {
	Lookup(ctx context.Context, subject string) (Person, error)
}

// Service keeps users and their identities in the table Data.
type Service struct {
	data        *table.Table
	directory   Directory
	audit       *audit.Log
	clock       clock.Clock
	idempotency *idempotency.Store
}

// New makes the service.
func New(data *table.Table, directory Directory, a *audit.Log, c clock.Clock, once *idempotency.Store) *Service {
	return &Service{data: data, directory: directory, audit: a, clock: c, idempotency: once}
}

// Me answers who the caller is.
func (s *Service) Me(_ context.Context, c caller.Caller, _ struct{}) (Me, error) {
	return me(c), nil
}

func me(c caller.Caller) Me {
	return Me{UserID: c.UserID, Email: c.Email, DisplayName: c.DisplayName, OrgID: c.OrgID, OrgRole: c.OrgRole}
}

// Update changes the caller's display name; the one that they have changes
// nothing. Those who keep copies of it, such as meetings, follow the table's
// stream: a user's revision orders their names.
func (s *Service) Update(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateRequest) (Me, error) {
	if in.DisplayName == nil || *in.DisplayName == c.DisplayName {
		return me(c), nil
	}
	c.DisplayName = *in.DisplayName
	tx := table.NewTx()
	tx.Update(s.data, Key(c.UserID), table.Update{
		Set: map[string]any{"displayName": c.DisplayName}, Add: map[string]any{"revision": 1}, If: table.Exists(),
	})
	answer := me(c)
	if err := s.idempotency.Commit(ctx, tx, execution, answer); err != nil {
		return Me{}, fmt.Errorf("update user %s: %w", c.UserID, err)
	}
	return answer, nil
}

// lookup asks the directory. ErrUnknown where it knows nobody of that subject.
func (s *Service) lookup(ctx context.Context, subject string) (Person, error) {
	person, err := s.directory.Lookup(ctx, subject)
	if errors.Is(err, ErrUnknown) {
		return Person{}, ErrUnknown
	}
	if err != nil {
		provider := errs.New(errs.Provider, "The identity provider could not be asked. Please try again.")
		provider.Err = err
		return Person{}, provider
	}
	person.DisplayName = called(subject, person)
	return person, nil
}

// called is what somebody is called whom the directory knows: by its name for
// them, as far as it is a name here, or else by what their address or its id for
// them begins with. Nobody is kept out for how they are written there.
func called(subject string, person Person) string {
	local, _, _ := strings.Cut(person.Email, "@")
	for _, text := range []string{person.DisplayName, local, subject} {
		if clean := name.Clean(text, maxName); clean != "" {
			return clean
		}
	}
	return "Unnamed"
}
