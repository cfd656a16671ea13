package users

import (
	"context"
	"fmt"
	"slices"

	"github.com/rapport/rapport/shared/core/table"
)

// Find gives the users of some ids, by a consistent read. Ids of nobody are
// missing from the answer: an id is ours, so no provider is asked about one.
func (s *Service) Find(ctx context.Context, ids []string) (map[string]User, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	wants := make([]*table.Lookup[User], len(ids))
	gets := make([]table.Lookups, len(ids))
	for i, id := range ids {
		wants[i] = table.NewLookup[User](s.data, Key(id))
		gets[i] = wants[i]
	}
	for part := range slices.Chunk(gets, table.MaxBatchGet) {
		if err := table.BatchGet(ctx, part...); err != nil {
			return nil, fmt.Errorf("find users: %w", err)
		}
	}
	found := map[string]User{}
	for i, want := range wants {
		if want.Found {
			found[ids[i]] = want.Value
		}
	}
	return found, nil
}
