// Package projection lets many handlers share one reader of a table's stream: a
// shard allows two readers, and domains are more.
//
// A handler brings about what follows from a record: a snapshot, a copy, an entry
// in an index. It sees the records that it says it handles and no others, all of a
// batch at once, while the other handlers see theirs: one that waits or is slow
// delays none of the others' records in its batch. The next batch of the same keys
// comes when the slowest has returned, so a handler bounds how long it waits; the
// templates' ParallelizationFactor keeps other keys going meanwhile.
//
// A record that a handler failed at comes again, to every handler, with all after
// it. So handlers do no harm when they see what they have done already, and each
// says in its comment why that is so. A record that fails to the end becomes a dead
// letter because of one handler; the others have done their part at the first try.
package projection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/table"
)

const (
	// maxHandlers bounds what runs at once: every handler of a reader does, so that
	// none of them waits for another to end.
	maxHandlers = 32
	// answering is how long before the call's own deadline handlers are stopped: a
	// call that is still running then fails as a whole, with the records of those
	// that have succeeded.
	answering = 2 * time.Second
)

// Handler brings about what follows from records.
type Handler interface {
	// Name says which domain it belongs to and what it makes: `notes/snapshots`.
	Name() string
	// Handles reports whether a record is for it, from the record alone.
	Handles(r table.Record) bool
	// Handle takes a batch's records that it handles, in their order, and gives
	// what failed, by record id. It may see a record again, late, and beside newer
	// ones. It bounds its own work, and stops when the context does.
	Handle(ctx context.Context, records []table.Record) map[string]error
}

// Reader gives each handler its records.
type Reader struct {
	log      *slog.Logger
	handlers []Handler
}

// NewReader makes a reader for these handlers. They have names of their own, by
// which failures are distinguished.
func NewReader(log *slog.Logger, handlers ...Handler) (*Reader, error) {
	if len(handlers) > maxHandlers {
		return nil, fmt.Errorf("%d handlers read together; at most %d can", len(handlers), maxHandlers)
	}
	named := map[string]bool{}
	for _, h := range handlers {
		if h.Name() == "" || named[h.Name()] {
			return nil, fmt.Errorf("a handler %T is named %q, which is empty or another's", h, h.Name())
		}
		named[h.Name()] = true
	}
	return &Reader{log: log, handlers: handlers}, nil
}

// Project hands a batch to all handlers at once. It gives what failed, by record
// id: an error that names each handler that failed at the record, and why. A panic
// fails the records of the handler in which it happened.
func (r *Reader) Project(ctx context.Context, records []table.Record) map[string]error {
	if deadline, ok := ctx.Deadline(); ok {
		stopped, cancel := context.WithDeadline(ctx, deadline.Add(-answering))
		defer cancel()
		ctx = stopped
	}
	failures := make([]map[string]error, len(r.handlers))
	var group errgroup.Group
	group.SetLimit(maxHandlers)
	for i, h := range r.handlers {
		group.Go(func() error {
			failures[i] = r.runHandler(ctx, h, records)
			return nil
		})
	}
	_ = group.Wait() // failures are in the list
	failed := map[string]error{}
	for i, h := range r.handlers {
		for id, err := range failures[i] {
			failed[id] = errors.Join(failed[id], fmt.Errorf("%s: %w", h.Name(), err))
		}
	}
	return failed
}

// runHandler gives one handler its records, and returns what failed of them.
func (r *Reader) runHandler(ctx context.Context, h Handler, records []table.Record) map[string]error {
	failed := map[string]error{}
	given := map[string]bool{}
	var own []table.Record
	for _, record := range records {
		var handles bool
		if err := r.guard(ctx, h, func() { handles = h.Handles(record) }); err != nil {
			failed[record.ID] = err
		}
		if handles {
			own, given[record.ID] = append(own, record), true
		}
	}
	if len(own) == 0 {
		return failed
	}
	var reported map[string]error
	err := r.guard(ctx, h, func() { reported = h.Handle(ctx, own) })
	for id, reason := range reported {
		switch {
		case reason == nil:
		case given[id]:
			failed[id] = reason
		default:
			// Nobody could find out which record is meant, so all of them come again.
			err = errors.Join(err, fmt.Errorf("failed at record %q, which it was not given: %w", id, reason))
		}
	}
	if err != nil {
		for id := range given {
			failed[id] = errors.Join(failed[id], err)
		}
	}
	return failed
}

// guard runs f and turns a panic into an error, logged with its stack.
func (r *Reader) guard(ctx context.Context, h Handler, f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
			r.log.ErrorContext(ctx, "handler", "handler", h.Name(), "error", err.Error(), "stack", string(debug.Stack()))
		}
	}()
	f()
	return nil
}
