package users

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// ActionAttach is what is audited of a further identity. No function offers it.
const ActionAttach caller.Action = "users.attach"

// The operations of a transaction that may find somebody there.
const (
	opUser     = "user"
	opIdentity = "identity"
	opIssuer   = "issuer"
)

// maxIdentity bounds issuer and subject, in bytes.
const maxIdentity = 255

// Identity is how an identity provider names a person: `iss` and `sub` of a
// token, which mean one person together and nobody apart (OpenID Connect Core,
// 2). Once it names a user it names them for as long as they are kept.
type Identity struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// Naming is an identity as stored: whose it is. It never changes.
type Naming struct {
	Identity
	UserID string `json:"userId"`
	// At is since when, in milliseconds since 1970.
	At int64 `json:"at"`
}

// Resolve tells which user an identity names, by a consistent read; ErrUnknown
// where it names nobody.
func (s *Service) Resolve(ctx context.Context, id Identity) (string, error) {
	naming := table.NewLookup[Naming](s.data, IdentityKey(id))
	if err := table.BatchGet(ctx, naming); err != nil {
		return "", fmt.Errorf("resolve identity: %w", err)
	}
	if !naming.Found {
		return "", ErrUnknown
	}
	return naming.Value.UserID, nil
}

// Get gives a stored user, by a consistent read; ErrUnknown where there is none.
func (s *Service) Get(ctx context.Context, userID string) (User, error) {
	want := table.NewLookup[User](s.data, Key(userID))
	if err := table.BatchGet(ctx, want); err != nil {
		return User{}, fmt.Errorf("read user %s: %w", userID, err)
	}
	if !want.Found {
		return User{}, fmt.Errorf("user %s: %w", userID, ErrUnknown)
	}
	return want.Value, nil
}

// Register makes the user of an identity at first sight, under a new id, from
// what the directory knows; user and identity are stored together or not at all.
// Whoever comes second gets the user whom the first has made. ErrUnknown where
// the directory knows nobody of that subject; PROVIDER_ERROR where it can't be
// asked.
func (s *Service) Register(ctx context.Context, id Identity) (User, error) {
	person, err := s.lookup(ctx, id.Subject)
	if err != nil {
		return User{}, err
	}
	user := User{
		UserID: clock.NewID(s.clock), Email: person.Email, DisplayName: person.DisplayName, Revision: 1, CreatedAt: s.clock.Now(),
	}
	tx := table.NewTx()
	tx.Put(s.data, Key(user.UserID), user, table.If(table.Absent()))
	s.name(tx, id, user.UserID)
	err = tx.Commit(ctx)
	if table.FailedOp(err, opIdentity) != nil || errors.Is(err, table.ErrTransactionConflict) {
		return s.registered(ctx, id, err)
	}
	if err != nil {
		return User{}, fmt.Errorf("register user: %w", err)
	}
	return user, nil
}

// registered gives the user whom another call has made, or the error that says
// why this one could not.
func (s *Service) registered(ctx context.Context, id Identity, refused error) (User, error) {
	userID, err := s.Resolve(ctx, id)
	if errors.Is(err, ErrUnknown) {
		return User{}, fmt.Errorf("register user: %w", refused)
	}
	if err != nil {
		return User{}, err
	}
	return s.Get(ctx, userID)
}

// Attach lets a further identity name a user, from now on and for good: whoever
// presents it is that user. NOT_FOUND where there is no such user; CONFLICT where
// the identity names somebody already, or the user has one of that issuer. So a
// second call for the same is a CONFLICT, and of two at once one succeeds. It is
// audited as the caller's deed, who must have been found to be entitled to it:
// nothing here checks that the identity is the user's.
func (s *Service) Attach(ctx context.Context, c caller.Caller, userID string, id Identity) error {
	switch {
	case id.Issuer == "" || len(id.Issuer) > maxIdentity:
		return errs.Invalid("issuer", "must have 1 to %d bytes", maxIdentity)
	case id.Subject == "" || len(id.Subject) > maxIdentity:
		return errs.Invalid("subject", "must have 1 to %d bytes", maxIdentity)
	}
	tx := table.NewTx()
	tx.Check(s.data, Key(userID), table.Exists(), table.Named(opUser))
	s.name(tx, id, userID)
	s.audit.Add(tx, c, ActionAttach, "users/"+userID)
	err := tx.Commit(ctx)
	switch {
	case table.FailedOp(err, opUser) != nil:
		return errs.New(errs.NotFound, "There is no such user.")
	case table.FailedOp(err, opIdentity) != nil:
		return errs.New(errs.Conflict, "This identity names somebody already.")
	case table.FailedOp(err, opIssuer) != nil:
		return errs.New(errs.Conflict, "This user has an identity of that issuer.")
	case err != nil:
		return fmt.Errorf("attach identity to user %s: %w", userID, err)
	}
	return nil
}

// name adds to a transaction that an identity names a user, on the condition that
// it names nobody and that the user has no other of its issuer.
func (s *Service) name(tx *table.Tx, id Identity, userID string) {
	item := Naming{Identity: id, UserID: userID, At: s.clock.Now().UnixMilli()}
	tx.Put(s.data, IdentityKey(id), item, table.If(table.Absent()), table.Named(opIdentity))
	tx.Put(s.data, ownIdentityKey(userID, id.Issuer), item, table.If(table.Absent()), table.Named(opIssuer))
}
