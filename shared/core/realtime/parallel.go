package realtime

import (
	"errors"

	"golang.org/x/sync/errgroup"
)

// parallelRows bounds what one call reads or writes of tables at once.
const parallelRows = 64

// atOnce does something for each of some items, with bounded concurrency, and
// joins what failed. A failure stops none of the others.
func atOnce[T any](items []T, do func(T) error) error {
	failures := make([]error, len(items))
	var group errgroup.Group
	group.SetLimit(parallelRows)
	for i, item := range items {
		group.Go(func() error {
			failures[i] = do(item)
			return nil
		})
	}
	_ = group.Wait() // failures are joined
	return errors.Join(failures...)
}

// indices are 0 to n-1.
func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// chosen are the items for which the word is true.
func chosen[T any](items []T, words []bool) []T {
	var kept []T
	for i, item := range items {
		if words[i] {
			kept = append(kept, item)
		}
	}
	return kept
}
