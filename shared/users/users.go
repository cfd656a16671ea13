// Package users knows the people: who they are by their identity provider, and
// what they call themselves here.
//
// A user is created on first sight: when a verified token first names them, or
// when they are first invited. What the provider knows of them is asked once,
// then; whom it doesn't know, it isn't asked about again for a minute. A user is
// never deleted by this package.
package users

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/idempotency"
	"github.com/rapport/rapport/shared/name"
	"github.com/rapport/rapport/shared/table"
)

// The actions of this domain. They concern the caller alone, so whoever is
// signed in may do them.
const (
	ActionGet    caller.Action = "users.get"
	ActionUpdate caller.Action = "users.update"
)

const (
	// parallelLookups bounds the questions to the directory that one call asks at
	// once.
	parallelLookups = 8
	// unknownKept is how long an id is remembered as unknown.
	unknownKept = time.Minute
)

// ErrUnknown says that the identity provider doesn't know a user.
var ErrUnknown = errors.New("the identity provider does not know this user")

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
// for somebody who isn't in it.
type Directory interface {
	Lookup(ctx context.Context, userID string) (Person, error)
}

// Service keeps users in the table Data, and unknown ids in the table Control.
type Service struct {
	data      *table.Table
	control   *table.Table
	directory Directory
	clock     clock.Clock
	once      *idempotency.Store
}

// New makes the service.
func New(data, control *table.Table, directory Directory, c clock.Clock, once *idempotency.Store) *Service {
	return &Service{data: data, control: control, directory: directory, clock: c, once: once}
}

// Get answers who the caller is.
func (s *Service) Get(_ context.Context, c caller.Caller, _ struct{}) (Me, error) {
	return me(c), nil
}

func me(c caller.Caller) Me {
	return Me{UserID: c.UserID, Email: c.Email, DisplayName: c.DisplayName, OrgID: c.OrgID, OrgRole: c.OrgRole}
}

// Update changes the caller's display name; the one that they have changes
// nothing. Those who keep copies of it, such as meetings, follow the table's
// stream: a user's revision orders their names.
func (s *Service) Update(ctx context.Context, c caller.Caller, in UpdateRequest) (Me, error) {
	if in.DisplayName == nil || *in.DisplayName == c.DisplayName {
		return me(c), nil
	}
	c.DisplayName = *in.DisplayName
	tx := table.NewTx()
	tx.Update(s.data, Key(c.UserID), table.Update{
		Set: map[string]any{"displayName": c.DisplayName}, Add: map[string]any{"revision": 1}, If: table.Exists(),
	})
	answer := me(c)
	if err := s.once.Commit(ctx, tx, c.Once, answer); err != nil {
		return Me{}, fmt.Errorf("update user %s: %w", c.UserID, err)
	}
	return answer, nil
}

// Ensure gives a user, creating them on first sight from what the directory
// knows. ErrUnknown where it knows nobody of that id; PROVIDER_ERROR where it
// can't be asked.
func (s *Service) Ensure(ctx context.Context, userID string) (User, error) {
	user, err := table.Get[User](ctx, s.data, Key(userID))
	if err == nil || !errors.Is(err, table.ErrNotFound) {
		return user, err
	}
	return s.Create(ctx, userID)
}

// Create writes a user who isn't stored yet, or gives the one whom another call
// has written meanwhile.
func (s *Service) Create(ctx context.Context, userID string) (User, error) {
	person, err := s.lookup(ctx, userID)
	if err != nil {
		return User{}, err
	}
	return s.store(ctx, userID, person)
}

// lookup asks the directory. ErrUnknown where it knows nobody of that id.
func (s *Service) lookup(ctx context.Context, userID string) (Person, error) {
	person, err := s.directory.Lookup(ctx, userID)
	if errors.Is(err, ErrUnknown) {
		return Person{}, ErrUnknown
	}
	if err != nil {
		provider := errs.New(errs.Provider, "The identity provider could not be asked. Please try again.")
		provider.Err = err
		return Person{}, provider
	}
	person.DisplayName = called(userID, person)
	return person, nil
}

// called is what somebody is called whom the directory knows: by its name for
// them, as far as it is a name here, or else by what their address or their id
// begins with. Nobody is kept out for how they are written there.
func called(userID string, person Person) string {
	local, _, _ := strings.Cut(person.Email, "@")
	for _, text := range []string{person.DisplayName, local, userID} {
		if clean := name.Clean(text, maxName); clean != "" {
			return clean
		}
	}
	return "Unnamed"
}

func (s *Service) store(ctx context.Context, userID string, person Person) (User, error) {
	user := User{
		UserID: userID, Email: person.Email, DisplayName: person.DisplayName, Revision: 1, CreatedAt: s.clock.Now(),
	}
	err := s.data.Put(ctx, Key(userID), user, table.If(table.Absent()))
	if conflict, ok := errors.AsType[*table.ConditionError](err); ok {
		var standing User
		err := conflict.Decode(&standing)
		return standing, err
	}
	if err != nil {
		return User{}, fmt.Errorf("create user %s: %w", userID, err)
	}
	return user, nil
}
