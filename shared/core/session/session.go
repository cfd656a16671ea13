// Package session remembers, in the table Control, which sessions of identity
// providers have ended. A session is known by its Name. Nothing is stored of one that
// goes on; an ended one is forgotten when no token of it can be valid any more.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// endedKept is how long an ended session is remembered: longer than any
	// access token lives (WorkOS: five minutes by default, a day at most).
	endedKept = 48 * time.Hour
	opSession = "session"
)

// Store keeps the ended sessions.
type Store struct {
	control *table.Table
	clock   clock.Clock
}

// New makes a store in the table Control.
func New(control *table.Table, c clock.Clock) *Store {
	return &Store{control: control, clock: c}
}

// Name is what a session is called here: an issuer's `sid` is its own
// matter, and another issuer may use the same. The hash has one length, so no two
// sessions have one name.
func Name(issuer, sid string) string {
	sum := sha256.Sum256([]byte(issuer))
	return hex.EncodeToString(sum[:8]) + "/" + sid
}

// End refuses all tokens and tickets of a session, by its name, from now on.
// Ending it twice is no error.
func (s *Store) End(ctx context.Context, name string) error {
	now := s.clock.Now()
	if err := s.control.Put(ctx, key(name), Ended{At: now.UnixMilli()}, table.Expires(now.Add(endedKept))); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Lookup reads in a batch whether a session, by its name, has ended: it is found then.
func (s *Store) Lookup(name string) *table.Lookup[Ended] {
	return table.NewLookup[Ended](s.control, key(name))
}

// Holds adds to a transaction, under the name `session`, the condition that a
// session hasn't ended.
func (s *Store) Holds(tx *table.Tx, name string) {
	tx.Check(s.control, key(name), table.Absent(), table.Named(opSession))
}
