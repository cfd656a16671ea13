package streams

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/rapport/rapport/infra/batch"
)

const (
	// maxPayload bounds a batch as Lambda does, in bytes.
	maxPayload = 6 << 20
	// maxHeld bounds what a reader holds that isn't delivered, in bytes.
	maxHeld = 32 << 20
)

// partOf is the logical shard, of n, that the items of a partition belong to:
// the upper half of the key's 64-bit FNV-1a hash, scaled. (Its lowest bits depend
// on the lowest bits of the key's bytes alone.)
func partOf(key types.AttributeValue, n int) int {
	hash := fnv.New64a()
	switch key := key.(type) {
	case *types.AttributeValueMemberS:
		_, _ = hash.Write([]byte(key.Value)) // it never fails, nor below
	case *types.AttributeValueMemberN:
		_, _ = hash.Write([]byte(key.Value))
	case *types.AttributeValueMemberB:
		_, _ = hash.Write(key.Value)
	}
	return int(hash.Sum64() >> 32 * uint64(n) >> 32)
}

// part is a logical shard: the records of some partition keys of a shard, in
// their order, with batches, retries and a position of their own.
type part struct {
	*shard
	id string
	// from is the position that an earlier reader stored: what lies at or below it
	// is done.
	from    string
	ctx     context.Context
	batches *batch.Processor[record]
	// open are the records that were read and aren't done, guarded by the shard's
	// lock.
	open []opened
	// page are the records of the page that is being read.
	page []record
}

// opened is what a position and an age need of a record.
type opened struct {
	// before is the sequence number that was read before the record.
	before    string
	committed time.Time
}

func newPart(ctx context.Context, sh *shard, index int, from string) *part {
	p := &part{shard: sh, id: fmt.Sprintf("%s.%d", sh.id, index), from: from, ctx: ctx}
	p.batches = batch.New(ctx, batch.Options{
		Max: sh.spec.BatchSize, Wait: sh.spec.Window, Trailing: true, Queue: sh.spec.BatchSize, Clock: sh.Clock,
	}, p.flush)
	return p
}

// take notes a record that was read and is to be put; the caller holds the
// shard's lock.
func (p *part) take(r record) {
	p.open = append(p.open, opened{before: p.read, committed: r.committed})
	p.read = r.sequence
	p.page = append(p.page, r)
}

// put queues the records of a page. It waits for room, and fails only where the
// reader ends.
func (p *part) put(ctx context.Context) error {
	page := p.page
	p.page = nil
	for len(page) > 0 {
		n, weight := 0, int64(0)
		for n < len(page) && (n == 0 || weight+page[n].weight() <= maxHeld/8) {
			weight += page[n].weight()
			n++
		}
		if err := p.held.Acquire(ctx, weight); err != nil {
			return fmt.Errorf("wait for room: %w", err)
		}
		// The receipts aren't needed: what isn't delivered keeps the position below it.
		if _, err := p.batches.PutAll(ctx, page[:n]); err != nil {
			return fmt.Errorf("wait for room: %w", err)
		}
		page = page[n:]
	}
	return nil
}

// weight is what a record counts of maxHeld.
func (r record) weight() int64 { return min(int64(len(r.json)), maxHeld) }

// flush delivers a batch to its end, in several where it is above Lambda's
// payload. Where the reader ends before, the batch comes again.
func (p *part) flush(_ context.Context, records []record) error {
	for len(records) > 0 {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		n := fitting(records)
		if !p.deliverAs(p.ctx, records[:n]) {
			return p.ctx.Err()
		}
		p.finished(records[:n])
		records = records[n:]
	}
	return nil
}

// fitting is how many records one event takes.
func fitting(records []record) int {
	n, size := 1, len(records[0].json)
	for n < len(records) && size+len(records[n].json) < maxPayload {
		size += len(records[n].json)
		n++
	}
	return n
}

// deliverAs delivers a batch as late, and as often, as the profile and the faults
// want it. It is false where ctx ended before.
func (p *part) deliverAs(ctx context.Context, records []record) bool {
	newest := records[len(records)-1]
	var wait time.Duration
	if p.Hop != nil {
		wait = newest.fetched.Add(p.Hop()).Sub(p.Clock.Now())
	}
	repeat := false
	if p.Faults != nil {
		var late time.Duration
		repeat, late = p.Faults.Batch(p.name)
		wait = max(wait, 0) + late
	}
	if wait > 0 && p.Clock.Sleep(ctx, wait) != nil {
		return false
	}
	age := max(0, p.Clock.Now().Sub(newest.committed))
	p.count(func(c *Statistics) { c.IteratorAge = age })
	return p.deliver(ctx, records) && (!repeat || p.deliver(ctx, records))
}

// finished moves the position behind delivered records.
func (p *part) finished(records []record) {
	var weight int64
	for _, r := range records {
		weight += r.weight()
	}
	p.held.Release(weight)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open = p.open[len(records):]; len(p.open) == 0 {
		p.open = nil
	}
	p.checkpoints.set(p.shard.id, p.shard.position())
}

// position is the last sequence number up to which nothing of the part is missing.
// The caller holds the lock.
func (p *part) position() string {
	if len(p.open) > 0 {
		return p.open[0].before
	}
	if after(p.from, p.read) {
		return p.from
	}
	return p.read
}
