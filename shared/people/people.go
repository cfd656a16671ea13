// Package people is about persons among each other: what they say of themselves,
// who finds whom, what they care about, and who is connected with whom.
//
// What two people are to each other lies in one item, the pair: their
// connections, at most one of each type, their blocks, and how long they wait
// after a decline. A change of a pair is one transaction on the condition that the
// pair is still the one that was read, and it writes what follows with it: the
// rows of both people's lists and their counters. So changes of a pair have an
// order, a block and a request never miss each other, and a counter is always the
// recount of the connections.
//
// A connection is requested, then accepted or declined; a `follow` is accepted at
// once. It ends when one of the two deletes it or blocks the other; then it is
// gone from both lists, and its id leads nowhere any more. Whoever is blocked
// learns nothing of it: to them the other is nobody.
//
// The index of names and how many people have an interest follow from records, by
// the handlers Names and Usage.
package people

import (
	"errors"
	"time"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// The actions that are audited. Whoever is signed in may call every function of
// this domain; what is another's is refused by the connection that is named.
const (
	ActionAccept     caller.Action = "people.accept"
	ActionDecline    caller.Action = "people.decline"
	ActionDisconnect caller.Action = "people.disconnect"
	ActionReport     caller.Action = "people.report"
)

// maxTries bounds the race of changes to one item.
const maxTries = 10

// Service keeps people in the table Data.
type Service struct {
	data        *table.Table
	audit       *audit.Log
	idempotency *idempotency.Store
	clock       clock.Clock
}

// Parts are what a service is made of.
type Parts struct {
	Data  *table.Table
	Audit *audit.Log
	Once  *idempotency.Store
	Clock clock.Clock
}

// New makes the service.
func New(p Parts) *Service {
	return &Service{data: p.Data, audit: p.Audit, idempotency: p.Once, clock: p.Clock}
}

// List is a page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
}

// now is the time as this domain has it: whole milliseconds.
func (s *Service) now() time.Time { return s.clock.Now().Truncate(time.Millisecond) }

// nobody is what is said of somebody who doesn't exist, or who is hidden from the
// caller by a block.
func nobody() error { return errs.New(errs.NotFound, "There is no such person.") }

// raced tells whether a write failed because another change of the item named by
// its operation was first.
func raced(err error, op string) bool {
	return table.FailedOp(err, op) != nil || errors.Is(err, table.ErrTransactionConflict)
}

func busy(cause error) error {
	limited := errs.New(errs.RateLimited, "Too many changes at once. Please try again.")
	limited.RetryAfter, limited.Err = time.Second, cause
	return limited
}

// passing makes RATE_LIMITED of a transaction that only met obstacles that pass;
// nothing was committed.
func passing(err error) error {
	if errors.Is(err, table.ErrTransactionConflict) || errors.Is(err, table.ErrOverloaded) {
		return busy(err)
	}
	return err
}
