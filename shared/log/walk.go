package log

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/rapport/rapport/shared/table"
)

// stretch is a run of entries as they lie in the table, in order.
type stretch struct {
	entries []Entry
	// next is where the walk goes on: after the last entry, in the bucket that a
	// seal or the layout names.
	next place
	// end is true where nothing stands at next.
	end bool
	// closed is true where the closing entry stands at next.
	closed bool
}

// walk reads up to limit entries from a place on, following seals and the
// layout across buckets, and stops early after about 2 MB.
func (l *Log) walk(ctx context.Context, topic string, from place, limit int) (stretch, error) {
	s := stretch{next: from}
	bytes := 0
	for len(s.entries) < limit && bytes < pageBytes {
		page, err := table.List[item](ctx, l.table, table.Query{
			PK: bucketPartition(topic, s.next.bucket), From: sortKey(s.next.position), Limit: min(limit-len(s.entries), MaxPage),
		})
		if err != nil {
			return s, fmt.Errorf("walk %s: %w", topic, err)
		}
		before := s.next
		for _, row := range page.Items {
			position, err := strconv.ParseInt(row.Key.SK, 10, 64)
			if err != nil {
				return s, fmt.Errorf("walk %s: key %s: %w", topic, row.Key, err)
			}
			switch row.Value.Kind {
			case kindSeal:
				s.next = place{bucket: row.Value.Next, position: position}
			case kindClosed:
				s.next.position, s.end, s.closed = position, true, true
				return s, nil
			default:
				entry := row.Value.entry(position)
				s.entries = append(s.entries, entry)
				s.next.position = entry.Last() + 1
				bytes += len(entry.Data)
			}
		}
		if l.layout.PerBucket > 0 {
			s.next.bucket = l.layout.bucketOf(s.next.position)
		}
		if !page.More() && s.next.bucket == before.bucket {
			s.end = true
			return s, nil
		}
	}
	return s, nil
}

// locate finds the place to read a position at.
func (l *Log) locate(ctx context.Context, topic string, position int64) (place, bool, error) {
	if l.layout.PerBucket > 0 {
		return place{bucket: l.layout.bucketOf(position), position: position}, true, nil
	}
	row, found, err := l.directoryRow(ctx, topic, sortKey(position))
	if err != nil || !found {
		return place{}, false, err
	}
	// An entry of several positions may begin before this one, but never in an
	// earlier bucket.
	return place{bucket: row.Value.Bucket, position: max(position-max(l.layout.Span, 1)+1, firstOf(row.Key))}, true, nil
}

// directoryRow gives the directory's newest row whose bucket begins at or
// before a sort key.
func (l *Log) directoryRow(ctx context.Context, topic, upTo string) (table.Row[directory], bool, error) {
	page, err := table.List[directory](ctx, l.table, table.Query{
		PK: topicPartition(topic), From: bucketPrefix, To: bucketPrefix + upTo, Reverse: true, Limit: 1,
	})
	if err != nil {
		return table.Row[directory]{}, false, fmt.Errorf("directory of %s: %w", topic, err)
	}
	if len(page.Items) == 0 {
		return table.Row[directory]{}, false, nil
	}
	return page.Items[0], true, nil
}

func firstOf(key table.Key) int64 {
	n, err := strconv.ParseInt(key.SK[len(bucketPrefix):], 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// base reads a topic's base record; the zero Base where there is none.
func (l *Log) base(ctx context.Context, topic string) (Base, error) {
	b, err := table.Get[Base](ctx, l.table, BaseKey(topic))
	if errors.Is(err, table.ErrNotFound) {
		return Base{}, nil
	}
	return b, err
}

// tail finds the end of a topic: the last entry (the zero Entry where there is
// none) and where the next one would go.
func (l *Log) tail(ctx context.Context, topic string) (Entry, stretch, error) {
	start, behind, err := l.tailStart(ctx, topic)
	if err != nil {
		return Entry{}, stretch{}, err
	}
	last := Entry{Position: behind}
	for {
		page, err := table.List[item](ctx, l.table, table.Query{
			PK: bucketPartition(topic, start.bucket), Prefix: "", Reverse: true, Limit: 2,
		})
		if err != nil {
			return Entry{}, stretch{}, fmt.Errorf("tail of %s: %w", topic, err)
		}
		s := stretch{next: start, end: true}
		// Newest first: a seal or closing entry may stand above the last entry.
		for i := len(page.Items) - 1; i >= 0; i-- {
			position, err := strconv.ParseInt(page.Items[i].Key.SK, 10, 64)
			if err != nil {
				return Entry{}, stretch{}, fmt.Errorf("tail of %s: %w", topic, err)
			}
			switch value := page.Items[i].Value; value.Kind {
			case kindSeal:
				s.next = place{bucket: value.Next, position: position}
			case kindClosed:
				s.next.position, s.closed = position, true
			default:
				last = value.entry(position)
				s.next.position = last.Last() + 1
			}
		}
		if l.layout.PerBucket > 0 {
			s.next.bucket = l.layout.bucketOf(s.next.position)
		}
		if s.closed || s.next.bucket == start.bucket {
			return last, s, nil
		}
		start = s.next
	}
}

// tailStart gives a place at or before the tail from which following leads
// there, and the position that is known to have been reached before it.
func (l *Log) tailStart(ctx context.Context, topic string) (place, int64, error) {
	row, found, err := l.directoryRow(ctx, topic, sortKey(maxPosition))
	if err != nil {
		return place{}, 0, err
	}
	start := place{position: 1}
	if found {
		start = place{bucket: row.Value.Bucket, position: firstOf(row.Key)}
	}
	if l.layout.PerBucket == 0 {
		if !found {
			start.bucket = -1
		}
		return start, start.position - 1, nil
	}
	base, err := l.base(ctx, topic)
	if err != nil {
		return place{}, 0, err
	}
	if base.Position >= start.position {
		start = place{bucket: l.layout.bucketOf(base.Position + 1), position: base.Position + 1}
	}
	return start, start.position - 1, nil
}

// maxPosition is above every position that a key can hold.
const maxPosition = 999_999_999_999_999
