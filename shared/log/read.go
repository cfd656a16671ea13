package log

import (
	"context"
)

// Page is a run of entries in order.
type Page struct {
	Entries []Entry
	// More is true where entries may follow the last one.
	More bool
}

// Read gives up to limit entries that lie after a position, in order, across
// buckets; fewer when their data is large. Reads are consistent: what was
// committed before the call is there. A position below the kept history is a
// *GoneError, one at or beyond the newest an empty page. limit is at most
// MaxPage.
func (l *Log) Read(ctx context.Context, topic string, after int64, limit int) (Page, error) {
	from, found, err := l.locate(ctx, topic, after+1)
	if err != nil || !found {
		return Page{}, err
	}
	s, err := l.walk(ctx, topic, from, min(limit, MaxPage))
	if err != nil {
		return Page{}, err
	}
	entries := s.entries
	for len(entries) > 0 && entries[0].Last() <= after {
		entries = entries[1:]
	}
	if len(entries) == 0 || entries[0].Position > after+1 {
		// Nothing there, or a gap: either the end, or what was trimmed.
		if err := l.kept(ctx, topic, after, entries); err != nil {
			return Page{}, err
		}
	}
	return Page{Entries: entries, More: !s.end}, nil
}

// kept tells whether the entry after a position may still be there.
func (l *Log) kept(ctx context.Context, topic string, after int64, found []Entry) error {
	base, err := l.base(ctx, topic)
	if err != nil {
		return err
	}
	if after+1 < base.Oldest {
		return &GoneError{Oldest: base.Oldest}
	}
	if len(found) > 0 {
		return &GoneError{Oldest: found[0].Position}
	}
	return nil
}

// Newest gives the newest position, 0 for an empty topic, and whether the topic
// is closed. The read is consistent.
func (l *Log) Newest(ctx context.Context, topic string) (position int64, closed bool, err error) {
	_, s, err := l.tail(ctx, topic)
	if err != nil {
		return 0, false, err
	}
	return s.next.position - 1, s.closed, nil
}

// Oldest gives the first position that is kept, and 1 where nothing was trimmed.
func (l *Log) Oldest(ctx context.Context, topic string) (int64, error) {
	base, err := l.base(ctx, topic)
	return max(base.Oldest, 1), err
}
