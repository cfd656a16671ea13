package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	// Without a batching window, pollBusy is the time between two looks at a shard
	// that had records a moment ago, pollIdle what it grows to while there are none.
	pollBusy = 20 * time.Millisecond
	pollIdle = 200 * time.Millisecond
	// pollWindow is the time between two looks where records wait for a window
	// anyway: Lambda's own, which polls a shard four times a second
	// (docs.aws.amazon.com/lambda, "Polling and batching streams").
	pollWindow = 250 * time.Millisecond
	// readLimit is GetRecords' own bound.
	readLimit = 1000
)

// shard is one of the engine's shards under way. It is read once for all its
// logical shards; a slow one of them holds up reading when its queue is full.
type shard struct {
	*source
	id       string
	iterator *string
	parts    []*part
	// idle is how long to wait after the next read that gives nothing, began when
	// the last one began, and look the one before it that came to the end.
	idle  time.Duration
	began time.Time
	look  time.Time

	mu sync.Mutex
	// read is the last sequence number read, delivered or not.
	read string
}

func (s *source) newShard(ctx context.Context, id string) *shard {
	sh := &shard{source: s, id: id, idle: s.pollLeast()}
	at := s.checkpoints.at(id)
	sh.read = at.Sequence
	for i, from := range at.of(s.Split) {
		sh.parts = append(sh.parts, newPart(ctx, sh, i, from))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shards[id] = sh
	return sh
}

// runShard reads a shard until it is closed and done, or ctx ends. It returns
// when nothing of it is under way.
func (s *source) runShard(ctx context.Context, id string) {
	sh := s.newShard(ctx, id)
	closed := false
	for !closed && ctx.Err() == nil {
		var err error
		if closed, err = sh.step(ctx); err != nil {
			s.pause(ctx, "read "+id, err)
			sh.iterator = nil
		}
	}
	for _, p := range sh.parts {
		// Flushes end with ctx by themselves.
		if err := p.batches.Close(context.WithoutCancel(ctx)); err != nil {
			s.log.Error("logical shard not closed", "shard", p.id, "error", err.Error())
		}
	}
	s.mu.Lock()
	delete(s.shards, id)
	s.mu.Unlock()
	if closed && ctx.Err() == nil {
		s.checkpoints.finish(id)
	}
}

// step reads once and waits where there was nothing.
func (sh *shard) step(ctx context.Context) (closed bool, err error) {
	if sh.iterator == nil {
		if err := sh.seek(ctx); err != nil {
			return false, err
		}
	}
	got, closed, err := sh.fetch(ctx)
	if err != nil || closed {
		return closed, err
	}
	if got > 0 {
		sh.idle = sh.pollLeast()
		sh.mu.Lock()
		sh.checkpoints.advance(sh.id, sh.position())
		sh.mu.Unlock()
	}
	if got < readLimit {
		sh.wait(ctx)
	}
	return false, nil
}

// seek gets an iterator behind the last record that was read. Records that are
// no longer there are passed over with a line in the log.
func (sh *shard) seek(ctx context.Context) error {
	in := &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &sh.streamARN, ShardId: &sh.id, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	}
	if sh.read != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &sh.read
	}
	out, err := sh.Streams.GetShardIterator(ctx, in)
	if trimmed(err) {
		sh.log.Warn("records since the checkpoint were trimmed: reading from the oldest", "shard", sh.id, "checkpoint", sh.read)
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeTrimHorizon, nil
		out, err = sh.Streams.GetShardIterator(ctx, in)
	}
	if err != nil {
		return fmt.Errorf("shard iterator: %w", err)
	}
	sh.iterator = out.ShardIterator
	return nil
}

// fetch reads records and gives each to its logical shard.
func (sh *shard) fetch(ctx context.Context) (got int, closed bool, err error) {
	limit := int32(readLimit)
	sh.began = sh.Clock.Now()
	out, err := sh.Streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: sh.iterator, Limit: &limit})
	if expired, ok := errors.AsType[*types.ExpiredIteratorException](err); ok {
		sh.iterator = nil
		sh.log.Debug("iterator expired", "shard", sh.id, "error", expired.Error())
		return 0, false, sh.seek(ctx)
	}
	if trimmed(err) {
		sh.mu.Lock()
		sh.read = ""
		sh.mu.Unlock()
		sh.log.Warn("records were trimmed before they were read", "shard", sh.id)
		return 0, false, sh.seek(ctx)
	}
	if err != nil {
		return 0, false, fmt.Errorf("get records: %w", err)
	}
	fetched := sh.Clock.Now()
	if err := sh.distribute(ctx, out.Records, fetched); err != nil {
		return 0, false, err
	}
	if len(out.Records) < readLimit {
		sh.look = sh.began
	}
	sh.iterator = out.NextShardIterator
	return len(out.Records), out.NextShardIterator == nil, nil
}

// distribute gives a page's records to their logical shards. It waits where one of
// them, or the reader, holds as much as it may. Where a record can't be
// understood, reading stops before it.
func (sh *shard) distribute(ctx context.Context, page []types.Record, fetched time.Time) error {
	var wrong error
	for _, raw := range page {
		if wrong = sh.sort(raw, fetched); wrong != nil {
			break
		}
	}
	for _, p := range sh.parts {
		if err := p.put(ctx); err != nil {
			return err
		}
	}
	return wrong
}

// sort gives a record to its logical shard, unless that has it already or no
// filter lets it through.
func (sh *shard) sort(raw types.Record, fetched time.Time) error {
	if raw.Dynamodb == nil || raw.Dynamodb.SequenceNumber == nil {
		return errors.New("a record without a change")
	}
	sequence := *raw.Dynamodb.SequenceNumber
	p := sh.parts[partOf(raw.Dynamodb.Keys[sh.partition], len(sh.parts))]
	if !after(sequence, p.from) {
		sh.passed(sequence)
		return nil
	}
	raw = sh.named(raw)
	wanted, r, err := sh.filter(raw)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if !wanted {
		sh.count(func(c *Statistics) { c.Filtered++ })
		sh.passed(sequence)
		return nil
	}
	r.fetched, r.committed = fetched, r.created
	if sh.look.After(r.committed) {
		r.committed = sh.look
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	p.take(r)
	return nil
}

// filter reports whether a record goes to the function, and makes it what the
// function gets. What its keys alone rule out is not converted.
func (sh *shard) filter(raw types.Record) (bool, record, error) {
	if sh.keysOnly {
		if keys := keysOf(raw); keys != nil && !passes(sh.filters, keys) {
			return false, record{}, nil
		}
	}
	r, err := convert(raw, sh.eventARN, sh.id, sh.Stack.Region)
	if err != nil || !passes(sh.filters, r.event) {
		return false, record{}, err
	}
	r.event = nil // it is done with, and large
	return true, r, nil
}

// passed notes a record that needs no delivery.
func (sh *shard) passed(sequence string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.read = sequence
}

// named is a record with the service's identity where the item expired.
func (sh *shard) named(raw types.Record) types.Record {
	if sh.Expired == nil || raw.EventName != types.OperationTypeRemove || raw.UserIdentity != nil {
		return raw
	}
	key := map[string]string{}
	for name, v := range raw.Dynamodb.Keys {
		if s, ok := v.(*types.AttributeValueMemberS); ok {
			key[name] = s.Value
		}
	}
	if sh.Expired(sh.spec.TableName, key) {
		raw.UserIdentity = &types.Identity{Type: new("Service"), PrincipalId: new("dynamodb.amazonaws.com")}
	}
	return raw
}

// position is where each logical shard has got to. The caller holds the lock.
func (sh *shard) position() position {
	parts := make([]string, len(sh.parts))
	for i, p := range sh.parts {
		parts[i] = p.position()
	}
	return newPosition(parts)
}

// behind is the age of the oldest record that isn't done.
func (sh *shard) behind(now time.Time) time.Duration {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var age time.Duration
	for _, p := range sh.parts {
		if len(p.open) > 0 {
			age = max(age, now.Sub(p.open[0].committed))
		}
	}
	return age
}

// pollLeast is the least time between the beginnings of two reads.
func (s *source) pollLeast() time.Duration {
	if s.spec.Window > 0 {
		return pollWindow
	}
	return pollBusy
}

// wait lets a shard rest, longer each time without a batching window; being
// woken ends it, but never before the least time between two reads.
func (sh *shard) wait(ctx context.Context) {
	least := sh.pollLeast()
	if !rest(ctx, least-sh.Clock.Now().Sub(sh.began), nil) || sh.spec.Window > 0 {
		return
	}
	woken := !rest(ctx, sh.idle-least, sh.wake)
	sh.idle = min(sh.idle*5/4, pollIdle)
	if woken {
		sh.idle = least
	}
}

// rest waits; it is false where it was woken, or ctx ended.
func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
	case <-ctx.Done():
	}
	return false
}

func trimmed(err error) bool {
	_, ok := errors.AsType[*types.TrimmedDataAccessException](err)
	return ok
}
