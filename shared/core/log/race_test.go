package log_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// Many write at once, by clocks that differ, while others follow by cursor: every
// entry is there exactly once, all see the same order, and nobody sees a hole.
func TestWritersAndReaders(t *testing.T) {
	const writers, each, span = 8, 12, 3
	tests := map[string]struct {
		layout log.Layout
		base   bool // writers give the base that they have seen
		span   int
	}{
		"by count, with a base": {log.ByCount(16), true, 1},
		"by count, at the tail": {log.ByCount(16), false, 1},
		"by clock, with a base": {log.ByClock(20*time.Millisecond, time.Hour, span), true, span},
		"by clock, at the tail": {log.ByClock(20*time.Millisecond, time.Hour, span), false, span},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tables := tabletest.New(t)
			var contended atomic.Int64
			var done atomic.Bool
			var writing, reading errgroup.Group
			seen := make([][]log.Entry, 3)
			for i := range seen {
				l := log.New(tables.Log, clock.System{}, test.layout)
				reading.Go(func() error {
					var err error
					seen[i], err = follow(t.Context(), l, 1+7*i, done.Load)
					return err
				})
			}
			for i := range writers {
				l := log.New(tables.Log, skewed{clock.System{}, time.Duration(i-4) * 70 * time.Millisecond}, test.layout)
				client := fmt.Sprint("w", i)
				writing.Go(func() error {
					base := int64(0)
					for seq := int64(1); seq <= each; {
						from := log.Tail
						if test.base {
							from = base
						}
						a := by(client, seq, from)
						a.Prepare = draft(log.Draft{Data: client, Count: 1 + int(seq)%test.span})
						committed, err := l.Append(t.Context(), a)
						switch {
						case errors.Is(err, log.ErrContended):
							contended.Add(1)
							continue
						case err != nil:
							return fmt.Errorf("%s-%d: %w", client, seq, err)
						case committed.Repeated:
							return fmt.Errorf("%s-%d was taken for a repetition", client, seq)
						}
						base = committed.Entry.Last()
						seq++
					}
					return nil
				})
			}
			err := writing.Wait()
			done.Store(true)
			if err := errors.Join(err, reading.Wait()); err != nil {
				t.Fatal(err)
			}
			all := mustReadAll(t, log.New(tables.Log, clock.System{}, test.layout), 0, log.MaxPage)
			for i, one := range seen {
				if diff := cmp.Diff(all, one); diff != "" {
					t.Errorf("reader %d saw something else: %s", i, diff)
				}
			}
			wantEach(t, all, writers, each)
			t.Logf("%d times lost ten races", contended.Load())
		})
	}
}

// follow reads by cursor until done was true before an empty page.
func follow(ctx context.Context, l *log.Log, limit int, done func() bool) ([]log.Entry, error) {
	var all []log.Entry
	after := int64(0)
	for {
		last := done()
		more, err := readAll(ctx, l, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
		if len(more) > 0 {
			after = more[len(more)-1].Last()
		} else if last {
			return all, nil
		}
	}
}

// wantEach holds that each writer's entries are there once and in its order.
func wantEach(t *testing.T, all []log.Entry, writers, each int) {
	t.Helper()
	of := map[string][]int64{}
	for _, entry := range all {
		of[entry.ClientID] = append(of[entry.ClientID], entry.ClientSeq)
	}
	want := make([]int64, each)
	for i := range want {
		want[i] = int64(i) + 1
	}
	for i := range writers {
		client := fmt.Sprint("w", i)
		if !slices.Equal(of[client], want) {
			t.Errorf("%s committed %v", client, of[client])
		}
		delete(of, client)
	}
	if len(of) > 0 {
		t.Errorf("others committed, too: %v", of)
	}
}

// The same change sent several times at once is committed once, and all its
// senders get the same answer.
func TestRetriesAtOnce(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			tables := tabletest.New(t)
			l := log.New(tables.Log, clock.System{}, layout)
			fill(t, l, 3)
			const senders, rounds = 5, 8
			for round := range int64(rounds) {
				newest, _, err := l.Newest(t.Context(), topic)
				if err != nil {
					t.Fatal(err)
				}
				answers := make([]int64, senders)
				var group errgroup.Group
				for i := range senders {
					group.Go(func() error {
						committed, err := l.Append(t.Context(), by("same", round+1, newest))
						answers[i] = committed.Entry.Position
						return err
					})
				}
				if err := group.Wait(); err != nil {
					t.Fatal(err)
				}
				for _, position := range answers {
					if position != newest+1 {
						t.Fatalf("round %d: the answers are %v", round, answers)
					}
				}
			}
			wantNewest(t, l, 3+rounds, false)
		})
	}
}
