package identity

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

// Sessions remembers, in the table Control, which sessions have ended.
type Sessions struct {
	control *table.Table
	clock   clock.Clock
}

// NewSessions makes the memory of ended sessions.
func NewSessions(control *table.Table, c clock.Clock) *Sessions {
	return &Sessions{control: control, clock: c}
}

// SessionName is what a session is called here: an issuer's `sid` is its own
// matter, and another issuer may use the same. The hash has one length, so no two
// sessions have one name.
func SessionName(issuer, sid string) string {
	sum := sha256.Sum256([]byte(issuer))
	return hex.EncodeToString(sum[:8]) + "/" + sid
}

// End refuses all tokens and tickets of a session, by its name, from now on.
// Ending it twice is no error.
func (s *Sessions) End(ctx context.Context, session string) error {
	now := s.clock.Now()
	if err := s.control.Put(ctx, sessionKey(session), endedSession{At: now.UnixMilli()}, table.Expires(now.Add(endedKept))); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Holds adds to a transaction, under the name `session`, the condition that a
// session hasn't ended.
func (s *Sessions) Holds(tx *table.Tx, session string) {
	tx.Check(s.control, sessionKey(session), table.Absent(), table.Named(opSession))
}
