package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/table"
)

// enter prepares the bucket for the entry at next. Where a writer's clock asks
// for a new bucket it seals the old one first; another's seal or entry at that
// position is table.ErrConditionFailed. The directory row is written before the
// bucket's first entry, so that a bucket which is in use can be found.
func (l *Log) enter(ctx context.Context, topic string, next place, now time.Time) (place, error) {
	if l.layout.PerBucket > 0 {
		if next.position > 1 && (next.position-1)%l.layout.PerBucket == 0 {
			return next, l.register(ctx, topic, next)
		}
		return next, nil
	}
	want := l.layout.bucketAt(now)
	if want <= next.bucket {
		return next, nil
	}
	options := []table.WriteOption{table.If(table.Absent())}
	if at, ok := l.expiry(want); ok {
		// The seal outlives its bucket, so that it can be followed as long as
		// there is something to follow it to.
		options = append(options, table.Expires(at))
	}
	seal := item{Kind: kindSeal, Next: want, At: now.UnixMilli()}
	if err := l.table.Put(ctx, entryKey(topic, next.bucket, next.position), seal, options...); err != nil {
		return next, fmt.Errorf("seal: %w", err)
	}
	next.bucket = want
	return next, l.register(ctx, topic, next)
}

// register notes in the directory where a bucket begins. It is there already
// when another writer was first, which is as good.
func (l *Log) register(ctx context.Context, topic string, at place) error {
	err := l.table.Put(ctx, directoryKey(topic, at.position), directory{Bucket: at.bucket}, table.If(table.Absent()))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// expiry is when the entries of a bucket expire.
func (l *Log) expiry(bucket int64) (time.Time, bool) {
	if l.layout.Retention == 0 {
		return time.Time{}, false
	}
	end := time.UnixMilli((bucket + 1) * l.layout.Window.Milliseconds())
	return end.Add(l.layout.Retention), true
}

// closeTries bounds the race that closing a topic has with its writers; each
// loss means that a writer committed.
const closeTries = 100

// Close puts the closing entry at the next position, which uses no position:
// whoever appends later loses. Closing twice is no error. It gives the newest
// position.
func (l *Log) Close(ctx context.Context, topic string) (newest int64, err error) {
	for range closeTries {
		_, s, err := l.tail(ctx, topic)
		if err != nil {
			return 0, err
		}
		if s.closed {
			return s.next.position - 1, nil
		}
		closing := item{Kind: kindClosed, At: l.clock.Now().UnixMilli()}
		if s.next.bucket < 0 {
			s.next.bucket = l.layout.bucketAt(l.clock.Now())
			if err := l.register(ctx, topic, s.next); err != nil {
				return 0, err
			}
			continue
		}
		err = l.table.Put(ctx, entryKey(topic, s.next.bucket, s.next.position), closing, table.If(table.Absent()))
		if err == nil {
			return s.next.position - 1, nil
		}
		if !errors.Is(err, table.ErrConditionFailed) {
			return 0, fmt.Errorf("close %s: %w", topic, err)
		}
	}
	return 0, fmt.Errorf("close %s: %w", topic, ErrContended)
}

// Trim deletes entries below a position that are older than a time, oldest
// first and at most limit of them, and gives how many. Readers and writers are
// told before anything is gone: the base record's Oldest moves first. Only
// topics with a base record, a snapshot, are trimmed.
func (l *Log) Trim(ctx context.Context, topic string, below int64, olderThan time.Time, limit int) (int, error) {
	base, err := l.base(ctx, topic)
	if err != nil || base.Position == 0 {
		return 0, err
	}
	from, found, err := l.locate(ctx, topic, max(base.Trimmed+1, 1))
	if err != nil || !found {
		return 0, err
	}
	s, err := l.walk(ctx, topic, from, limit)
	if err != nil {
		return 0, err
	}
	var old []Entry
	for _, entry := range s.entries {
		if entry.Last() >= min(below, base.Position) || !entry.At.Before(olderThan) {
			break
		}
		old = append(old, entry)
	}
	if len(old) == 0 {
		return 0, nil
	}
	last := old[len(old)-1].Last()
	mark := table.Update{Set: map[string]any{"oldest": last + 1}, If: table.Exists()}
	if err := l.table.Update(ctx, BaseKey(topic), mark); err != nil {
		return 0, fmt.Errorf("trim %s: %w", topic, err)
	}
	for _, entry := range old {
		key := entryKey(topic, l.layout.bucketOf(entry.Position), entry.Position)
		if err := l.table.Delete(ctx, key); err != nil {
			return 0, fmt.Errorf("trim %s: %w", topic, err)
		}
	}
	done := table.Update{Set: map[string]any{"trimmed": last}, If: table.Exists()}
	if err := l.table.Update(ctx, BaseKey(topic), done); err != nil {
		return 0, fmt.Errorf("trim %s: %w", topic, err)
	}
	return len(old), nil
}
