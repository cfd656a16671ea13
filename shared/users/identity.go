package users

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity"
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

// naming is an identity as stored: whose it is. It never changes: once an identity
// names a user, it names them for as long as they are kept.
type naming struct {
	identity.ID
	UserID string `json:"userId"`
	// At is since when, in milliseconds since 1970.
	At int64 `json:"at"`
}

// Resolve gives the user that an identity names, by a consistent read;
// identity.ErrUnknown where it names nobody. What is beside is read in the same round
// trip, also for nobody.
func (s *Service) Resolve(ctx context.Context, id identity.ID, beside ...table.Lookups) (string, error) {
	stored := table.NewLookup[naming](s.data, IdentityKey(id))
	if err := table.BatchGet(ctx, append(beside, stored)...); err != nil {
		return "", fmt.Errorf("resolve identity: %w", err)
	}
	if !stored.Found {
		return "", identity.ErrUnknown
	}
	return stored.Value.UserID, nil
}

// Get gives a stored user, by a consistent read; identity.ErrUnknown where there is
// none. What is beside is read in the same round trip, also for nobody.
func (s *Service) Get(ctx context.Context, userID string, beside ...table.Lookups) (User, error) {
	stored := table.NewLookup[User](s.data, Key(userID))
	if err := table.BatchGet(ctx, append(beside, stored)...); err != nil {
		return User{}, fmt.Errorf("read user %s: %w", userID, err)
	}
	if !stored.Found {
		return User{}, fmt.Errorf("user %s: %w", userID, identity.ErrUnknown)
	}
	return stored.Value, nil
}

// Attach lets a further identity name a user, from now on and for good: a token with
// this identity is that user's. NOT_FOUND where there is no such user; CONFLICT where
// the identity names somebody already, or the user has one of that issuer. So a
// second call for the same is a CONFLICT, and of two at once one succeeds. It is
// audited as the caller's deed, who must have been found to be entitled to it:
// nothing here checks that the identity is the user's.
func (s *Service) Attach(ctx context.Context, c caller.Caller, userID string, id identity.ID) error {
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
func (s *Service) name(tx *table.Tx, id identity.ID, userID string) {
	item := naming{ID: id, UserID: userID, At: s.clock.Now().UnixMilli()}
	tx.Put(s.data, IdentityKey(id), item, table.If(table.Absent()), table.Named(opIdentity))
	tx.Put(s.data, ownIdentityKey(userID, id.Issuer), item, table.If(table.Absent()), table.Named(opIssuer))
}
