package log

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/table"
)

// writer is the state of one append between its tries: where it stands, and what
// it knows of the entries up to there.
type writer struct {
	log    *Log
	intent Append
	// until is when the permission ends; zero is never.
	until time.Time

	// prev is the entry before next, where the writer's own would go.
	prev   Entry
	next   slot
	closed bool
	// since is what Prepare hasn't seen yet.
	since []Entry
	// unlisted are buckets that may be missing from the directory.
	unlisted []slot
	// missed and missedBytes count what was read after the base.
	missed, missedBytes int

	// tried is the entry of the last put. open is that put's error while it isn't
	// known whether it happened.
	tried Entry
	open  error
	// found is the entry of the same append, of this writer or an earlier one.
	found *Entry
}

func (w *writer) append(ctx context.Context) (Committed, error) {
	if err := w.start(ctx); err != nil {
		return Committed{}, err
	}
	for try := 1; try <= maxTries; try++ {
		if w.found != nil {
			return w.repeated(), nil
		}
		draft, err := w.prepare()
		if err != nil {
			return Committed{}, w.refused(err)
		}
		if err := w.permit(ctx); err != nil {
			return Committed{}, w.refused(err)
		}
		entry, err := w.try(ctx, draft)
		if err == nil {
			return Committed{Entry: entry}, nil
		}
		if !errors.Is(err, table.ErrConditionFailed) && (w.open == nil || ctx.Err() != nil) {
			return Committed{}, err
		}
		if err := w.pause(ctx, try); err != nil {
			return Committed{}, w.refused(err)
		}
		if err := w.catchUp(ctx); err != nil {
			return Committed{}, w.refused(err)
		}
	}
	if w.found != nil {
		return w.repeated(), nil
	}
	return Committed{}, w.refused(ErrContended)
}

// pause waits after a lost race, each writer another while, so that those who
// met don't meet again.
func (w *writer) pause(ctx context.Context, losses int) error {
	me := w.intent.Identity
	hash := fnv.New32a()
	fmt.Fprint(hash, me.Author, me.ClientID, me.ClientSeq, losses)
	return w.log.clock.Sleep(ctx, time.Duration(hash.Sum32())%(time.Duration(losses)*pauseStep))
}

// repeated is the answer where the append's entry is there: it is a repetition,
// unless it is the writer's own whose answer got lost.
func (w *writer) repeated() Committed {
	own := w.found.Position == w.tried.Position && itemOf(*w.found) == itemOf(w.tried)
	return Committed{Entry: *w.found, Repeated: !own}
}

// refused is the error that ends an append. It says that nothing was committed,
// which isn't known while a put is open.
func (w *writer) refused(err error) error {
	if w.open != nil {
		return w.open
	}
	return err
}

func (w *writer) close(ctx context.Context) (newest int64, err error) {
	if err := w.beginAtTail(ctx); err != nil {
		return 0, err
	}
	if err := w.beginFirstBucket(ctx); err != nil {
		return 0, err
	}
	for range closeTries {
		if w.closed {
			return w.next.position - 1, nil
		}
		closing := item{Kind: kindClosed, At: w.log.clock.Now().UnixMilli()}
		err := w.log.table.Put(ctx, entryKey(w.intent.Topic, w.next), closing, table.If(table.Absent()))
		if err == nil {
			return w.next.position - 1, nil
		}
		if !errors.Is(err, table.ErrConditionFailed) {
			return 0, err
		}
		if err := w.catchUp(ctx); err != nil {
			return 0, err
		}
		w.since = nil
	}
	return 0, ErrContended
}

// start asks for the permission while it reads what the base stands on. Who may
// not append isn't told what else is wrong.
func (w *writer) start(ctx context.Context) error {
	if w.intent.Permit == nil {
		return w.begin(ctx)
	}
	var refused, failed error
	var group sync.WaitGroup
	group.Go(func() { w.until, refused = w.intent.Permit(ctx) })
	failed = w.begin(ctx)
	group.Wait()
	return cmp.Or(refused, failed)
}

// permit sees that the writer may still append.
func (w *writer) permit(ctx context.Context) error {
	if !w.late() {
		return nil
	}
	var err error
	if w.until, err = w.intent.Permit(ctx); err == nil && w.late() {
		err = ErrLate
	}
	return err
}

func (w *writer) late() bool {
	return !w.until.IsZero() && !w.log.clock.Now().Before(w.until)
}

// prepare asks for the draft of the next position.
func (w *writer) prepare() (Draft, error) {
	draft, err := w.intent.Prepare(w.prev, w.since)
	w.since = nil
	switch {
	case err != nil:
		return Draft{}, err
	case w.next.position != w.prev.Last()+1:
		return Draft{}, fmt.Errorf("position %d doesn't follow %d", w.next.position, w.prev.Last())
	case int64(draft.Count) > w.log.layout.span:
		return Draft{}, fmt.Errorf("an entry of %d positions, at most %d are allowed", draft.Count, w.log.layout.span)
	case w.closed:
		return Draft{}, ErrClosed
	}
	draft.Count = max(draft.Count, 1)
	return draft, nil
}

// try puts the entry at the next position, after a seal where the clock asks for
// a new bucket. Another's entry or seal there is table.ErrConditionFailed. At
// the permission's end it gives up, and nobody knows whether the entry is there.
func (w *writer) try(ctx context.Context, draft Draft) (Entry, error) {
	now := w.log.clock.Now()
	if !w.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.until.Sub(now))
		defer cancel()
	}
	if err := w.beginFirstBucket(ctx); err != nil {
		return Entry{}, err
	}
	if err := w.enter(ctx, now); err != nil {
		return Entry{}, err
	}
	w.tried = Entry{
		Position: w.next.position, At: now.UTC().Truncate(time.Millisecond), Identity: w.intent.Identity, Draft: draft,
	}
	err := w.log.table.Put(ctx, entryKey(w.intent.Topic, w.next), itemOf(w.tried),
		table.If(table.Absent()), w.log.layout.expires(w.next.bucket))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		// It may have happened: what stands there next tells.
		w.open = err
	}
	return w.tried, err
}

// beginFirstBucket founds the topic's first bucket where there is none, and goes to its
// beginning: writers whose clocks differ must agree on it. Another's entry may
// stand there by then.
func (w *writer) beginFirstBucket(ctx context.Context) error {
	if w.next.bucket != unfounded {
		return nil
	}
	first := slot{bucket: w.log.layout.bucketAt(w.log.clock.Now()), position: 1}
	key := directoryKey(w.intent.Topic, first.position)
	err := w.log.table.Put(ctx, key, directory{Bucket: first.bucket}, table.If(table.Absent()))
	if stands, other := errors.AsType[*table.ConditionError](err); other {
		var row directory
		if err = stands.Decode(&row); err == nil {
			first, err = row.begins(key)
		}
	}
	if err != nil {
		return fmt.Errorf("found: %w", err)
	}
	w.next = first
	return nil
}

// enter prepares the bucket for the next entry: it seals the old one where the
// clock asks for another, and sees that the bucket stands in the directory.
func (w *writer) enter(ctx context.Context, now time.Time) error {
	layout := w.log.layout
	if layout.byCount() {
		if first := w.next.bucket*layout.perBucket + 1; first > 1 && first == w.next.position {
			w.unlisted = []slot{w.next}
		}
	} else if wanted := layout.bucketAt(now); wanted > w.next.bucket {
		// The seal lives as long as what it leads to.
		seal := item{Kind: kindSeal, Next: wanted, At: now.UnixMilli()}
		err := w.log.table.Put(ctx, entryKey(w.intent.Topic, w.next), seal, table.If(table.Absent()), layout.expires(wanted))
		if err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		w.next.bucket = wanted
		w.unlisted = append(w.unlisted, w.next)
	}
	// A bucket that was sealed before it had an entry begins at the same position
	// as the one after it, whose row takes its place.
	for len(w.unlisted) > 0 {
		at := w.unlisted[0]
		if err := w.list(ctx, at, table.Or(table.Absent(), table.Less("bucket", at.bucket))); err != nil {
			return err
		}
		w.unlisted = w.unlisted[1:]
	}
	return nil
}

// list notes in the directory where a bucket begins, where that is news:
// another writer may have been first.
func (w *writer) list(ctx context.Context, at slot, news table.Condition) error {
	err := w.log.table.Put(ctx, directoryKey(w.intent.Topic, at.position), directory{Bucket: at.bucket}, table.If(news))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}
