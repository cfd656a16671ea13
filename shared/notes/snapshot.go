package notes

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// chunkBytes bounds a chunk: an item has at most 400 KB.
	chunkBytes = 300 << 10
	// inlineBytes bounds a text that lies in its snapshot: with it the snapshot is
	// still read for one read unit, of 4 KB.
	inlineBytes = 3 << 10
	// mostChunks is how many the longest text has: MaxText of four bytes each, and
	// up to three bytes less in a chunk.
	mostChunks = MaxText*utf8.UTFMax/(chunkBytes-utf8.UTFMax) + 1
	// A snapshot is made quietPeriod after the last change …
	quietPeriod = 2 * time.Second
	// … or after so many versions, or so long, while changes go on.
	everyVersions = 256
	everyTime     = time.Minute
	// History is kept for 90 days, and always for 1,000 versions below the
	// snapshot; a snapshot trims at most trimBatch versions.
	keepFor      = 90 * 24 * time.Hour
	keepVersions = 1000
	trimBatch    = 200
	// trimEvery and sweepEvery are how many versions lie between two looks for what
	// is to be trimmed, and for chunks that nobody names. A text that rested for
	// everyTime, and has chunks, is also looked through for such as nobody names.
	trimEvery  = 128
	sweepEvery = 32
	// sweepBatch is how many chunks that nobody names are deleted at once.
	sweepBatch = 16
	// nearBy is how many versions behind a snapshot are read at once to see which
	// one is the newest, since they are wanted next.
	nearBy = 64
)

// materialise writes the next snapshot of a text, after a record of a version of it.
// While changes go on it leaves the snapshot to a later record. Cost: one small read
// where the version has a snapshot, two where it is left to a later record, two and
// one write for the snapshot of a short text.
func (s *Service) materialise(ctx context.Context, topic string, seen int64) error {
	left := int64(0)
	for range readTries {
		base, err := s.snapshot(ctx, topic)
		if err != nil {
			return err
		}
		if left > 0 && left < base.Position && left != base.Previous {
			// Nobody can name them any more: a snapshot names a later version.
			if err := s.deleteFrom(ctx, topic, left); err != nil {
				return err
			}
		}
		if seen <= base.Position {
			return nil // later versions have records of their own
		}
		version, err := s.next(ctx, topic, base, seen)
		if !errors.Is(err, errReplaced) {
			return err
		}
		left = version
	}
	return fmt.Errorf("read %s: %w", topic, errReplaced)
}

// next writes the snapshot after a given one if it is due, and gives the version
// of which it may have left chunks behind; errReplaced where the given one isn't
// the newest any more.
func (s *Service) next(ctx context.Context, topic string, base snapshot, seen int64) (version int64, err error) {
	newest, page, err := s.tail(ctx, topic, base, seen)
	if err != nil || !s.due(base, newest, seen) {
		return 0, err
	}
	text, err := s.textAfter(ctx, topic, base, page)
	if err != nil {
		return 0, err
	}
	return text.Version, s.replace(ctx, topic, base, text)
}

// tail gives the newest version, and what was read of the changes after a
// snapshot on the way: all, where there are few.
func (s *Service) tail(ctx context.Context, topic string, base snapshot, seen int64) (newest int64, page *log.Page, err error) {
	if seen-base.Position <= nearBy {
		read, err := s.changesAfter(ctx, topic, base.Position, nearBy)
		if err != nil {
			return 0, nil, err
		}
		page, newest = &read, base.Position
		if n := len(page.Entries); n > 0 {
			newest = page.Entries[n-1].Last()
		}
		if !page.More {
			return newest, page, nil
		}
	}
	newest, _, err = s.log.NewestAfter(ctx, topic, base.Base)
	return newest, page, err
}

// due reports whether a snapshot is to be made now.
func (s *Service) due(base snapshot, newest, seen int64) bool {
	missing := newest - base.Position
	if missing <= 0 {
		return false
	}
	resting := newest <= seen
	old := s.clock.Now().Sub(time.UnixMilli(base.At)) >= everyTime
	return resting || missing >= everyVersions || old
}

// replace puts a text in the place of an older snapshot; errReplaced where
// another has taken that place. A crash half-way leaves chunks that a later
// call sweeps.
func (s *Service) replace(ctx context.Context, topic string, base snapshot, text Text) error {
	now := s.clock.Now()
	old, err := s.old(ctx, topic, base, text.Version)
	if err != nil {
		return err
	}
	var parts []string
	inline := any(text.Content)
	if len(text.Content) > inlineBytes {
		parts, inline = split(text.Content), nil
	}
	day := base.Look
	if leaves := len(parts)+base.Chunks+base.PreviousChunks > 0 || text.Version > keepVersions; leaves && day == "" {
		// Before the chunks are written, so that a crash leaves none that nobody finds.
		day = dayAfter(dayOf(now.Add(lookAfter)))
		if err := s.lookAt(ctx, topic, day); err != nil {
			return err
		}
	}
	chunks := make([]table.Item, len(parts))
	for i, part := range parts {
		chunks[i] = table.Item{Key: chunkKey(topic, text.Version, i), Value: chunk{Text: part}}
	}
	if err := s.table.WriteAll(ctx, chunks, old...); err != nil {
		return fmt.Errorf("write chunks: %w", err)
	}
	next := map[string]any{
		"position": text.Version, "length": utf8.RuneCountInString(text.Content), "hash": text.Hash,
		"text": inline, "chunks": len(chunks), "at": now.UnixMilli(),
		"previous": base.Position, "previousChunks": base.Chunks,
	}
	if base.Look == "" && day != "" {
		next["look"] = day
	}
	// The condition: the older snapshot is the one that was read.
	unchanged := table.Equals("position", base.Position)
	if base.Position == 0 {
		unchanged = table.AttributeAbsent("position")
	}
	err = s.table.Update(ctx, snapshotKey(topic), table.Update{Set: next, If: unchanged})
	if errors.Is(err, table.ErrConditionFailed) {
		return errReplaced
	}
	if err != nil {
		return fmt.Errorf("switch snapshot: %w", err)
	}
	return s.trim(ctx, topic, base, text.Version)
}

// trim deletes history, where there can be some to delete.
func (s *Service) trim(ctx context.Context, topic string, base snapshot, version int64) error {
	below := version - keepVersions
	begun := base.Trimmed+1 < base.Oldest
	if !begun && (below <= max(base.Oldest, 1) || version/trimEvery == base.Position/trimEvery) {
		return nil
	}
	_, err := s.log.Trim(ctx, topic, below, s.clock.Now().Add(-keepFor), trimBatch)
	return err
}

// old gives the chunks that nobody reads any more: those of the snapshot before
// a given one and, now and then, older ones that never came to be named.
func (s *Service) old(ctx context.Context, topic string, base snapshot, version int64) ([]table.Key, error) {
	var before []table.Key
	for i := range base.PreviousChunks {
		before = append(before, chunkKey(topic, base.Previous, i))
	}
	rested := s.clock.Now().Sub(time.UnixMilli(base.At)) >= everyTime && base.Chunks+base.PreviousChunks > 0
	if base.Position == 0 || !rested && version/sweepEvery == base.Position/sweepEvery {
		return before, nil
	}
	// Chunks of older versions go first, so that unnamed doesn't read their texts.
	if err := s.table.DeleteAll(ctx, before...); err != nil {
		return nil, fmt.Errorf("delete chunks: %w", err)
	}
	return s.unnamed(ctx, topic, base.Position)
}

// unnamed gives chunks of versions before one, at most sweepBatch.
func (s *Service) unnamed(ctx context.Context, topic string, before int64) ([]table.Key, error) {
	page, err := table.List[chunk](ctx, s.table, table.Query{
		PK: snapshotKey(topic).PK, Prefix: chunkPrefix, Below: chunksOf(before), Limit: sweepBatch,
	})
	if err != nil {
		return nil, fmt.Errorf("list old chunks: %w", err)
	}
	var keys []table.Key
	for _, row := range page.Items {
		keys = append(keys, row.Key)
	}
	return keys, nil
}

// deleteFrom deletes the chunks of a version that no snapshot names.
func (s *Service) deleteFrom(ctx context.Context, topic string, version int64) error {
	var keys []table.Key
	for i := range mostChunks {
		keys = append(keys, chunkKey(topic, version, i))
	}
	if err := s.table.DeleteAll(ctx, keys...); err != nil {
		return fmt.Errorf("delete chunks: %w", err)
	}
	return nil
}

// split cuts a text into chunks between code points.
func split(text string) []string {
	var parts []string
	for len(text) > chunkBytes {
		end := chunkBytes
		for !utf8.RuneStart(text[end]) {
			end--
		}
		parts, text = append(parts, text[:end]), text[end:]
	}
	if text != "" {
		parts = append(parts, text)
	}
	return parts
}
