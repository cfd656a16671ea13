// Package audit keeps who did what to which resource, with what result. Entries
// are only ever added: no policy anywhere grants changing or deleting one.
// They name people, actions and resources, never what people wrote.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/table"
)

// Result is how an action ended.
type Result string

// The results.
const (
	Done   Result = "done"
	Denied Result = "denied"
)

// Entry is one line of the audit log.
type Entry struct {
	At        time.Time     `json:"at"`
	UserID    string        `json:"userId"`
	SessionID string        `json:"sessionId,omitempty"`
	RequestID string        `json:"requestId,omitempty"`
	Action    caller.Action `json:"action"`
	// Resource is a path such as `meetings/01J.../participants/user_1`.
	Resource string `json:"resource"`
	Result   Result `json:"result"`
}

// Log writes entries to the table Audit.
type Log struct {
	table *table.Table
	clock clock.Clock
}

// New makes an audit log over the table Audit.
func New(t *table.Table, c clock.Clock) *Log { return &Log{table: t, clock: c} }

// Add puts an entry into a transaction, so that it stands exactly when the
// effect does.
func (l *Log) Add(tx *table.Tx, c caller.Caller, action caller.Action, resource string) {
	e := l.entry(c, action, resource, Done)
	tx.Put(l.table, l.key(e), e, table.If(table.Absent()))
}

// Record is the effect of a call whose entry stands in no transaction.
type Record struct {
	Caller   caller.Caller
	Action   caller.Action
	Resource string
	Result   Result
}

// When implements effect.Effect: what can't be audited is not answered as done.
func (Record) When() effect.When { return effect.Before }

// Record writes an entry on its own.
func (l *Log) Record(ctx context.Context, c caller.Caller, action caller.Action, resource string, result Result) error {
	e := l.entry(c, action, resource, result)
	if err := l.table.Put(ctx, l.key(e), e); err != nil {
		return fmt.Errorf("audit %s of %s: %w", action, resource, err)
	}
	return nil
}

func (l *Log) entry(c caller.Caller, action caller.Action, resource string, result Result) Entry {
	return Entry{
		At: l.clock.Now(), UserID: c.UserID, SessionID: c.SessionID, RequestID: c.RequestID,
		Action: action, Resource: resource, Result: result,
	}
}
