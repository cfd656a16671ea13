package batch

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Receipt says what became of an item.
type Receipt struct {
	done chan struct{}
	err  error
}

// Wait gives the item's outcome, or ctx's error where that ends first; the item
// is flushed all the same.
func (r *Receipt) Wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("batch: wait for the flush: %w", ctx.Err())
	}
}

type entry[T any] struct {
	Receipt
	item  T
	taken time.Time
}

// Add gives the processor an item and waits until it was flushed. It returns the
// outcome; ErrClosed and ErrWithdrawn say that there was no flush of it. Another
// error of ctx means that the flush goes on without the caller.
func (p *Processor[T]) Add(ctx context.Context, item T) error {
	taken, err := p.take(ctx, []T{item})
	if err != nil {
		return err
	}
	e := taken[0]
	err = e.Wait(ctx)
	if ctx.Err() != nil && p.withdraw(e) {
		return fmt.Errorf("%w: %w", ErrWithdrawn, ctx.Err())
	}
	return err
}

// Put gives the processor an item and waits for room only. The receipt has the
// outcome. An error is ErrClosed or ErrWithdrawn: the item was not taken.
func (p *Processor[T]) Put(ctx context.Context, item T) (*Receipt, error) {
	taken, err := p.take(ctx, []T{item})
	if err != nil {
		return nil, err
	}
	return &taken[0].Receipt, nil
}

// PutAll is Put for several items, which are taken together as far as there is
// room for them, so that they don't go one by one. It gives the receipts of those
// that were taken, also with an error.
func (p *Processor[T]) PutAll(ctx context.Context, items []T) ([]*Receipt, error) {
	receipts := make([]*Receipt, 0, len(items))
	for len(items) > 0 {
		taken, err := p.take(ctx, items)
		if err != nil {
			return receipts, err
		}
		for _, e := range taken {
			receipts = append(receipts, &e.Receipt)
		}
		items = items[len(taken):]
	}
	return receipts, nil
}

// take puts the first of the items in the queue, and as many more as have room
// at once, and the goroutine to work.
func (p *Processor[T]) take(ctx context.Context, items []T) ([]*entry[T], error) {
	select {
	case p.room <- struct{}{}:
	case <-p.ended:
		return nil, p.reason()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrWithdrawn, ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		<-p.room
		return nil, p.closed
	}
	before := len(p.waiting)
	for i, item := range items {
		if i > 0 && !p.roomFor() {
			break
		}
		p.waiting = append(p.waiting, &entry[T]{Receipt: Receipt{done: make(chan struct{})}, item: item, taken: p.o.Clock.Now()})
	}
	taken := slices.Clone(p.waiting[before:])
	if p.idle == nil {
		p.idle = make(chan struct{})
		go p.run()
	}
	if len(p.waiting) >= p.o.Max {
		p.hurry()
	}
	return taken, nil
}

// roomFor takes a place in the queue if there is one.
func (p *Processor[T]) roomFor() bool {
	select {
	case p.room <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p *Processor[T]) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// withdraw takes an item out of the queue; it is false where it isn't there.
func (p *Processor[T]) withdraw(e *entry[T]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.waiting, e)
	if at < 0 {
		return false
	}
	p.waiting = slices.Delete(p.waiting, at, at+1)
	<-p.room
	return true
}
