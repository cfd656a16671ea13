package streams

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/shared/core/endpoint"
)

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// The conditions that Lambda names in the metadata of what it gave up.
const (
	retriesExhausted = "RetryAttemptsExhausted"
	ageExceeded      = "EventAgeExceeded"
)

// deliver invokes the function with a batch until every record of it was taken
// or given up. It is false where ctx ended before.
func (p *part) deliver(ctx context.Context, batch []record) bool {
	attempts := 0
	for len(batch) > 0 {
		if batch = p.dropAged(batch, attempts); len(batch) == 0 {
			return true
		}
		err := p.invoke(ctx, batch)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			p.count(func(c *Statistics) { c.Records += int64(len(batch)) })
			return true
		}
		if _, ok := errors.AsType[*pool.Throttled](err); ok {
			// Not an attempt: the function never saw the batch.
			if !p.backOff(ctx, attempts) {
				return false
			}
			continue
		}
		p.count(func(c *Statistics) { c.Failures++ })
		attempts++
		partial, isPartial := errors.AsType[*partialFailure](err)
		if isPartial && partial.from > 0 {
			p.count(func(c *Statistics) { c.Records += int64(partial.from) })
			batch, attempts = batch[partial.from:], 1
		}
		p.log.Warn("batch failed", "shard", p.id, "from", batch[0].sequence, "records", len(batch), "attempt", attempts, "error", err.Error())
		if p.spec.Bisect && len(batch) > 1 && (!isPartial || partial.from == 0) {
			if !p.backOff(ctx, attempts) {
				return false
			}
			half := len(batch) / 2
			return p.deliver(ctx, batch[:half]) && p.deliver(ctx, batch[half:])
		}
		if p.spec.MaximumRetryAttempts >= 0 && attempts > p.spec.MaximumRetryAttempts {
			p.giveUp(batch, retriesExhausted, attempts, err)
			return true
		}
		if !p.backOff(ctx, attempts) {
			return false
		}
	}
	return true
}

// backOff waits exponentially longer after each attempt, with jitter of up to a
// quarter. It is false where ctx ended.
func (p *part) backOff(ctx context.Context, attempts int) bool {
	wait := min(firstBackoff<<min(attempts-1, 10), maxBackoff)
	if attempts < 1 {
		wait = firstBackoff
	}
	wait += time.Duration(rand.Int64N(int64(wait / 4)))
	return p.Clock.Sleep(ctx, wait) == nil
}

// dropAged gives up the records at the batch's beginning that are too old.
func (p *part) dropAged(batch []record, attempts int) []record {
	if p.spec.MaximumRecordAgeSeconds < 0 {
		return batch
	}
	limit := p.Clock.Now().Add(-time.Duration(p.spec.MaximumRecordAgeSeconds) * time.Second)
	aged := 0
	for aged < len(batch) && batch[aged].created.Before(limit) && p.started.Before(limit) {
		aged++
	}
	if aged > 0 {
		p.giveUp(batch[:aged], ageExceeded, attempts, fmt.Errorf("older than %d s", p.spec.MaximumRecordAgeSeconds))
	}
	return batch[aged:]
}

// giveUp sends what describes the records to the destination and counts them.
func (p *part) giveUp(batch []record, condition string, attempts int, reason error) {
	p.count(func(c *Statistics) { c.Discarded += int64(len(batch)) })
	p.log.Error("records given up", "shard", p.id, "condition", condition, "from", batch[0].sequence,
		"to", batch[len(batch)-1].sequence, "records", len(batch), "attempts", attempts, "error", reason.Error())
	if err := p.deadLetter(batch, condition, attempts, reason); err != nil {
		p.log.Error("dead letter not written", "shard", p.id, "error", err.Error())
	}
}

// invoke gives a batch to the function. A *partialFailure is an answer that
// names what failed; every other error is of the whole batch.
func (p *part) invoke(ctx context.Context, batch []record) error {
	payload := bytes.NewBufferString(`{"Records":[`)
	for i, r := range batch {
		if i > 0 {
			payload.WriteByte(',')
		}
		payload.Write(r.json)
	}
	payload.WriteString(`]}`)
	p.count(func(c *Statistics) { c.Batches++ })
	var heard reasons
	answer, err := p.Invoker.Invoke(endpoint.WithReasons(ctx, heard.add), p.function.Folder, payload.Bytes())
	if err != nil {
		return err
	}
	if !p.spec.ReportBatchItemFailures {
		return nil
	}
	err = failures(answer, batch)
	if partial, ok := errors.AsType[*partialFailure](err); ok {
		partial.reason = heard.reason(batch[partial.from].sequence)
	}
	return err
}

// reasons are why records failed, as the function says beside its answer.
type reasons struct {
	mu  sync.Mutex
	why map[string]error
}

func (r *reasons) add(sequence string, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == nil {
		r.why = map[string]error{}
	}
	r.why[sequence] = why
}

func (r *reasons) reason(sequence string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why[sequence]
}

// partialFailure is an answer with batchItemFailures: the batch is done up to
// the record at from, and comes again from there.
type partialFailure struct {
	from  int
	count int
	// reason is the first one's, nil where the function didn't say.
	reason error
}

// Error counts the failed records.
func (e *partialFailure) Error() string {
	if e.reason == nil {
		return fmt.Sprintf("%d records reported as failed, the first at %d", e.count, e.from)
	}
	return fmt.Sprintf("%d records reported as failed, the first at %d: %v", e.count, e.from, e.reason)
}

// Unwrap gives the first one's reason.
func (e *partialFailure) Unwrap() error { return e.reason }

var errAnswer = errors.New("the answer is no list of failed records: the whole batch counts as failed")

// failures reads the answer of a function that reports failures per record, as
// Lambda does: nothing, null or an empty list is success, the lowest sequence
// number named is where to go on, and whatever can't be understood fails the
// whole batch.
func failures(answer []byte, batch []record) error {
	if len(bytes.TrimSpace(answer)) == 0 {
		return nil
	}
	var response struct {
		BatchItemFailures *[]map[string]any `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	if response.BatchItemFailures == nil || len(*response.BatchItemFailures) == 0 {
		return nil
	}
	position := make(map[string]int, len(batch))
	for i, r := range batch {
		position[r.sequence] = i
	}
	lowest := len(batch)
	for _, item := range *response.BatchItemFailures {
		identifier, ok := item["itemIdentifier"].(string)
		at, known := position[identifier]
		if !ok || !known {
			return fmt.Errorf("%w: itemIdentifier %q", errAnswer, identifier)
		}
		lowest = min(lowest, at)
	}
	return &partialFailure{from: lowest, count: len(*response.BatchItemFailures)}
}
