package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/table"
)

// Tail as a base means "after whatever is newest".
const Tail int64 = -1

// Append is one writer's intent.
type Append struct {
	Topic string
	// Base is the position that the writer has seen, or Tail.
	Base int64
	// Identity finds a retry among the entries after Base, and the writer's own
	// entry when the answer to its put is lost: always give a ClientID.
	Identity Identity
	// Deadline is when the permission to append ends; no try starts after it.
	Deadline time.Time
	// Prepare makes the draft that follows prev, the entry before the free
	// position. since holds what was committed after the base, or since the last
	// call: Prepare is called again after every lost race, ten times at most. Its
	// error ends the append with nothing committed.
	Prepare func(prev Entry, since []Entry) (Draft, error)
}

// Committed is a successful append.
type Committed struct {
	Entry Entry
	// Repeated is true where the same append had been committed before: Entry is
	// the one of then.
	Repeated bool
	// Newest is the newest position that the writer knows of.
	Newest int64
}

// Append puts an entry at the next position. It costs one query and, when
// nobody races and the entry has at most 1 KB, one write unit. Errors: ErrClosed,
// ErrContended, ErrLate, ErrReused, *GoneError for a base that isn't kept,
// *BeyondError for one beyond the newest, and whatever Prepare returns. After
// any of them nothing is committed. Any other error leaves it open: the same
// append, tried again, finds out.
func (l *Log) Append(ctx context.Context, a Append) (Committed, error) {
	w := &writer{log: l, intent: a}
	if err := w.begin(ctx); err != nil {
		return Committed{}, fmt.Errorf("append to %s: %w", a.Topic, err)
	}
	var unknown error
	for range maxTries {
		if w.repeat != nil {
			return Committed{Entry: *w.repeat, Repeated: true, Newest: w.prev.Last()}, nil
		}
		if w.closed {
			return Committed{}, ErrClosed
		}
		entry, err := w.try(ctx)
		if err == nil {
			return Committed{Entry: entry, Newest: entry.Last()}, nil
		}
		var final *finalError
		switch {
		case errors.As(err, &final):
			return Committed{}, final.err
		case errors.Is(err, table.ErrConditionFailed):
			unknown = nil
		case ctx.Err() != nil:
			return Committed{}, fmt.Errorf("append to %s: %w", a.Topic, err)
		default:
			// The put may have happened: what stands there now tells.
			unknown = err
		}
		if err := w.advance(ctx); err != nil {
			return Committed{}, fmt.Errorf("append to %s: %w", a.Topic, err)
		}
	}
	if w.repeat != nil {
		return Committed{Entry: *w.repeat, Repeated: true, Newest: w.prev.Last()}, nil
	}
	if unknown != nil {
		return Committed{}, fmt.Errorf("append to %s: %w", a.Topic, unknown)
	}
	return Committed{}, ErrContended
}

// finalError ends an append; any other error of a try is followed by another.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// writer is the state of one append between its tries.
type writer struct {
	log    *Log
	intent Append
	next   place
	prev   Entry
	since  []Entry
	closed bool
	repeat *Entry
}

// begin reads what the writer's base stands on, and everything after it.
func (w *writer) begin(ctx context.Context) error {
	if w.intent.Base == Tail {
		return w.beginAtTail(ctx)
	}
	base := w.intent.Base
	from, _, err := w.log.locate(ctx, w.intent.Topic, max(base, 1))
	if err != nil {
		return err
	}
	entries, err := w.read(ctx, from)
	if err != nil {
		return err
	}
	if base > 0 && len(entries) > 0 && entries[0].Position == base {
		w.prev, entries = entries[0], entries[1:]
	} else if err := w.standOnBase(ctx, base, entries); err != nil {
		return err
	}
	return w.take(entries)
}

// standOnBase is for a base whose entry isn't there: the beginning of the
// topic, or the position of the snapshot.
func (w *writer) standOnBase(ctx context.Context, base int64, after []Entry) error {
	if base == 0 && len(after) > 0 && after[0].Position == 1 {
		return nil
	}
	record, err := w.log.base(ctx, w.intent.Topic)
	if err != nil {
		return err
	}
	if record.Position == base {
		w.prev = Entry{Position: base, Draft: Draft{Length: record.Length}}
		return nil
	}
	last, s, err := w.log.tail(ctx, w.intent.Topic)
	if err != nil {
		return err
	}
	if newest := s.next.position - 1; base > newest {
		return &BeyondError{Newest: newest}
	}
	return &GoneError{Oldest: max(record.Oldest, min(record.Position+1, last.Position))}
}

// beginAtTail stands after the newest entry, and founds the topic's first
// bucket where there is none: writers whose clocks differ must agree on it.
func (w *writer) beginAtTail(ctx context.Context) error {
	last, s, err := w.log.tail(ctx, w.intent.Topic)
	if err != nil {
		return err
	}
	if s.next.bucket < 0 {
		s.next.bucket = w.log.layout.bucketAt(w.log.clock.Now())
		err := w.log.table.Put(ctx, directoryKey(w.intent.Topic, 1), directory{Bucket: s.next.bucket}, table.If(table.Absent()))
		if errors.Is(err, table.ErrConditionFailed) {
			return w.beginAtTail(ctx)
		}
		if err != nil {
			return fmt.Errorf("found first bucket: %w", err)
		}
	}
	w.prev, w.next, w.closed = last, s.next, s.closed
	return nil
}

// read collects all entries from a place to the end.
func (w *writer) read(ctx context.Context, from place) ([]Entry, error) {
	var all []Entry
	for {
		s, err := w.log.walk(ctx, w.intent.Topic, from, MaxPage)
		if err != nil {
			return nil, err
		}
		all = append(all, s.entries...)
		w.next, w.closed = s.next, s.closed
		if s.end {
			return all, nil
		}
		if len(all) > maxMissed {
			return nil, &GoneError{Oldest: s.next.position}
		}
		from = s.next
	}
}

// take makes the writer's state out of the entries that follow prev.
func (w *writer) take(entries []Entry) error {
	for i, entry := range entries {
		if entry.Position != w.prev.Last()+1 {
			return &GoneError{Oldest: entry.Position}
		}
		w.prev = entry
		if !entry.Identity.same(w.intent.Identity) {
			continue
		}
		if entry.Digest != w.intent.Identity.Digest {
			return ErrReused
		}
		w.repeat = &entries[i]
	}
	w.since = entries
	return nil
}

// advance reads what stands at the position that was lost, and after it.
func (w *writer) advance(ctx context.Context) error {
	entries, err := w.read(ctx, w.next)
	if err != nil {
		return err
	}
	return w.take(entries)
}

// try puts the entry at the next position, after a seal where the clock asks
// for a new bucket.
func (w *writer) try(ctx context.Context) (Entry, error) {
	now := w.log.clock.Now()
	if !w.intent.Deadline.IsZero() && now.After(w.intent.Deadline) {
		return Entry{}, &finalError{ErrLate}
	}
	draft, err := w.intent.Prepare(w.prev, w.since)
	if err != nil {
		return Entry{}, &finalError{err}
	}
	w.since = nil
	entry := Entry{
		Position: w.next.position, Count: max(draft.Count, 1), At: now.UTC().Truncate(time.Millisecond),
		Identity: w.intent.Identity, Draft: draft,
	}
	if w.next, err = w.log.enter(ctx, w.intent.Topic, w.next, now); err != nil {
		return Entry{}, err
	}
	options := []table.WriteOption{table.If(table.Absent())}
	if at, ok := w.log.expiry(w.next.bucket); ok {
		options = append(options, table.Expires(at))
	}
	err = w.log.table.Put(ctx, entryKey(w.intent.Topic, w.next.bucket, entry.Position), itemOf(entry), options...)
	if err != nil {
		return Entry{}, err
	}
	return entry, nil
}
