package log_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

func TestClose(t *testing.T) {
	for name, layout := range layouts() {
		for _, n := range []int{0, 1, 4, 5} {
			t.Run(fmt.Sprint(name, " with ", n), func(t *testing.T) {
				now := clock.NewManual(noon)
				l := log.New(tabletest.New(t).Log, now, layout)
				fill(t, l, n)
				for range 2 {
					if newest, err := l.Close(t.Context(), topic); err != nil || newest != int64(n) {
						t.Fatalf("closed at %d, %v", newest, err)
					}
					now.Advance(time.Hour)
				}
				wantNewest(t, l, int64(n), true)
				for _, base := range []int64{log.Tail, int64(n), 0} {
					if _, err := l.Append(t.Context(), by("late", 1, base)); !errors.Is(err, log.ErrClosed) {
						t.Errorf("base %d: %v", base, err)
					}
				}
				_, err := l.Append(t.Context(), by("late", 1, int64(n)+1))
				wantBeyond(t, err, int64(n))
				if all := mustReadAll(t, l, 0, 2); len(all) != n {
					t.Errorf("read %s", names(all))
				}
			})
		}
	}
}

// After Close has answered nothing is committed, and what was acknowledged
// before stands at or below the position that it gave.
func TestCloseAgainstWriters(t *testing.T) {
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			tables := tabletest.New(t)
			const writers, early = 6, 5
			var group errgroup.Group
			acknowledged := make(chan int64, 10_000)
			begun := make(chan struct{}, writers)
			for i := range writers {
				l := log.New(tables.Log, skewed{clock.System{}, time.Duration(i-2) * time.Minute}, layout)
				group.Go(func() error {
					for seq := int64(1); ; seq++ {
						if seq == early {
							begun <- struct{}{}
						}
						committed, err := l.Append(t.Context(), by(fmt.Sprint(i), seq, log.Tail))
						if errors.Is(err, log.ErrContended) {
							continue
						}
						if errors.Is(err, log.ErrClosed) {
							return nil
						}
						if err != nil {
							return err
						}
						acknowledged <- committed.Entry.Position
					}
				})
			}
			for range writers {
				<-begun
			}
			l := log.New(tables.Log, clock.System{}, layout)
			newest, err := l.Close(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			close(acknowledged)
			count := int64(0)
			for position := range acknowledged {
				if count++; position > newest {
					t.Errorf("acknowledged at %d, closed at %d", position, newest)
				}
			}
			if all := mustReadAll(t, l, 0, 100); int64(len(all)) != newest || count != newest {
				t.Errorf("closed at %d, %d acknowledged, %d there", newest, count, len(all))
			}
		})
	}
}
