// Package pollers takes messages from queues and invokes functions with them, as
// Lambda's event source mapping does: batches of the template's size, gathered
// for its window, several at once, at least once. What the function took is
// deleted; what it reported as failed, and a batch that failed as a whole, is
// hidden until the queue's visibility timeout is over and then comes again, until
// the queue gives it to its dead letters.
//
// It differs from Lambda in one thing: where the template says no maximum of
// concurrency, defaultConcurrency holds.
package pollers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit/queues"
)

const (
	// defaultConcurrency is how many batches Lambda has under way at first.
	defaultConcurrency = 5
	// maxBatch bounds a batch's messages, in bytes: Lambda's bound of an event is
	// 6 MB.
	maxBatch = 4 << 20
	// pause is what a poller waits after an error of the queues.
	pause = time.Second
)

// Invoker runs a function, such as a pool.Pool.
type Invoker interface {
	Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error)
}

// Faults decides what happens to a batch beside being delivered.
type Faults interface {
	// Messages is asked once for each batch of a function: whether it is delivered
	// again after it was taken, and how long it is held back, while others go on.
	Messages(function string) (repeat bool, delay time.Duration)
}

// Config is what the pollers need.
type Config struct {
	Stack   *template.Stack
	Queues  *queues.Queues
	Invoker Invoker
	Clock   clock.Clock
	Log     *slog.Logger
	// Hop gives how long a batch is on its way to its function; nil adds nothing.
	Hop func() time.Duration
	// Faults disturbs deliveries within the guarantees; nil leaves them alone.
	Faults Faults
}

// Pollers are those of a stack's functions, running.
type Pollers struct {
	sources []*source
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Start begins to take messages, until Close; ctx bounds nothing after that.
func Start(ctx context.Context, cfg Config) *Pollers {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Pollers{stop: stop}
	for _, f := range cfg.Stack.Functions {
		for _, spec := range f.Queues {
			most := spec.MaximumConcurrency
			if most == 0 {
				most = defaultConcurrency
			}
			p.sources = append(p.sources, &source{
				Config: cfg, function: f, spec: spec, log: cfg.Log.With("function", f.Folder, "queue", spec.QueueName),
				places: semaphore.NewWeighted(int64(most)), seen: Statistics{Folder: f.Folder, Queue: spec.QueueName},
			})
		}
	}
	for _, s := range p.sources {
		p.done.Go(func() { s.run(running) })
	}
	return p
}

// Close stops taking messages and returns when nothing runs any more. A batch
// under way is not waited for: it comes again.
func (p *Pollers) Close() {
	p.stop()
	p.done.Wait()
}

// Statistics are what a function's poller has done since the start.
type Statistics struct {
	Folder string
	Queue  string
	// Messages counts deliveries that the function took, Failed deliveries that it
	// didn't.
	Messages int64
	Failed   int64
	// Batches counts invocations.
	Batches int64
}

// Snapshot gives the statistics of every poller, in the order of the templates.
func (p *Pollers) Snapshot() []Statistics {
	all := make([]Statistics, 0, len(p.sources))
	for _, s := range p.sources {
		s.mu.Lock()
		all = append(all, s.seen)
		s.mu.Unlock()
	}
	return all
}

// source is one queue of one function.
type source struct {
	Config
	function template.Function
	spec     template.QueueSource
	log      *slog.Logger
	// places are for the batches under way.
	places *semaphore.Weighted

	mu   sync.Mutex
	seen Statistics
}

func (s *source) run(ctx context.Context) {
	var batches sync.WaitGroup
	defer batches.Wait()
	for s.places.Acquire(ctx, 1) == nil {
		batch, err := s.gather(ctx)
		if err != nil {
			s.places.Release(1)
			if ctx.Err() == nil {
				s.log.Warn("poller waits for the queues", "error", err.Error())
				_ = s.Clock.Sleep(ctx, pause) // its only error is ctx's end
			}
			continue
		}
		batches.Go(func() {
			defer s.places.Release(1)
			s.handle(ctx, batch)
		})
	}
}

// gather waits for messages and takes as many as make a batch, or come within
// the window.
func (s *source) gather(ctx context.Context) (batch []queues.Message, err error) {
	size := 0
	take := func() error {
		for len(batch) < s.spec.BatchSize && size < maxBatch {
			one, err := s.Queues.Receive(s.spec.QueueName, 1, s.Clock.Now(), nil)
			if err != nil || len(one) == 0 {
				return err
			}
			batch, size = append(batch, one...), size+len(one[0].Body)
		}
		return nil
	}
	for len(batch) == 0 {
		if err := take(); err != nil {
			return nil, err
		}
		if len(batch) > 0 {
			break
		}
		if err := s.Queues.Wait(ctx, s.spec.QueueName); err != nil {
			return nil, err
		}
	}
	if s.spec.Window == 0 {
		return batch, nil
	}
	window, over := context.WithTimeout(ctx, s.spec.Window)
	defer over()
	for len(batch) < s.spec.BatchSize && size < maxBatch && s.Queues.Wait(window, s.spec.QueueName) == nil {
		if err := take(); err != nil {
			return nil, err
		}
	}
	return batch, ctx.Err()
}

// handle delivers a batch, later or twice where faults say so.
func (s *source) handle(ctx context.Context, batch []queues.Message) {
	repeat, delay := false, time.Duration(0)
	if s.Faults != nil {
		repeat, delay = s.Faults.Messages(s.function.Folder)
	}
	if s.Hop != nil {
		delay += s.Hop()
	}
	if delay > 0 && s.Clock.Sleep(ctx, delay) != nil {
		return
	}
	s.deliver(ctx, batch)
	if repeat {
		s.deliver(ctx, batch)
	}
}

// deliver invokes the function and deletes what it took.
func (s *source) deliver(ctx context.Context, batch []queues.Message) {
	failed, err := s.invoke(ctx, batch)
	if ctx.Err() != nil {
		return
	}
	taken := 0
	for _, m := range batch {
		if err != nil || failed[m.ID] {
			continue
		}
		if err := s.Queues.Delete(s.spec.QueueName, m.Receipt); err != nil {
			s.log.Error("message not deleted: it comes again", "messageId", m.ID, "error", err.Error())
		}
		taken++
	}
	if err != nil {
		s.log.Warn("batch failed", "messages", len(batch), "error", err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Batches++
	s.seen.Messages += int64(taken)
	s.seen.Failed += int64(len(batch) - taken)
}

func (s *source) invoke(ctx context.Context, batch []queues.Message) (map[string]bool, error) {
	arn := fmt.Sprintf("arn:aws:sqs:%s:%s:%s", s.Stack.Region, s.Stack.AccountID, s.spec.QueueName)
	payload, err := json.Marshal(queues.Event(arn, s.Stack.Region, batch))
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	received := map[string]int{}
	for _, m := range batch {
		received[m.ID] = m.Received
	}
	report := func(id string, reason error) {
		s.log.Warn("message failed", "messageId", id, "received", received[id], "error", reason.Error())
	}
	answer, err := s.Invoker.Invoke(endpoint.WithReasons(ctx, report), s.function.Folder, payload)
	if err != nil {
		return nil, err
	}
	if !s.spec.ReportBatchItemFailures {
		return nil, nil
	}
	failed, err := queues.Failed(answer, batch)
	if errors.Is(err, queues.ErrAnswer) {
		return nil, fmt.Errorf("%s: %w", s.function.Folder, err)
	}
	return failed, err
}
