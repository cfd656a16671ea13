package notes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/table"
)

// readTries bounds how often a reader meets a snapshot being replaced.
const readTries = 5

// errReplaced says that a snapshot was replaced while it was read.
var errReplaced = errors.New("the snapshot was replaced")

// read gives the newest text.
func (s *Service) read(ctx context.Context, topic string) (Text, error) {
	for range readTries {
		base, err := s.snapshot(ctx, topic)
		if err != nil {
			return Text{}, err
		}
		text, err := s.textAfter(ctx, topic, base, nil)
		if !errors.Is(err, errReplaced) {
			return text, err
		}
	}
	return Text{}, fmt.Errorf("read %s: %w", topic, errReplaced)
}

// snapshot reads the newest snapshot's item; the zero snapshot where there is none.
func (s *Service) snapshot(ctx context.Context, topic string) (snapshot, error) {
	base, err := table.Get[snapshot](ctx, s.table, snapshotKey(topic))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return snapshot{}, fmt.Errorf("read snapshot of %s: %w", topic, err)
	}
	return base, nil
}

// textAfter gives the newest text: that of a snapshot, and the changes after it,
// of which the first page may have been read before. The error is errReplaced
// where either is no longer kept.
func (s *Service) textAfter(ctx context.Context, topic string, base snapshot, page *log.Page) (Text, error) {
	content, err := s.load(ctx, topic, base)
	if err != nil {
		return Text{}, err
	}
	version := base.Position
	for more := true; more; page = nil {
		if page == nil {
			read, err := s.changesAfter(ctx, topic, version, log.MaxPage)
			if err != nil {
				return Text{}, err
			}
			page = &read
		}
		if content, err = replay(content, page.Entries); err != nil {
			return Text{}, fmt.Errorf("read %s after %d: %w", topic, version, err)
		}
		if n := len(page.Entries); n > 0 {
			version = page.Entries[n-1].Last()
		}
		more = page.More
	}
	return Text{Version: version, Content: content, Hash: hash(content)}, nil
}

// changesAfter reads a page of the history; errReplaced where it isn't kept.
func (s *Service) changesAfter(ctx context.Context, topic string, version int64, limit int) (log.Page, error) {
	page, err := s.log.Read(ctx, topic, version, limit)
	if _, gone := errors.AsType[*log.GoneError](err); gone {
		return log.Page{}, errReplaced
	}
	if err != nil {
		return log.Page{}, fmt.Errorf("read %s after %d: %w", topic, version, err)
	}
	return page, nil
}

// load reads a snapshot's text.
func (s *Service) load(ctx context.Context, topic string, base snapshot) (string, error) {
	if base.Chunks == 0 {
		return base.Text, nil
	}
	wants := make([]*table.Lookup[chunk], base.Chunks)
	gets := make([]table.Lookups, base.Chunks)
	for i := range wants {
		wants[i] = table.NewLookup[chunk](s.table, chunkKey(topic, base.Position, i))
		gets[i] = wants[i]
	}
	if err := table.BatchGet(ctx, gets...); err != nil {
		return "", fmt.Errorf("read snapshot of %s: %w", topic, err)
	}
	var content strings.Builder
	for _, want := range wants {
		if !want.Found {
			return "", errReplaced
		}
		content.WriteString(want.Value.Text)
	}
	return content.String(), nil
}

// replay makes one change of a page of them, so that a long text is copied once.
func replay(content string, entries []log.Entry) (string, error) {
	var all ot.Change
	for _, entry := range entries {
		change, err := changeOf(entry)
		if err != nil {
			return "", err
		}
		if all, err = ot.Compose(all, change.Ops); err != nil {
			return "", fmt.Errorf("compose change %d: %w", entry.Position, err)
		}
	}
	return ot.Apply(content, all)
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
