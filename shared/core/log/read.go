package log

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/table"
)

// Page is a run of entries in order, without holes.
type Page struct {
	Entries []Entry
	// More is true where entries may follow the last one; so it never is on an
	// empty page.
	More bool
}

// Read gives up to limit entries that lie after a position, in order, across
// buckets; fewer when their data is large. The first one may begin before it,
// where an entry has several positions. Reads are consistent: what was committed
// before the call is there. A position below the kept history is a *GoneError,
// one at or beyond the newest an empty page. limit is at most MaxPage. It costs
// one query, and another small read where nothing follows or a bucket begins.
func (l *Log) Read(ctx context.Context, topic string, after int64, limit int) (Page, error) {
	if after >= maxPosition {
		return Page{}, nil
	}
	limit = max(1, min(limit, MaxPage))
	// From the entry at the cursor on: where it is, nothing behind it is gone.
	from, found, err := l.locate(ctx, topic, after+1, l.layout.span)
	if err != nil || !found {
		return Page{}, err
	}
	if l.layout.expired(from.bucket, l.clock.Now()) {
		return Page{}, l.expiredFrom(ctx, topic, from, after)
	}
	// One more than asked for reports whether more follow.
	s, err := l.walk(ctx, topic, from, after, limit+1)
	if err != nil {
		return Page{}, err
	}
	if len(s.entries) == 0 && s.passed.Position == 0 {
		return Page{}, l.trimmedFrom(ctx, topic, after)
	}
	if err := contiguous(after, s.entries); err != nil {
		return Page{}, err
	}
	page := Page{Entries: s.entries, More: !s.end}
	if len(s.entries) > limit {
		page.Entries, page.More = s.entries[:limit], true
	}
	return page, nil
}

// trimmedFrom refuses a cursor behind which nothing was found because it was
// trimmed.
func (l *Log) trimmedFrom(ctx context.Context, topic string, after int64) error {
	base, err := l.base(ctx, topic)
	if err == nil && after+1 < base.Oldest {
		err = &GoneError{Oldest: base.Oldest}
	}
	return err
}

// contiguous refuses entries between which something was trimmed.
func contiguous(after int64, entries []Entry) error {
	for _, entry := range entries {
		if entry.Position > after+1 {
			return &GoneError{Oldest: entry.Position}
		}
		after = entry.Last()
	}
	return nil
}

// expiredFrom refuses a cursor in a bucket that has expired, unless nothing was
// committed behind it.
func (l *Log) expiredFrom(ctx context.Context, topic string, from slot, after int64) error {
	oldest, err := l.oldestListed(ctx, topic, from)
	if err == nil && after+1 < oldest {
		err = &GoneError{Oldest: oldest}
	}
	return err
}

// oldestListed gives the first position that hasn't expired, of those behind a
// place that has: the beginning of a bucket in the directory, or of what is
// still to come.
func (l *Log) oldestListed(ctx context.Context, topic string, behind slot) (int64, error) {
	page, err := table.List[directory](ctx, l.table, table.Query{
		PK: topicPartition(topic), Above: directoryKey(topic, behind.position).SK, To: directoryKey(topic, maxPosition).SK, Limit: table.MaxLimit,
	})
	if err != nil {
		return 0, fmt.Errorf("directory of %s: %w", topic, err)
	}
	now := l.clock.Now()
	for _, row := range page.Items {
		if at, err := row.Value.begins(row.Key); err != nil || !l.layout.expired(at.bucket, now) {
			return at.position, err
		}
	}
	e, err := l.tail(ctx, topic, Base{})
	return e.next.position, err
}
