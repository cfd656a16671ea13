package log

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/rapport/rapport/shared/core/table"
)

// span is a run of entries as they lie in the table, in order: those that end
// behind a position.
type span struct {
	after   int64
	entries []Entry
	// passed is the last entry that was met and ends at or before after.
	passed Entry
	// next is where the walk goes on: after the last entry, in the bucket that a
	// seal or the layout names.
	next slot
	// end is true where nothing stood at next, or the closing entry.
	end bool
	// closed is true where the closing entry stands at next.
	closed bool
	// entered are the beginnings of the buckets that seals led to.
	entered []slot
}

// walk reads from a place on, following seals and the layout across buckets,
// until it has limit entries that end after a position, or a few more, or about
// 2 MB of them.
func (l *Log) walk(ctx context.Context, topic string, from slot, after int64, limit int) (span, error) {
	s := span{after: after, next: from}
	for size := 0; ; {
		here := s.next
		rows := min(limit-len(s.entries)+int(l.layout.span), table.MaxLimit)
		page, err := table.List[item](ctx, l.table, table.Query{
			PK: bucketPartition(topic, here.bucket), From: sortKey(here.position), Limit: rows,
		})
		if err != nil {
			return s, fmt.Errorf("walk %s: %w", topic, err)
		}
		for _, row := range page.Items {
			if err := s.meet(l.layout, row); err != nil {
				return s, fmt.Errorf("walk %s: %w", topic, err)
			}
			if len(s.entries) > 0 {
				size += len(row.Value.Data) + len(row.Value.Hints)
			}
			if size >= pageBytes || s.closed {
				return s, nil
			}
		}
		if l.layout.byCount() && s.next.position <= after {
			// What ends at or before after was trimmed, or never was.
			s.next = slot{bucket: l.layout.bucketOf(after + 1), position: after + 1}
		}
		switch {
		case len(s.entries) >= limit:
			return s, nil
		case !page.More() && s.next.bucket == here.bucket:
			s.end = true
			return s, nil
		}
	}
}

// meet takes in what lies at one position.
func (s *span) meet(layout Layout, row table.Row[item]) error {
	position, err := positionOf(row.Key)
	if err != nil {
		return err
	}
	switch row.Value.Kind {
	case kindSeal:
		if row.Value.Next <= s.next.bucket {
			return fmt.Errorf("the seal %s leads back to bucket %d", row.Key, row.Value.Next)
		}
		s.next = slot{bucket: row.Value.Next, position: position}
		s.entered = append(s.entered, s.next)
	case kindClosed:
		s.next.position, s.end, s.closed = position, true, true
	default:
		entry := row.Value.entry(position)
		if entry.Last() <= s.after {
			s.passed = entry
		} else {
			s.entries = append(s.entries, entry)
		}
		s.next = layout.behind(entry, s.next.bucket)
	}
	return nil
}

func positionOf(k table.Key) (int64, error) {
	position, err := strconv.ParseInt(k.SK, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("key %s: %w", k, err)
	}
	return position, nil
}

// locate finds the place to begin a walk at that is to meet a position: back
// positions before it, but within its bucket. Where a topic of a layout by
// clock has no bucket yet, there is none.
func (l *Log) locate(ctx context.Context, topic string, position, back int64) (slot, bool, error) {
	begin := max(position-back, 1)
	if l.layout.byCount() {
		return slot{bucket: l.layout.bucketOf(begin), position: begin}, true, nil
	}
	at, found, err := l.listed(ctx, topic, position)
	at.position = max(at.position, begin)
	return at, found, err
}

// listed gives the beginning of the directory's newest bucket that begins at or
// before a position.
func (l *Log) listed(ctx context.Context, topic string, upTo int64) (slot, bool, error) {
	row, err := table.First[directory](ctx, l.table, table.Query{
		PK: topicPartition(topic), From: bucketPrefix, To: directoryKey(topic, upTo).SK, Reverse: true,
	})
	if errors.Is(err, table.ErrNotFound) {
		return slot{}, false, nil
	}
	if err != nil {
		return slot{}, false, fmt.Errorf("directory of %s: %w", topic, err)
	}
	at, err := row.Value.begins(row.Key)
	return at, err == nil, err
}

// base reads a topic's base record; the zero Base where there is none, and in a
// layout by clock, which has none.
func (l *Log) base(ctx context.Context, topic string) (Base, error) {
	if !l.layout.byCount() {
		return Base{}, nil
	}
	b, err := table.Get[Base](ctx, l.table, BaseKey(topic))
	if errors.Is(err, table.ErrNotFound) {
		return Base{}, nil
	}
	if err != nil {
		return Base{}, fmt.Errorf("base of %s: %w", topic, err)
	}
	return b, nil
}
