package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/table"
)

// Trim deletes entries below a position that are older than a time, oldest
// first and at most limit of them, and gives how many. Nothing at or above the
// snapshot goes. Readers and writers are told before anything is gone: the base
// record's Oldest moves first, its Trimmed afterwards, so that a Trim which died
// between is finished by the next one. Only topics of a layout by count with a
// base record are trimmed. Where there is nothing to do it costs two small
// reads.
func (l *Log) Trim(ctx context.Context, topic string, below int64, olderThan time.Time, limit int) (int, error) {
	n, err := l.trim(ctx, topic, below, olderThan, limit)
	if err != nil {
		return 0, fmt.Errorf("trim %s: %w", topic, err)
	}
	return n, nil
}

func (l *Log) trim(ctx context.Context, topic string, below int64, olderThan time.Time, limit int) (int, error) {
	if !l.layout.byCount() {
		return 0, errors.New("its entries expire by themselves")
	}
	base, err := l.base(ctx, topic)
	if err != nil {
		return 0, err
	}
	oldest := max(base.Oldest, 1)
	if base.Trimmed < oldest-1 {
		return l.sweep(ctx, topic, base)
	}
	end := min(below, base.Position)
	if oldest >= end {
		return 0, nil
	}
	at := slot{bucket: l.layout.bucketOf(oldest), position: oldest}
	first, err := table.Get[item](ctx, l.table, entryKey(topic, at))
	if errors.Is(err, table.ErrNotFound) {
		return 0, nil // somebody else trims
	}
	if err != nil {
		return 0, fmt.Errorf("oldest entry: %w", err)
	}
	if !first.entry(oldest).At.Before(olderThan) {
		return 0, nil
	}
	s, err := l.walk(ctx, topic, at, 0, limit)
	if err != nil {
		return 0, err
	}
	marked := oldest
	for _, entry := range s.entries[:min(limit, len(s.entries))] {
		if entry.Position != marked || marked >= end || !entry.At.Before(olderThan) {
			break
		}
		marked++
	}
	// Two who trim at once don't move the mark back.
	unmoved := table.Or(table.AttributeAbsent("oldest"), table.Equals("oldest", base.Oldest))
	err = l.table.Update(ctx, BaseKey(topic), table.Update{
		Set: map[string]any{"oldest": marked}, If: table.And(table.Exists(), unmoved),
	})
	if errors.Is(err, table.ErrConditionFailed) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("mark: %w", err)
	}
	base.Oldest, base.Trimmed = marked, oldest-1
	return l.sweep(ctx, topic, base)
}

// sweep deletes what lies between the marks of a base record.
func (l *Log) sweep(ctx context.Context, topic string, base Base) (int, error) {
	n := 0
	for position := base.Trimmed + 1; position < base.Oldest; position++ {
		if err := l.table.Delete(ctx, entryKey(topic, slot{bucket: l.layout.bucketOf(position), position: position})); err != nil {
			return n, fmt.Errorf("delete %d: %w", position, err)
		}
		n++
	}
	err := l.table.Update(ctx, BaseKey(topic), table.Update{
		Set: map[string]any{"trimmed": base.Oldest - 1}, If: table.Equals("oldest", base.Oldest),
	})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return n, fmt.Errorf("mark: %w", err)
	}
	return n, nil
}
