package batch

import (
	"context"
	"errors"
	"slices"
	"time"
)

// hurry ends a wait for a window.
func (p *Processor[T]) hurry() {
	if p.wake != nil {
		p.wake()
	}
}

// run flushes batch after batch until nothing waits.
func (p *Processor[T]) run() {
	for {
		entries := p.next()
		if len(entries) == 0 {
			return
		}
		items := make([]T, len(entries))
		for i, e := range entries {
			items[i] = e.item
		}
		err := p.flush(p.ctx, items)
		each, ok := errors.AsType[ItemErrors](err)
		ok = ok && len(each) == len(entries)
		for i, e := range entries {
			if e.err = err; ok {
				e.err = each[i]
			}
			close(e.done)
		}
	}
}

// next waits until a batch is due and takes it. It gives none where nothing waits
// any more: then the goroutine is at its end.
func (p *Processor[T]) next() []*entry[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.waiting) > 0 {
		wait := p.wait()
		if wait > 0 {
			p.pause(wait)
			continue
		}
		n := min(len(p.waiting), p.o.Max)
		entries := slices.Clone(p.waiting[:n])
		p.waiting = slices.Delete(p.waiting, 0, n)
		for range n {
			<-p.room
		}
		p.last = p.o.Clock.Now()
		return entries
	}
	close(p.idle)
	p.idle = nil
	if p.closed != nil {
		p.cancel()
	}
	return nil
}

// wait is how long the next batch still has to wait.
func (p *Processor[T]) wait() time.Duration {
	if p.closed != nil || len(p.waiting) >= p.o.Max {
		return 0
	}
	from := p.last
	if p.o.Trailing {
		from = p.waiting[0].taken
	}
	return from.Add(p.o.Wait).Sub(p.o.Clock.Now())
}

// pause sleeps without the lock until its time is over or there is a reason to
// look again.
func (p *Processor[T]) pause(wait time.Duration) {
	ctx, wake := context.WithCancel(p.ctx)
	defer wake()
	p.wake = wake
	p.mu.Unlock()
	_ = p.o.Clock.Sleep(ctx, wait) // whatever woke it, the caller looks again
	p.mu.Lock()
	p.wake = nil
}
