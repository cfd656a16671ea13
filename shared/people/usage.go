package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/rapport/rapport/shared/core/table"
)

const (
	// perCount is how many interests are counted in one transaction.
	perCount = 40
	// parallelCounts bounds the people whom one batch counts at once.
	parallelCounts = 4

	opCounted = "counted"
)

// counted are those of a person's interests that stand in the counters.
type counted struct {
	Revision  int64           `json:"revision"`
	Interests table.StringSet `json:"interests,omitempty"`
}

// Usage is the handler that counts how many people have an interest. A person's item
// says which of their interests stand in the counters, and changes in one transaction
// with them; so at any moment a counter is the number of people in whose item it
// stands, whatever dies in between. It does no harm when it sees a record again, or
// late: what the person has by then decides.
type Usage struct{ *Service }

// Name implements projection.Handler.
func (Usage) Name() string { return "people/usage" }

// Handles implements projection.Handler: people's interests, also those that are gone.
func (Usage) Handles(r table.Record) bool {
	_, ok := interestsOf(r)
	return ok
}

// Handle implements projection.Handler.
func (s Usage) Handle(ctx context.Context, records []table.Record) map[string]error {
	about := map[string][]string{}
	for _, r := range records {
		userID, _ := interestsOf(r)
		about[userID] = append(about[userID], r.ID)
	}
	return each(ctx, about, parallelCounts, s.count)
}

// count brings a person's interests into the counters.
func (s *Service) count(ctx context.Context, userID string) error {
	for range maxTries {
		have := table.NewLookup[interestsItem](s.data, personKey(userID, interestsSort))
		standing := table.NewLookup[counted](s.data, personKey(userID, countedSort))
		if err := table.BatchGet(ctx, have, standing); err != nil {
			return fmt.Errorf("count interests of %s: %w", userID, err)
		}
		tx := s.recount(userID, have.Value, standing.Value)
		if tx == nil {
			return nil
		}
		if err := tx.Commit(ctx); err != nil && !raced(err, opCounted) {
			return fmt.Errorf("count interests of %s: %w", userID, err)
		}
	}
	return fmt.Errorf("count interests of %s: %w", userID, table.ErrTransactionConflict)
}

// recount is the next step to where all of a person's interests are counted; nil
// where they are.
func (s *Service) recount(userID string, have interestsItem, before counted) *table.Tx {
	var wanted []string
	for _, one := range have.Interests {
		wanted = append(wanted, one.InterestID)
	}
	next := counted{Revision: before.Revision + 1, Interests: slices.Clone(before.Interests)}
	deltas := map[string]int{}
	for _, id := range before.Interests {
		if !slices.Contains(wanted, id) && len(deltas) < perCount {
			deltas[id] = -1
			next.Interests = slices.DeleteFunc(next.Interests, func(one string) bool { return one == id })
		}
	}
	for _, id := range wanted {
		if !slices.Contains(before.Interests, id) && len(deltas) < perCount {
			deltas[id] = 1
			next.Interests = append(next.Interests, id)
		}
	}
	if len(deltas) == 0 {
		return nil
	}
	tx := table.NewTx()
	tx.Put(s.data, personKey(userID, countedSort), next, table.If(atRevision(before.Revision)), table.Named(opCounted))
	for id, delta := range deltas {
		tx.Update(s.data, interestKey(id), table.Update{Add: map[string]any{"usageCount": delta}})
	}
	return tx
}
