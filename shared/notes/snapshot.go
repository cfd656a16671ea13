package notes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/log"
	"github.com/rapport/rapport/shared/ot"
	"github.com/rapport/rapport/shared/realtime"
	"github.com/rapport/rapport/shared/table"
)

const (
	// chunkBytes bounds a chunk: an item has at most 400 KB.
	chunkBytes = 300 << 10
	// settle is how long after the last change a snapshot is made …
	settle = 2 * time.Second
	// … or after so many versions, or so long, while changes go on.
	everyVersions = 256
	everyTime     = time.Minute
	// parallelSnapshots bounds the texts that one batch materialises at once.
	parallelSnapshots = 4
	// readTries bounds how often a reader meets a snapshot being replaced.
	readTries = 5
	// History is kept for 90 days, and always for 1,000 versions below the
	// snapshot; a snapshot trims at most trimBatch versions.
	keepFor      = 90 * 24 * time.Hour
	keepVersions = 1000
	trimBatch    = 200
)

// read gives the newest text and the snapshot under it.
func (s *Service) read(ctx context.Context, topic string) (Text, snapshot, error) {
	for range readTries {
		base, content, err := s.load(ctx, topic)
		if errors.Is(err, errReplaced) {
			continue
		}
		if err != nil {
			return Text{}, snapshot{}, err
		}
		version := base.Position
		for {
			page, err := s.log.Read(ctx, topic, version, log.MaxPage)
			if err != nil {
				return Text{}, snapshot{}, refusal(err)
			}
			if content, err = replay(content, page.Entries); err != nil {
				return Text{}, snapshot{}, err
			}
			if n := len(page.Entries); n > 0 {
				version = page.Entries[n-1].Last()
			}
			if !page.More {
				return Text{Version: version, Content: content, Hash: hash(content)}, base, nil
			}
		}
	}
	return Text{}, snapshot{}, fmt.Errorf("read %s: %w", topic, errReplaced)
}

// errReplaced says that a snapshot was replaced while it was read.
var errReplaced = errors.New("the snapshot was replaced")

// load reads a snapshot and its text; the empty one where there is none.
func (s *Service) load(ctx context.Context, topic string) (snapshot, string, error) {
	base, err := table.Get[snapshot](ctx, s.table, snapshotKey(topic))
	if errors.Is(err, table.ErrNotFound) || (err == nil && base.Chunks == 0) {
		return base, "", nil
	}
	if err != nil {
		return snapshot{}, "", fmt.Errorf("read snapshot of %s: %w", topic, err)
	}
	wants := make([]*table.Want[chunk], base.Chunks)
	gets := make([]table.Wanted, base.Chunks)
	for i := range wants {
		wants[i] = table.WantItem[chunk](s.table, chunkKey(topic, base.Position, i))
		gets[i] = wants[i]
	}
	if err := table.BatchGet(ctx, gets...); err != nil {
		return snapshot{}, "", fmt.Errorf("read snapshot of %s: %w", topic, err)
	}
	var content strings.Builder
	for _, want := range wants {
		if !want.Found {
			return snapshot{}, "", errReplaced
		}
		content.WriteString(want.Value.Text)
	}
	return base, content.String(), nil
}

func replay(content string, entries []log.Entry) (string, error) {
	for _, entry := range entries {
		change, err := changeOf(entry)
		if err != nil {
			return "", err
		}
		if content, err = ot.Apply(content, change.Ops); err != nil {
			return "", fmt.Errorf("apply change %d: %w", entry.Position, err)
		}
	}
	return content, nil
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// Project materialises the texts that a batch of records has moved, once each:
// when two seconds have passed since the last change, or every 256 versions, or
// every minute. A record only says which text moved; the log says how. It gives
// what failed, by record id.
func (s *Service) Project(ctx context.Context, records []table.Record) map[string]error {
	type moved struct {
		ids    []string
		newest int64
	}
	topics := map[string]*moved{}
	var last time.Time
	for _, record := range records {
		topic, ok := log.TopicOf(record)
		if parsed, err := realtime.ParseTopic(topic); !ok || err != nil || parsed.Kind != realtime.Notes {
			continue
		}
		if topics[topic] == nil {
			topics[topic] = &moved{}
		}
		topics[topic].ids = append(topics[topic].ids, record.ID)
		topics[topic].newest = max(topics[topic].newest, log.PositionOf(record))
		if record.At.After(last) {
			last = record.At
		}
	}
	failed := map[string]error{}
	if err := s.clock.Sleep(ctx, min(settle, last.Add(settle).Sub(s.clock.Now()))); err != nil {
		for _, record := range records {
			failed[record.ID] = err
		}
		return failed
	}
	failures := make(chan func(), len(topics))
	var group errgroup.Group
	group.SetLimit(parallelSnapshots)
	for topic, m := range topics {
		group.Go(func() error {
			if err := s.materialise(ctx, topic, m.newest); err != nil {
				failures <- func() {
					for _, id := range m.ids {
						failed[id] = fmt.Errorf("snapshot of %s: %w", topic, err)
					}
				}
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in the channel
	close(failures)
	for note := range failures {
		note()
	}
	return failed
}

// materialise writes the next snapshot of a text of which a version has been
// seen; it leaves it to a later record where changes go on.
func (s *Service) materialise(ctx context.Context, topic string, seen int64) error {
	text, base, err := s.read(ctx, topic)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	going := text.Version > seen && text.Version-base.Position < everyVersions &&
		now.Sub(time.UnixMilli(base.At)) < everyTime
	if going || text.Version <= base.Position {
		return nil
	}
	chunks := split(text.Content)
	for i, part := range chunks {
		if err := s.table.Put(ctx, chunkKey(topic, text.Version, i), chunk{Text: part}); err != nil {
			return fmt.Errorf("write chunk: %w", err)
		}
	}
	next := map[string]any{
		"position": text.Version, "length": codePoints(text.Content), "hash": text.Hash,
		"chunks": len(chunks), "at": now.UnixMilli(),
	}
	err = s.table.Update(ctx, snapshotKey(topic), table.Update{
		Set: next, If: table.Or(table.Absent(), table.Less("position", text.Version)),
	})
	if errors.Is(err, table.ErrConditionFailed) {
		// Another reader was there first, at this version or a later one.
		return nil
	}
	if err != nil {
		return fmt.Errorf("switch snapshot: %w", err)
	}
	for i := range base.Chunks {
		if err := s.table.Delete(ctx, chunkKey(topic, base.Position, i)); err != nil {
			return fmt.Errorf("delete chunk: %w", err)
		}
	}
	_, err = s.log.Trim(ctx, topic, text.Version-keepVersions, now.Add(-keepFor), trimBatch)
	return err
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
