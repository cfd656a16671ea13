package notes

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/table"
)

const (
	// chunkBytes bounds a chunk: an item has at most 400 KB.
	chunkBytes = 300 << 10
	// A snapshot is made settle after the last change …
	settle = 2 * time.Second
	// … or after so many versions, or so long, while changes go on.
	everyVersions = 256
	everyTime     = time.Minute
	// History is kept for 90 days, and always for 1,000 versions below the
	// snapshot; a snapshot trims at most trimBatch versions.
	keepFor      = 90 * 24 * time.Hour
	keepVersions = 1000
	trimBatch    = 200
	// sweepBatch is how many chunks that nobody names are deleted at once.
	sweepBatch = 25
)

// materialise writes the next snapshot of a text of which a version has been
// seen; it leaves that to a later record while changes go on. Where that is so
// it costs two small reads.
func (s *Service) materialise(ctx context.Context, topic string, seen int64) error {
	for range readTries {
		base, err := s.snapshot(ctx, topic)
		if err != nil {
			return err
		}
		newest, _, err := s.log.NewestAfter(ctx, topic, base.Base)
		if err != nil {
			return err
		}
		if !s.due(base, newest, seen) {
			return nil
		}
		text, err := s.textAfter(ctx, topic, base)
		if err == nil {
			err = s.replace(ctx, topic, base, text)
		}
		if !errors.Is(err, errReplaced) {
			return err
		}
	}
	return fmt.Errorf("read %s: %w", topic, errReplaced)
}

// due tells whether a snapshot is to be made now.
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
// another has taken that place. Whoever dies in it, or is overtaken, leaves
// chunks that the next ones sweep.
func (s *Service) replace(ctx context.Context, topic string, base snapshot, text Text) error {
	chunks := split(text.Content)
	for i, part := range chunks {
		if err := s.table.Put(ctx, chunkKey(topic, text.Version, i), chunk{Text: part}); err != nil {
			return fmt.Errorf("write chunk: %w", err)
		}
	}
	if err := s.sweep(ctx, topic, base); err != nil {
		return err
	}
	next := map[string]any{
		"position": text.Version, "length": utf8.RuneCountInString(text.Content), "hash": text.Hash,
		"chunks": len(chunks), "at": s.clock.Now().UnixMilli(),
		"previous": base.Position, "previousChunks": base.Chunks,
	}
	// A snapshot names the one whose place it takes.
	unchanged := table.Equals("position", base.Position)
	if base.Position == 0 {
		unchanged = table.AttributeAbsent("position")
	}
	err := s.table.Update(ctx, snapshotKey(topic), table.Update{Set: next, If: unchanged})
	if errors.Is(err, table.ErrConditionFailed) {
		return errReplaced
	}
	if err != nil {
		return fmt.Errorf("switch snapshot: %w", err)
	}
	_, err = s.log.Trim(ctx, topic, text.Version-keepVersions, s.clock.Now().Add(-keepFor), trimBatch)
	return err
}

// sweep deletes the chunks that nobody reads any more: those of the snapshot
// before a given one, and older ones that never came to be named.
func (s *Service) sweep(ctx context.Context, topic string, base snapshot) error {
	if base.Position == 0 {
		return nil
	}
	if err := s.deleteChunks(ctx, topic, base.Previous, base.PreviousChunks); err != nil {
		return err
	}
	page, err := table.List[chunk](ctx, s.table, table.Query{
		PK: snapshotKey(topic).PK, Prefix: chunkPrefix, Below: chunksOf(base.Position), Limit: sweepBatch,
	})
	if err != nil {
		return fmt.Errorf("list old chunks: %w", err)
	}
	for _, row := range page.Items {
		if err := s.table.Delete(ctx, row.Key); err != nil {
			return fmt.Errorf("delete old chunk: %w", err)
		}
	}
	return nil
}

func (s *Service) deleteChunks(ctx context.Context, topic string, version int64, chunks int) error {
	for i := range chunks {
		if err := s.table.Delete(ctx, chunkKey(topic, version, i)); err != nil {
			return fmt.Errorf("delete chunk: %w", err)
		}
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
