package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// checkpoints remember where a reader has got to in each shard and logical
// shard, in a file that is replaced as a whole. What it holds was delivered; what
// was delivered after it comes again.
type checkpoints struct {
	// path is empty where nothing is kept.
	path string
	log  *slog.Logger

	mu      sync.Mutex
	state   progress
	dirty   bool
	written time.Time
}

type progress struct {
	StreamARN string              `json:"streamArn"`
	Shards    map[string]position `json:"shards"`
}

// position is where a reader has got to in a shard. A file that knows no parts
// is of a reader that had none: all begin at its sequence.
type position struct {
	// Sequence is the last sequence number behind which nothing is missing, empty
	// at the beginning.
	Sequence string `json:"sequence,omitempty"`
	// Parts are the same for each logical shard: never below Sequence.
	Parts []string `json:"parts,omitempty"`
	// Done is set when the shard was closed and read to its end.
	Done bool `json:"done,omitempty"`
}

// newPosition is the position of logical shards that have got so far.
func newPosition(parts []string) position {
	p := position{Sequence: parts[0], Parts: parts}
	for _, sequence := range parts {
		if after(p.Sequence, sequence) {
			p.Sequence = sequence
		}
	}
	return p
}

// reason gives where n logical shards go on: each behind its own position, or all
// behind the lowest where they were another number.
func (p position) of(n int) []string {
	if len(p.Parts) == n {
		return slices.Clone(p.Parts)
	}
	return slices.Repeat([]string{p.Sequence}, n)
}

// after reports whether a sequence number is above another. They are decimal
// numbers of up to 40 digits, with or without zeros in front; the empty one is
// below all.
func after(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) > len(b) || len(a) == len(b) && a > b
}

// lazyWrite bounds how often progress past filtered records alone is written.
const lazyWrite = time.Second

// openCheckpoints reads a reader's file. One that is damaged, or of another
// stream, is left aside with a line in the log: reading begins at the oldest
// record.
func openCheckpoints(dir, name, streamARN string, log *slog.Logger) (*checkpoints, error) {
	c := &checkpoints{log: log, state: progress{StreamARN: streamARN, Shards: map[string]position{}}}
	if dir == "" {
		return c, nil
	}
	c.path = filepath.Join(dir, "streams", name+".json")
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	var stored progress
	if err := json.Unmarshal(text, &stored); err != nil {
		log.Warn("checkpoints are damaged: reading from the oldest record", "file", c.path, "error", err.Error())
		return c, nil
	}
	if stored.StreamARN != streamARN {
		log.Warn("checkpoints are of another stream: reading from the oldest record", "file", c.path, "stream", stored.StreamARN)
		return c, nil
	}
	if stored.Shards != nil {
		c.state.Shards = stored.Shards
	}
	return c, nil
}

// at gives a copy of a shard's position.
func (c *checkpoints) at(shard string) position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Shards[shard]
}

func (c *checkpoints) done(shard string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Shards[shard].Done
}

// set moves a shard's checkpoint behind a delivered batch.
func (c *checkpoints) set(shard string, to position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(shard, to)
	c.write()
}

// advance moves a shard's checkpoint past records that no filter let through.
func (c *checkpoints) advance(shard string, to position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(shard, to)
	if time.Since(c.written) > lazyWrite {
		c.write()
	}
}

func (c *checkpoints) move(shard string, to position) {
	if now := c.state.Shards[shard]; now.Sequence != to.Sequence || !slices.Equal(now.Parts, to.Parts) {
		c.state.Shards[shard] = to
		c.dirty = true
	}
}

// finish marks a shard as read to its end.
func (c *checkpoints) finish(shard string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.state.Shards[shard]
	at.Done = true
	c.state.Shards[shard] = at
	c.dirty = true
	c.write()
}

// keep forgets the shards that no longer exist.
func (c *checkpoints) keep(exists map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for shard := range c.state.Shards {
		if !exists[shard] {
			delete(c.state.Shards, shard)
			c.dirty = true
		}
	}
}

func (c *checkpoints) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write()
}

// write replaces the file. An error is logged and the write tried again with
// the next one: until then a restart repeats more.
func (c *checkpoints) write() {
	if c.path == "" || !c.dirty {
		return
	}
	if err := replace(c.path, c.state); err != nil {
		c.log.Error("checkpoint not written", "file", c.path, "error", err.Error())
		return
	}
	c.dirty, c.written = false, time.Now()
}

func replace(path string, state progress) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}
