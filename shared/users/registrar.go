package users

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/name"
	"github.com/rapport/rapport/shared/core/table"
)

// maxName is how long a display name is, in code points.
const maxName = 100

// Directory is the identity provider's list of people. Lookup gives
// identity.ErrUnknown for a subject that isn't in it.
type Directory interface {
	Lookup(ctx context.Context, subject string) (identity.Profile, error)
}

// Registrar is the service for who lets callers in by their identities: it makes the
// users who come for the first time. It implements identity.Users.
type Registrar struct {
	*Service
	directory Directory
}

// NewRegistrar makes a registrar that asks a directory about newcomers.
func NewRegistrar(s *Service, directory Directory) *Registrar {
	return &Registrar{Service: s, directory: directory}
}

// Caller implements identity.Users.
func (r *Registrar) Caller(ctx context.Context, userID string, beside ...table.Lookups) (caller.Caller, error) {
	user, err := r.Get(ctx, userID, beside...)
	if err != nil {
		return caller.Caller{}, err
	}
	return user.caller(), nil
}

func (u User) caller() caller.Caller {
	return caller.Caller{UserID: u.UserID, Email: u.Email, DisplayName: u.DisplayName, Revision: u.Revision}
}

// Register makes the user of an identity at first sight, under a new id, from
// what the directory knows; user and identity are stored together or not at all.
// Whoever comes second gets the user whom the first has made. identity.ErrUnknown where
// the directory knows nobody of that subject; PROVIDER_ERROR where it can't be
// asked.
func (r *Registrar) Register(ctx context.Context, id identity.ID) (caller.Caller, error) {
	profile, err := r.lookup(ctx, id.Subject)
	if err != nil {
		return caller.Caller{}, err
	}
	user := User{
		UserID: clock.NewID(r.clock), Email: profile.Email, DisplayName: profile.DisplayName, Revision: 1, CreatedAt: r.clock.Now(),
	}
	tx := table.NewTx()
	tx.Put(r.data, Key(user.UserID), user, table.If(table.Absent()))
	r.name(tx, id, user.UserID)
	err = tx.Commit(ctx)
	if table.FailedOp(err, opIdentity) != nil || errors.Is(err, table.ErrTransactionConflict) {
		return r.registered(ctx, id, err)
	}
	if err != nil {
		return caller.Caller{}, fmt.Errorf("register user: %w", err)
	}
	return user.caller(), nil
}

// registered gives the user whom another call has made, or the error that says
// why this one could not.
func (r *Registrar) registered(ctx context.Context, id identity.ID, refused error) (caller.Caller, error) {
	userID, err := r.Resolve(ctx, id)
	if errors.Is(err, identity.ErrUnknown) {
		return caller.Caller{}, fmt.Errorf("register user: %w", refused)
	}
	if err != nil {
		return caller.Caller{}, err
	}
	return r.Caller(ctx, userID)
}

// lookup asks the directory. identity.ErrUnknown where it knows nobody of that subject.
func (r *Registrar) lookup(ctx context.Context, subject string) (identity.Profile, error) {
	profile, err := r.directory.Lookup(ctx, subject)
	if errors.Is(err, identity.ErrUnknown) {
		return identity.Profile{}, identity.ErrUnknown
	}
	if err != nil {
		provider := errs.New(errs.Provider, "The identity provider could not be asked. Please try again.")
		provider.Err = err
		return identity.Profile{}, provider
	}
	profile.DisplayName = called(subject, profile)
	return profile, nil
}

// called is what somebody is called whom the directory knows: by its name for
// them, as far as it is a name here, or else by what their address or its id for
// them begins with. Nobody is kept out for how they are written there.
func called(subject string, profile identity.Profile) string {
	local, _, _ := strings.Cut(profile.Email, "@")
	for _, text := range []string{profile.DisplayName, local, subject} {
		if clean := name.Clean(text, maxName); clean != "" {
			return clean
		}
	}
	return "Unnamed"
}
