package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/table"
)

// begin reads what the writer's base stands on, and everything after it.
func (w *writer) begin(ctx context.Context) error {
	if err := w.lookBack(ctx); err != nil {
		return err
	}
	base, topic := w.intent.Base, w.intent.Topic
	if base == Tail {
		return w.beginAtTail(ctx)
	}
	at, found, err := w.log.locate(ctx, topic, max(base, 1), w.log.layout.span-1)
	switch {
	case err != nil:
		return err
	case !found && base == 0:
		return w.beginAtTail(ctx)
	case !found:
		return &BeyondError{}
	case w.log.layout.expired(at.bucket, w.log.clock.Now()):
		oldest, err := w.log.oldestListed(ctx, topic, at)
		if err == nil {
			err = &GoneError{Oldest: oldest}
		}
		return err
	}
	s, err := w.log.walk(ctx, topic, at, base, table.MaxLimit)
	if err != nil {
		return err
	}
	if w.prev, err = w.existing(ctx, s); err != nil {
		return err
	}
	if err := w.take(s); err != nil || s.end || w.found != nil {
		return err
	}
	return w.catchUp(ctx)
}

// directoryPages bounds how far back the directory is looked through for a time,
// which is more than three days of buckets of five minutes.
const directoryPages = 5

// lookBack takes for its base what lay before the buckets in which a writer may
// have put the append's entry since a time. Every bucket with an entry stands in
// the directory, and none is older than its writer's clock said.
func (w *writer) lookBack(ctx context.Context) error {
	since, layout := w.intent.Since, w.log.layout
	if since.IsZero() || w.intent.Base != Tail {
		return nil
	}
	if layout.byCount() {
		return errors.New("a layout by count can't be searched by time")
	}
	oldest := layout.bucketAt(since.Add(-layout.window))
	after := ""
	for range directoryPages {
		page, err := table.List[directory](ctx, w.log.table, table.Query{
			PK: topicPartition(w.intent.Topic), Prefix: bucketPrefix, Reverse: true, Limit: table.MaxLimit, After: after,
		})
		if err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		for _, row := range page.Items {
			at, err := row.Value.begins(row.Key)
			if err != nil || at.bucket < oldest {
				return err
			}
			w.intent.Base = at.position - 1
		}
		if !page.More() {
			return nil
		}
		after = page.Next
	}
	return &GoneError{Oldest: w.intent.Base + 1}
}

// existing is the entry that a base stands on: the one at it, the snapshot whose
// position it is, or nothing at the beginning of a topic.
func (w *writer) existing(ctx context.Context, s span) (Entry, error) {
	base, first := w.intent.Base, Entry{}
	if len(s.entries) > 0 {
		first = s.entries[0]
	}
	switch {
	case base > 0 && s.passed.Last() == base:
		return s.passed, nil
	case base > 0 && first.Position > 0 && first.Position <= base:
		return first, nil // the base lies within it
	case base == 0 && first.Position == 1:
		return Entry{}, nil
	}
	record, err := w.log.base(ctx, w.intent.Topic)
	if err != nil {
		return Entry{}, err
	}
	if record.Position == base {
		return record.standIn(base), nil
	}
	if base == 0 && record.Oldest <= 1 {
		// The topic was empty when it was read, and has a snapshot by now: nothing
		// is gone, and the put will find out what came.
		return Entry{}, nil
	}
	if base < record.Oldest {
		return Entry{}, &GoneError{Oldest: record.Oldest}
	}
	e, err := w.log.tail(ctx, w.intent.Topic, record)
	if err != nil {
		return Entry{}, err
	}
	// It wasn't there when the base was read, whoever has committed it since.
	return Entry{}, &BeyondError{Newest: min(e.next.position, base) - 1}
}

// beginAtTail stands after the newest entry.
func (w *writer) beginAtTail(ctx context.Context) error {
	topic := w.intent.Topic
	base, err := w.log.base(ctx, topic)
	if err != nil {
		return err
	}
	e, err := w.log.tail(ctx, topic, base)
	if err != nil {
		return err
	}
	w.prev, w.next, w.closed, w.unlisted = e.last, e.next, e.closed, e.entered
	if w.prev.Last()+1 != w.next.position {
		w.prev, err = w.log.before(ctx, topic, w.next.position, base)
	}
	return err
}

// catchUp reads from where the writer stands to the end.
func (w *writer) catchUp(ctx context.Context) error {
	for {
		s, err := w.log.walk(ctx, w.intent.Topic, w.next, w.prev.Last(), table.MaxLimit)
		if err != nil {
			return err
		}
		if s.next != w.next || s.closed {
			// Another's item stands where the open put would have gone.
			w.open = nil
		}
		if err := w.take(s); err != nil || s.end || w.found != nil {
			return err
		}
	}
}

// take goes to the end of a span. It stops at the entry of the same append.
func (w *writer) take(s span) error {
	w.next, w.closed, w.unlisted = s.next, s.closed, append(w.unlisted, s.entered...)
	for i, entry := range s.entries {
		if entry.Position <= w.prev.Position {
			continue // what the base lies within
		}
		if entry.Position != w.prev.Last()+1 {
			return &GoneError{Oldest: entry.Position}
		}
		w.prev = entry
		w.missed++
		w.missedBytes += len(entry.Data) + len(entry.Hints)
		if entry.Identity.same(w.intent.Identity) {
			return w.recognise(&s.entries[i])
		}
		w.since = append(w.since, entry)
	}
	if w.missed > w.log.reach.entries || w.missedBytes > w.log.reach.bytes {
		return fmt.Errorf("%d entries behind: %w", w.missed, &GoneError{Oldest: w.next.position})
	}
	return nil
}

// recognise takes an entry of the same identity for the append's own, unless it
// was another request's.
func (w *writer) recognise(entry *Entry) error {
	if entry.Digest != w.intent.Identity.Digest {
		return ErrReused
	}
	w.found = entry
	return nil
}
