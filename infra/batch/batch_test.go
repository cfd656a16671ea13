package batch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/batch"
)

// flushes gathers what a processor flushes and when, in the bubble's time.
type flushes struct {
	start time.Time
	mu    sync.Mutex
	seen  []string
	// takes is how long a flush lasts.
	takes time.Duration
	// busy finds two flushes at once.
	busy sync.Mutex
	t    *testing.T
	err  error
}

func newFlushes(t *testing.T) *flushes { return &flushes{start: time.Now(), t: t} }

func (f *flushes) flush(ctx context.Context, items []string) error {
	if !f.busy.TryLock() {
		f.t.Error("two flushes at once")
		return nil
	}
	defer f.busy.Unlock()
	f.mu.Lock()
	f.seen = append(f.seen, fmt.Sprint(time.Since(f.start), " ", items))
	f.mu.Unlock()
	select {
	case <-time.After(f.takes):
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *flushes) want(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.seen); diff != "" {
		f.t.Error(diff)
	}
}

// put gives a processor items without waiting for their flush.
func put(t *testing.T, p *batch.Processor[string], items ...string) []*batch.Receipt {
	t.Helper()
	var receipts []*batch.Receipt
	for _, item := range items {
		receipt, err := p.Put(t.Context(), item)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, receipt)
		synctest.Wait()
	}
	return receipts
}

// A quiet topic doesn't pay the window; a hot one has a flush a window.
func TestTheFirstGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		p := batch.New(t.Context(), batch.Options{Max: 10, Wait: 100 * time.Millisecond}, f.flush)
		if err := p.Add(t.Context(), "a"); err != nil || time.Since(f.start) != 0 {
			t.Errorf("%v after %v", err, time.Since(f.start))
		}
		time.Sleep(30 * time.Millisecond)
		put(t, p, "b")
		time.Sleep(40 * time.Millisecond)
		if err := p.Add(t.Context(), "c"); err != nil || time.Since(f.start) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(f.start))
		}
		put(t, p, "d")
		time.Sleep(110 * time.Millisecond)
		put(t, p, "e")
		time.Sleep(300 * time.Millisecond)
		put(t, p, "f")
		f.want("0s [a]", "100ms [b c]", "200ms [d]", "300ms [e]", "510ms [f]")
	})
}

func TestTrailingWaitsForItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		p := batch.New(t.Context(), batch.Options{Max: 3, Wait: time.Second, Trailing: true}, f.flush)
		put(t, p, "a")
		time.Sleep(400 * time.Millisecond)
		put(t, p, "b")
		time.Sleep(5 * time.Second)
		put(t, p, "c", "d", "e", "f")
		time.Sleep(5 * time.Second)
		f.want("1s [a b]", "5.4s [c d e]", "6.4s [f]")
	})
}

func TestAFullBatchDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		p := batch.New(t.Context(), batch.Options{Max: 2, Wait: time.Hour}, f.flush)
		put(t, p, "a", "b")
		time.Sleep(time.Minute)
		put(t, p, "c", "d")
		time.Sleep(2 * time.Hour)
		f.want("0s [a]", "1m0s [b c]", "1h1m0s [d]")
	})
}

// Behind a slow flush items gather, and go as soon as it is done where their
// window is over.
func TestASlowFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		f.takes = 250 * time.Millisecond
		p := batch.New(t.Context(), batch.Options{Max: 3, Wait: 100 * time.Millisecond}, f.flush)
		put(t, p, "a", "b", "c", "d", "e")
		time.Sleep(time.Second)
		f.want("0s [a]", "250ms [b c d]", "500ms [e]")
	})
}

func TestEveryCallerGetsItsBatchesError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		p := batch.New(t.Context(), batch.Options{Max: 3, Wait: time.Second}, func(_ context.Context, items []string) error {
			if slices.Contains(items, "bad") {
				return broken
			}
			return nil
		})
		receipts := put(t, p, "first", "x", "bad", "y", "z")
		for i, want := range []error{nil, broken, broken, broken, nil} {
			if err := receipts[i].Wait(t.Context()); !errors.Is(err, want) {
				t.Errorf("item %d: %v, want %v", i, err, want)
			}
		}
	})
}

func TestItemsMayFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad")
		var short bool
		p := batch.New(t.Context(), batch.Options{Max: 3, Wait: time.Second, Trailing: true}, func(_ context.Context, items []string) error {
			if short {
				return fmt.Errorf("flush: %w", batch.ItemErrors{bad})
			}
			return fmt.Errorf("flush: %w", batch.ItemErrors{nil, bad, nil})
		})
		receipts := put(t, p, "a", "b", "c")
		for i, want := range []error{nil, bad, nil} {
			if err := receipts[i].Wait(t.Context()); !errors.Is(err, want) {
				t.Errorf("item %d: %v, want %v", i, err, want)
			}
		}
		// Which item a list of another length means, nobody knows.
		short = true
		for _, receipt := range put(t, p, "a", "b", "c") {
			if _, ok := errors.AsType[batch.ItemErrors](receipt.Wait(t.Context())); !ok {
				t.Error("an item that may have failed was not told")
			}
		}
	})
}

// What waits when the processor is closed is flushed after the flush under way,
// windows or not; later items are refused.
func TestCloseDuringAFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		f.takes = time.Second
		p := batch.New(t.Context(), batch.Options{Max: 2, Wait: time.Hour, Queue: 3}, f.flush)
		receipts := put(t, p, "a", "b")
		full := put(t, p, "c", "d")
		refused := make(chan error)
		go func() {
			_, err := p.Put(t.Context(), "no room")
			refused <- err
		}()
		synctest.Wait()
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if time.Since(f.start) != 3*time.Second {
			t.Errorf("closed after %v", time.Since(f.start))
		}
		for _, receipt := range append(receipts, full...) {
			if err := receipt.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := <-refused; !errors.Is(err, batch.ErrClosed) {
			t.Error(err)
		}
		if err := p.Add(t.Context(), "late"); !errors.Is(err, batch.ErrClosed) {
			t.Error(err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Errorf("closed twice: %v", err)
		}
		f.want("0s [a]", "1s [b c]", "2s [d]")
	})
}

// Close waits no longer than its context, and ends the flushes' own.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		f.takes = time.Hour
		p := batch.New(t.Context(), batch.Options{Max: 1}, f.flush)
		receipts := put(t, p, "a", "b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(f.start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(f.start))
		}
		for _, receipt := range receipts {
			if err := receipt.Wait(t.Context()); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}

// The end of the processor's context flushes what waits, and gives the flushes
// their grace.
func TestContextEnd(t *testing.T) {
	for _, takes := range []time.Duration{0, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFlushes(t)
			ctx, cancel := context.WithCancel(t.Context())
			p := batch.New(ctx, batch.Options{Max: 10, Wait: time.Hour, Grace: 3 * time.Second}, f.flush)
			put(t, p, "a")
			receipts := put(t, p, "b", "c")
			time.Sleep(time.Second)
			f.takes = takes
			cancel()
			for _, receipt := range receipts {
				if err := receipt.Wait(t.Context()); errors.Is(err, context.Canceled) != (takes == time.Hour) {
					t.Errorf("flushes of %v: %v", takes, err)
				}
			}
			if want := time.Second + min(takes, 3*time.Second); time.Since(f.start) != want {
				t.Errorf("done after %v, want %v", time.Since(f.start), want)
			}
			if err := p.Add(t.Context(), "late"); !errors.Is(err, batch.ErrClosed) || !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
			f.want("0s [a]", "1s [b c]")
		})
	}
}

// Who leaves before the flush takes its item back; who leaves later doesn't stop
// the flush.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		f.takes = 10 * time.Second
		p := batch.New(t.Context(), batch.Options{Max: 2, Wait: 20 * time.Second, Queue: 2}, f.flush)
		patience := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return p.Add(ctx, fmt.Sprint(d))
		}
		if err := patience(5 * time.Second); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, batch.ErrWithdrawn) {
			t.Errorf("while it was flushed: %v", err)
		}
		if err := patience(6 * time.Second); !errors.Is(err, batch.ErrWithdrawn) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before it was flushed: %v", err)
		}
		synctest.Wait()
		// Its place is free again: two fit, a third doesn't while they wait.
		put(t, p, "b")
		time.Sleep(time.Minute)
		f.want("0s [5s]", "20s [b]")
		put(t, p, "c", "d", "e")
		if err := patience(time.Second); !errors.Is(err, batch.ErrWithdrawn) {
			t.Errorf("before there was room: %v", err)
		}
		time.Sleep(time.Minute)
		f.want("0s [5s]", "20s [b]", "1m11s [c]", "1m21s [d e]")
	})
}

// A flush that is slower than what comes slows those who add, and keeps no more
// than the bound.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		f.takes = time.Second
		p := batch.New(t.Context(), batch.Options{Max: 2, Queue: 4}, f.flush)
		for i := range 20 {
			if _, err := p.Put(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		// One flush of 0, then pairs: 19 is taken when there is room behind 14.
		if took := time.Since(f.start); took != 8*time.Second {
			t.Errorf("20 items were taken in %v", took)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Items that come together go together, as far as there is room.
func TestPutAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		f.takes = time.Second
		p := batch.New(t.Context(), batch.Options{Max: 3, Queue: 4}, f.flush)
		receipts, err := p.PutAll(t.Context(), []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"})
		if err != nil || len(receipts) != 9 || time.Since(f.start) != time.Second {
			t.Errorf("%d taken after %v: %v", len(receipts), time.Since(f.start), err)
		}
		for _, receipt := range receipts {
			if err := receipt.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		f.want("0s [a b c]", "1s [d e f]", "2s [g h i]")
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		receipts, err = p.PutAll(ctx, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"})
		if !errors.Is(err, batch.ErrWithdrawn) || len(receipts) != 7 {
			t.Errorf("%d taken, %v", len(receipts), err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		f.want("0s [a b c]", "1s [d e f]", "2s [g h i]", "3s [1 2 3]", "4s [4 5 6]", "5s [7]")
	})
}

// Nobody closes it, and nothing is left: the bubble would not end otherwise.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlushes(t)
		p := batch.New(context.Background(), batch.Options{Max: 2, Wait: time.Second}, f.flush)
		for _, receipt := range put(t, p, "a", "b") {
			if err := receipt.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// Many add at once while flushes fail, callers leave and the processor is closed:
// whatever was acknowledged was flushed once, each one's items are in order, and
// what was refused or withdrawn is in no flush.
func TestManyAtOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			m := &many{flushed: map[[2]int]int{}, broken: errors.New("broken"), random: rand.New(rand.NewPCG(seed, round))}
			p := batch.New(t.Context(), batch.Options{Max: 5, Wait: 10 * time.Millisecond, Queue: 8, Trailing: round%2 == 0}, m.flush)
			var all sync.WaitGroup
			for who := range 12 {
				all.Go(func() {
					for n := range 40 {
						m.add(t, p, [2]int{who, n})
					}
				})
			}
			time.Sleep(time.Duration(50+m.intN(400)) * time.Millisecond)
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
			all.Wait()
			m.check(t)
		})
	}
}

type many struct {
	broken error

	mu      sync.Mutex
	random  *rand.Rand
	order   [][2]int
	flushed map[[2]int]int
	never   [][2]int
	sure    [][2]int
}

func (m *many) intN(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

func (m *many) flush(_ context.Context, items [][2]int) error {
	time.Sleep(time.Duration(m.intN(15)) * time.Millisecond)
	failed := make(batch.ItemErrors, len(items))
	for i := range failed {
		if m.intN(10) == 0 {
			failed[i] = m.broken
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, item := range items {
		m.order = append(m.order, item)
		if failed[i] == nil {
			m.flushed[item]++
		}
	}
	return failed
}

func (m *many) add(t *testing.T, p *batch.Processor[[2]int], item [2]int) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+m.intN(60))*time.Millisecond)
	defer cancel()
	err := p.Add(ctx, item)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.sure = append(m.sure, item)
	case errors.Is(err, batch.ErrClosed), errors.Is(err, batch.ErrWithdrawn):
		m.never = append(m.never, item)
	case errors.Is(err, m.broken), errors.Is(err, context.DeadlineExceeded):
	default:
		t.Errorf("%v: %v", item, err)
	}
}

func (m *many) check(t *testing.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, item := range m.sure {
		if m.flushed[item] != 1 {
			t.Errorf("%v was acknowledged and flushed %d times", item, m.flushed[item])
		}
	}
	for _, item := range m.never {
		if slices.Contains(m.order, item) {
			t.Errorf("%v was refused or withdrawn, and flushed", item)
		}
	}
	newest := map[int]int{}
	for _, item := range m.order {
		if before, ok := newest[item[0]]; ok && before >= item[1] {
			t.Errorf("%v was flushed after %d", item, before)
		}
		newest[item[0]] = item[1]
	}
}

func BenchmarkPut(b *testing.B) {
	p := batch.New(b.Context(), batch.Options{Max: 100, Wait: time.Millisecond, Queue: 1000}, func(context.Context, []int) error { return nil })
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := p.Put(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAdd is of many callers that each wait for their flush.
func BenchmarkAdd(b *testing.B) {
	p := batch.New(b.Context(), batch.Options{Max: 100}, func(context.Context, []int) error { return nil })
	b.ReportAllocs()
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := p.Add(b.Context(), 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
