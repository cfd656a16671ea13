package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/table"
)

// Newest gives the newest position, 0 for an empty topic, and whether the topic
// is closed. The read is consistent. It costs two small reads and that of the
// newest entry.
func (l *Log) Newest(ctx context.Context, topic string) (position int64, closed bool, err error) {
	base, err := l.base(ctx, topic)
	if err != nil {
		return 0, false, err
	}
	return l.NewestAfter(ctx, topic, base)
}

// NewestAfter is Newest for who has just read the topic's base record, and so
// costs one read less.
func (l *Log) NewestAfter(ctx context.Context, topic string, base Base) (position int64, closed bool, err error) {
	e, err := l.tail(ctx, topic, base)
	if err != nil {
		return 0, false, err
	}
	return e.next.position - 1, e.closed, nil
}

// tail is where a topic ends.
type tail struct {
	// next is where the next entry goes; its bucket is unfounded where the topic
	// has none.
	next   slot
	closed bool
	// last is the newest entry, if it was met on the way.
	last Entry
	// entered are the buckets that seals led to and the directory didn't.
	entered []slot
}

// tail finds the end of a topic, from the snapshot on where there is one and
// with the help of the directory. It looks at one item of each bucket. Where a
// topic lies by the clock and is written right now, its present bucket is all
// that is read.
func (l *Log) tail(ctx context.Context, topic string, base Base) (tail, error) {
	if e, found, err := l.tailNow(ctx, topic); found || err != nil {
		return e, err
	}
	e, err := l.tailFrom(ctx, topic, base)
	if err != nil || e.next.bucket == unfounded {
		return e, err
	}
	for more := true; more; {
		row, err := table.First[item](ctx, l.table, table.Query{PK: bucketPartition(topic, e.next.bucket), Reverse: true})
		if errors.Is(err, table.ErrNotFound) {
			break
		}
		if err == nil {
			more, err = e.meet(l.layout, row)
		}
		if err == nil && more && l.layout.byCount() {
			err = l.leap(ctx, topic, &e)
		}
		if err != nil {
			return tail{}, fmt.Errorf("end of %s: %w", topic, err)
		}
	}
	e.closed = e.closed || l.layout.expired(e.next.bucket, l.clock.Now())
	return e, nil
}

// tailNow finds the end in the bucket of this moment, where that has an entry
// behind which nothing leads on.
func (l *Log) tailNow(ctx context.Context, topic string) (e tail, found bool, err error) {
	if l.layout.byCount() {
		return tail{}, false, nil
	}
	bucket := l.layout.bucketAt(l.clock.Now())
	row, err := table.First[item](ctx, l.table, table.Query{PK: bucketPartition(topic, bucket), Reverse: true})
	if errors.Is(err, table.ErrNotFound) {
		return tail{}, false, nil
	}
	if err != nil {
		return tail{}, false, fmt.Errorf("end of %s: %w", topic, err)
	}
	if row.Value.Kind != kindEntry {
		return tail{}, false, nil
	}
	e.next.bucket = bucket
	_, err = e.meet(l.layout, row)
	return e, err == nil, err
}

// tailFrom is a place from which following leads to the end.
func (l *Log) tailFrom(ctx context.Context, topic string, base Base) (tail, error) {
	if l.layout.byCount() {
		next := base.Position + 1
		return tail{next: slot{bucket: l.layout.bucketOf(next), position: next}}, nil
	}
	at, found, err := l.listed(ctx, topic, maxPosition)
	if !found {
		at = slot{bucket: unfounded, position: 1}
	}
	return tail{next: at}, err
}

// meet takes in the last item of a bucket and reports whether it leads on to
// another one.
func (e *tail) meet(layout Layout, row table.Row[item]) (more bool, err error) {
	here := span{next: e.next}
	if err := here.meet(layout, row); err != nil {
		return false, err
	}
	more = here.next.bucket != e.next.bucket
	e.next, e.closed, e.entered = here.next, here.closed, append(e.entered, here.entered...)
	if len(here.entries) > 0 {
		e.last = here.entries[0]
	}
	return more, nil
}

// leap passes over full buckets that the directory knows to have followers.
func (l *Log) leap(ctx context.Context, topic string, e *tail) error {
	at, found, err := l.listed(ctx, topic, maxPosition)
	if found && at.position > e.next.position {
		e.next = at
	}
	return err
}

// before gives the entry that ends right before a position: the zero Entry at
// the beginning, what the snapshot tells of it, or its position alone where it
// has expired.
func (l *Log) before(ctx context.Context, topic string, position int64, base Base) (Entry, error) {
	last := position - 1
	if last == 0 {
		return Entry{}, nil
	}
	at, found, err := l.locate(ctx, topic, last, 0)
	if err != nil {
		return Entry{}, err
	}
	if found {
		row, err := table.First[item](ctx, l.table, table.Query{
			PK: bucketPartition(topic, at.bucket), From: sortKey(last - l.layout.span + 1), To: sortKey(last), Reverse: true,
		})
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return Entry{}, fmt.Errorf("entry before %d of %s: %w", position, topic, err)
		}
		if err == nil && row.Value.Kind == kindEntry {
			first, err := positionOf(row.Key)
			if entry := row.Value.entry(first); err != nil || entry.Last() == last {
				return entry, err
			}
		}
	}
	return base.standIn(last), nil
}
