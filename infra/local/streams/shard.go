package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	// pollBusy is the time between two looks at a shard that had records a
	// moment ago, pollIdle what it grows to while there are none. Measured with
	// three readers, runner and engine together: 1.5 % of a core.
	pollBusy = 20 * time.Millisecond
	pollIdle = 200 * time.Millisecond
	// readLimit is GetRecords' own bound.
	readLimit = 1000
	// maxPayload bounds a batch as Lambda does, in bytes.
	maxPayload = 6 << 20
)

// shard is one shard under way: records that wait for their batch, and where
// reading stands.
type shard struct {
	*source
	id       string
	iterator *string
	// pending passed the filters and wait; since is when the first of them was
	// read, for the batching window.
	pending []record
	since   time.Time
	// read is the last sequence number read, delivered or not.
	read string
	idle time.Duration
}

// runShard reads a shard until it is closed and done, or ctx ends.
func (s *source) runShard(ctx context.Context, id string) {
	sh := &shard{source: s, id: id, read: s.checkpoints.sequence(id), idle: pollBusy}
	for ctx.Err() == nil {
		closed, err := sh.step(ctx)
		if err != nil {
			s.pause(ctx, "read "+id, err)
			sh.iterator = nil
			continue
		}
		if closed && len(sh.pending) == 0 {
			s.checkpoints.finish(id)
			return
		}
	}
}

// step reads once, delivers what is due, and waits where there was nothing.
func (sh *shard) step(ctx context.Context) (closed bool, err error) {
	if sh.iterator == nil {
		if err := sh.seek(ctx); err != nil {
			return false, err
		}
	}
	got := 0
	if len(sh.pending) < sh.spec.BatchSize {
		if got, closed, err = sh.fetch(ctx); err != nil {
			return false, err
		}
	}
	if sh.due(closed) {
		for sh.due(closed) {
			if !sh.deliverOne(ctx) {
				return false, nil
			}
		}
		sh.idle = pollBusy
		return closed, nil
	}
	if got > 0 {
		sh.checkpoints.advance(sh.id, sh.position())
		sh.idle = pollBusy
		return closed, nil
	}
	if !closed {
		sh.wait(ctx)
	}
	return closed, nil
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

// fetch reads records and keeps those that pass the filters.
func (sh *shard) fetch(ctx context.Context) (got int, closed bool, err error) {
	limit := int32(readLimit)
	out, err := sh.Streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: sh.iterator, Limit: &limit})
	if expired, ok := errors.AsType[*types.ExpiredIteratorException](err); ok {
		sh.iterator = nil
		sh.log.Debug("iterator expired", "shard", sh.id, "error", expired.Error())
		return 0, false, sh.seek(ctx)
	}
	if trimmed(err) {
		sh.read = ""
		sh.log.Warn("records were trimmed before they were read", "shard", sh.id)
		return 0, false, sh.seek(ctx)
	}
	if err != nil {
		return 0, false, fmt.Errorf("get records: %w", err)
	}
	for _, raw := range out.Records {
		r, err := convert(sh.named(raw), sh.eventARN, sh.id, sh.Stack.Region)
		if err != nil {
			return 0, false, fmt.Errorf("record: %w", err)
		}
		r.before, sh.read = sh.read, r.sequence
		if !passes(sh.filters, r.event) {
			sh.count(func(c *Statistics) { c.Filtered++ })
			continue
		}
		if len(sh.pending) == 0 {
			sh.since = sh.Clock.Now()
		}
		sh.pending = append(sh.pending, r)
	}
	sh.iterator = out.NextShardIterator
	return len(out.Records), out.NextShardIterator == nil, nil
}

// named is a record with the service's identity where the item expired.
func (sh *shard) named(raw types.Record) types.Record {
	if sh.Expired == nil || raw.EventName != types.OperationTypeRemove || raw.Dynamodb == nil || raw.UserIdentity != nil {
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

// due tells whether a batch is to go now: it is full, its window is over, or
// nothing more can come.
func (sh *shard) due(closed bool) bool {
	if len(sh.pending) == 0 {
		return false
	}
	return closed || len(sh.pending) >= sh.spec.BatchSize || sh.spec.Window == 0 ||
		sh.Clock.Now().Sub(sh.since) >= sh.spec.Window
}

// deliverOne delivers the next batch to its end and moves the checkpoint behind
// it. It is false where ctx ended before.
func (sh *shard) deliverOne(ctx context.Context) bool {
	n, size := 0, 0
	for n < len(sh.pending) && n < sh.spec.BatchSize && (n == 0 || size+len(sh.pending[n].json) < maxPayload) {
		size += len(sh.pending[n].json)
		n++
	}
	newest := sh.pending[n-1].created
	sh.count(func(c *Statistics) { c.IteratorAge = max(0, sh.Clock.Now().Sub(newest)) })
	if !sh.deliver(ctx, sh.pending[:n]) {
		return false
	}
	sh.pending = sh.pending[n:]
	sh.checkpoints.set(sh.id, sh.position())
	return true
}

// position is the last record that needs no delivery any more.
func (sh *shard) position() string {
	if len(sh.pending) > 0 {
		return sh.pending[0].before
	}
	return sh.read
}

// wait lets an idle shard rest, longer each time.
func (sh *shard) wait(ctx context.Context) {
	timer := time.NewTimer(sh.idle)
	defer timer.Stop()
	select {
	case <-timer.C:
		sh.idle = min(sh.idle*5/4, pollIdle)
	case <-sh.wake:
		sh.idle = pollBusy
	case <-ctx.Done():
	}
}

func trimmed(err error) bool {
	_, ok := errors.AsType[*types.TrimmedDataAccessException](err)
	return ok
}
