package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/clock"
	"github.com/rapport/rapport/shared/table"
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

// End refuses all tokens and tickets of a session from now on. Ending it twice
// is no error.
func (s *Sessions) End(ctx context.Context, userID, sessionID string) error {
	now := s.clock.Now()
	ended := endedSession{UserID: userID, At: now.UnixMilli()}
	if err := s.control.Put(ctx, sessionKey(sessionID), ended, table.Expires(now.Add(endedKept))); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Holds adds to a transaction, under the name `session`, the condition that a
// session hasn't ended.
func (s *Sessions) Holds(tx *table.Tx, sessionID string) {
	tx.Check(s.control, sessionKey(sessionID), table.Absent(), table.Named(opSession))
}
