// Package batch gathers items and hands them on together.
//
// A batch goes when it is full or when its window is over, one at a time, in the
// order in which the items were taken. A topic that isn't hot doesn't pay the
// window: an item that comes when nothing has gone for a whole window goes at
// once and alone, and those that follow it wait for the window's end, at most
// one window each beside a flush under way. Options.Trailing is for who would
// rather have fewer batches: then the window begins with the first item that
// waits.
//
// Items that wait are bounded: beyond Options.Queue of them, Add and Put wait for
// room, so a slow flush slows those who add. Every item has one outcome: that of
// its batch, or of itself where the flush gives ItemErrors. When the processor is
// closed, or its context ends, what waits is flushed without waiting for windows,
// and nothing more is taken.
//
// A goroutine runs only while items wait or are being flushed, so a processor
// that is forgotten leaves nothing behind.
package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

var (
	// ErrClosed says that the processor takes no more items: it was closed, or its
	// context ended. The item was not flushed.
	ErrClosed = errors.New("batch: closed")
	// ErrWithdrawn says that the caller's context ended before a flush took the
	// item, which is now in none.
	ErrWithdrawn = errors.New("batch: the item was withdrawn before it was flushed")
)

// ItemErrors is what a flush returns where its items have different outcomes: one
// error or nil for each item, in their order. With another length it is every
// item's error.
type ItemErrors []error

// Error names the first failure.
func (e ItemErrors) Error() string {
	failed := slices.DeleteFunc(slices.Clone(e), func(err error) bool { return err == nil })
	if len(failed) == 0 {
		return "batch: no item failed"
	}
	return fmt.Sprintf("batch: %d of %d items failed, the first: %v", len(failed), len(e), failed[0])
}

// defaultGrace is how long flushes may go on after the context's end.
const defaultGrace = 5 * time.Second

// Options bound a processor.
type Options struct {
	// Max is how many items a batch has at most; at least 1.
	Max int
	// Wait is the window. With 0 nothing waits but for the flush before it.
	Wait time.Duration
	// Trailing lets every batch wait for its whole window, also the first one.
	Trailing bool
	// Queue bounds the items that wait, beside those in the flush under way. It is
	// at least Max; 0 means ten times Max.
	Queue int
	// Grace is how long flushes may go on after the end of the processor's context;
	// 0 means 5 s.
	Grace time.Duration
	// Clock is the machine's where it is nil.
	Clock clock.Clock
}

// Processor gathers items of one kind. It is safe for concurrent use.
type Processor[T any] struct {
	o     Options
	flush func(ctx context.Context, items []T) error
	// room has a token for each item that waits.
	room chan struct{}
	// ended is closed when nothing more is taken.
	ended chan struct{}
	// ctx is that of flushes; forget detaches the processor from the context that
	// it was made with.
	ctx    context.Context
	cancel context.CancelFunc
	forget func() bool

	mu      sync.Mutex
	waiting []*entry[T]
	// closed is why nothing more is taken.
	closed error
	// last is when the last flush began.
	last time.Time
	// idle is there while the goroutine runs, and closed when it ends.
	idle chan struct{}
	// wake ends the goroutine's wait for a window.
	wake context.CancelFunc
}

// New makes a processor. The flush gets 1 to Max items in a slice of its own,
// and a context that ends Grace after ctx, or with the context of Close. It must
// return.
func New[T any](ctx context.Context, o Options, flush func(ctx context.Context, items []T) error) *Processor[T] {
	o.Max = max(o.Max, 1)
	if o.Queue == 0 {
		o.Queue = 10 * o.Max
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	p := &Processor[T]{o: o, flush: flush, room: make(chan struct{}, max(o.Queue, o.Max)), ended: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.forget = context.AfterFunc(ctx, func() {
		p.end(fmt.Errorf("%w: %w", ErrClosed, context.Cause(ctx)))
		_ = o.Clock.Sleep(p.ctx, o.Grace) // it ends early when all is flushed
		p.cancel()
	})
	return p
}

// Close takes no more items, flushes what waits, and returns when that is done.
// Where ctx ends first it ends the flushes' context and returns ctx's error.
func (p *Processor[T]) Close(ctx context.Context) error {
	p.end(ErrClosed)
	p.forget()
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		p.cancel()
		return fmt.Errorf("batch: close before all was flushed: %w", ctx.Err())
	}
}

// end lets nothing more in; the first reason stands.
func (p *Processor[T]) end(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return
	}
	p.closed = reason
	close(p.ended)
	if p.idle == nil {
		p.cancel()
	}
	p.hurry()
}
