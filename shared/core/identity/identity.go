package identity

import (
	"context"
	"errors"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/table"
)

// ErrUnknown says that somebody is not known: to the identity provider, or here.
var ErrUnknown = errors.New("this user is not known")

// ID is how an identity provider names a person: `iss` and `sub` of a token, which
// mean one person together and nobody apart (OpenID Connect Core, 2).
type ID struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// Profile is what an identity provider knows of a person.
type Profile struct {
	Email       string
	DisplayName string
}

// Users knows the users whom identities name. Its reads are consistent, and read what
// is beside them in the same round trip.
type Users interface {
	// Resolve gives the user that an identity names; ErrUnknown where it names nobody.
	Resolve(ctx context.Context, id ID, beside ...table.Lookups) (userID string, err error)
	// Caller gives a user as a caller without a session; ErrUnknown where there is none.
	Caller(ctx context.Context, userID string, beside ...table.Lookups) (caller.Caller, error)
	// Register gives the user of an identity who is made at first sight, as Caller does.
	// ErrUnknown where the provider knows nobody of that subject; PROVIDER_ERROR where
	// it can't be asked.
	Register(ctx context.Context, id ID) (caller.Caller, error)
}
