package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

const (
	// maxParts is how many parts of a name begin an entry of the index.
	maxParts = 16
	// minQuery is how many characters a search has at least: what an entry's partition
	// is named by.
	minQuery = 2
	// parallelNames bounds the people whom one batch writes at once.
	parallelNames = 8

	opNames = "names"
)

// indexed is what stands of a person in the index of names: by which revision of the
// user, and from which beginnings on.
type indexed struct {
	Revision   int64           `json:"revision"`
	Beginnings table.StringSet `json:"beginnings,omitempty"`
}

// entry is one beginning of a person's name in the index.
type entry struct {
	UserID string `json:"userId"`
}

// Names is the handler that keeps the index of names. It does no harm when it sees a
// record again, or late: it writes the name that holds by then, unless that or a
// newer one stands there, in one transaction with what takes the old one away.
type Names struct{ *Service }

// Name implements projection.Handler.
func (Names) Name() string { return "people/names" }

// Handles implements projection.Handler: people who are new or have changed.
func (Names) Handles(r table.Record) bool {
	_, ok := users.RecordOf(r)
	return ok && r.Event != table.Remove
}

// Handle implements projection.Handler.
func (s Names) Handle(ctx context.Context, records []table.Record) map[string]error {
	about := map[string][]string{}
	for _, r := range records {
		userID, _ := users.RecordOf(r)
		about[userID] = append(about[userID], r.ID)
	}
	return each(ctx, about, parallelNames, s.index)
}

// each does something for the people that records are about, some at once, and
// gives what failed by record id.
func each(ctx context.Context, about map[string][]string, limit int, do func(context.Context, string) error) map[string]error {
	var group errgroup.Group
	group.SetLimit(limit)
	results := make(chan map[string]error, len(about))
	for userID, ids := range about {
		group.Go(func() error {
			failed := map[string]error{}
			if err := do(ctx, userID); err != nil {
				for _, id := range ids {
					failed[id] = err
				}
			}
			results <- failed
			return nil
		})
	}
	_ = group.Wait() // failures are in the results
	close(results)
	all := map[string]error{}
	for failed := range results {
		for id, err := range failed {
			all[id] = err
		}
	}
	return all
}

// index brings the name that a person has by now into the index.
func (s *Service) index(ctx context.Context, userID string) error {
	for range maxTries {
		user := table.NewLookup[users.User](s.data, users.Key(userID))
		standing := table.NewLookup[indexed](s.data, personKey(userID, namesSort))
		if err := table.BatchGet(ctx, user, standing); err != nil {
			return fmt.Errorf("index the name of %s: %w", userID, err)
		}
		if !user.Found || standing.Value.Revision >= user.Value.Revision {
			return nil
		}
		err := s.reindex(userID, standing.Value, user.Value).Commit(ctx)
		if err == nil {
			return nil
		}
		if !raced(err, opNames) {
			return fmt.Errorf("index the name of %s: %w", userID, err)
		}
	}
	return fmt.Errorf("index the name of %s: %w", userID, table.ErrTransactionConflict)
}

func (s *Service) reindex(userID string, before indexed, user users.User) *table.Tx {
	next := indexed{Revision: user.Revision}
	for _, one := range beginnings(user.DisplayName, maxParts) {
		if utf8.RuneCountInString(one) >= minQuery && !slices.Contains(next.Beginnings, one) {
			next.Beginnings = append(next.Beginnings, one)
		}
	}
	tx := table.NewTx()
	tx.Put(s.data, personKey(userID, namesSort), next, table.If(atRevision(before.Revision)), table.Named(opNames))
	for _, one := range before.Beginnings {
		if !slices.Contains(next.Beginnings, one) {
			tx.Delete(s.data, nameKey(one, userID))
		}
	}
	for _, one := range next.Beginnings {
		if !slices.Contains(before.Beginnings, one) {
			tx.Put(s.data, nameKey(one, userID), entry{UserID: userID})
		}
	}
	return tx
}

// leads tells whether an entry is the one by which a search finds a person: of
// several that begin with what is looked for, the first. An entry of a name that the
// person has no more leads nowhere.
func leads(row table.Row[entry], displayName, query string) bool {
	var matching []string
	for _, one := range beginnings(displayName, maxParts) {
		if strings.HasPrefix(one, query) {
			matching = append(matching, one)
		}
	}
	return len(matching) > 0 && row.Key == nameKey(slices.Min(matching), row.Value.UserID)
}
