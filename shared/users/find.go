package users

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/table"
)

// Find gives the users of some ids, creating on first sight those whom only the
// directory knows. Unknown ids are missing from the answer, and where there is
// one nobody is created: a request that is refused for it stores nothing. At
// most 101 ids.
func (s *Service) Find(ctx context.Context, ids []string) (map[string]User, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	found, err := s.Stored(ctx, ids)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			missing = append(missing, id)
		}
	}
	people, err := s.ask(ctx, missing)
	if err != nil {
		return nil, err
	}
	create := len(people) == len(missing)
	created := make([]User, len(missing))
	group, writes := errgroup.WithContext(ctx)
	group.SetLimit(parallelLookups)
	for i, id := range missing {
		person, known := people[id]
		switch {
		case !known:
		case create:
			group.Go(func() (err error) {
				created[i], err = s.store(writes, id, person)
				return err
			})
		default:
			created[i] = User{UserID: id, Email: person.Email, DisplayName: person.DisplayName}
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, id := range missing {
		if created[i].UserID != "" {
			found[id] = created[i]
		}
	}
	return found, nil
}

// ask gives what the directory knows of some ids. Whom it didn't know within
// the last minute it isn't asked about.
func (s *Service) ask(ctx context.Context, ids []string) (map[string]Person, error) {
	unknown, err := s.remembered(ctx, ids)
	if err != nil {
		return nil, err
	}
	answers := make([]*Person, len(ids))
	group, lookups := errgroup.WithContext(ctx)
	group.SetLimit(parallelLookups)
	for i, id := range ids {
		if unknown[id] {
			continue
		}
		group.Go(func() error {
			person, err := s.lookup(lookups, id)
			if errors.Is(err, ErrUnknown) {
				return s.remember(lookups, id)
			}
			answers[i] = &person
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	people := map[string]Person{}
	for i, person := range answers {
		if person != nil {
			people[ids[i]] = *person
		}
	}
	return people, nil
}

// Stored gives those users of some ids who are stored, by a consistent read.
func (s *Service) Stored(ctx context.Context, ids []string) (map[string]User, error) {
	found := map[string]User{}
	wants, err := readAll[User](ctx, s.data, ids, Key)
	if err != nil {
		return nil, fmt.Errorf("find users: %w", err)
	}
	for i, want := range wants {
		if want.Found {
			found[ids[i]] = want.Value
		}
	}
	return found, nil
}

// remembered tells which ids were unknown within the last minute.
func (s *Service) remembered(ctx context.Context, ids []string) (map[string]bool, error) {
	unknown := map[string]bool{}
	wants, err := readAll[unknownItem](ctx, s.control, ids, unknownKey)
	if err != nil {
		return nil, fmt.Errorf("read unknown users: %w", err)
	}
	now := s.clock.Now().UnixMilli()
	for i, want := range wants {
		// The table may take its time to drop what has expired.
		unknown[ids[i]] = want.Found && want.Value.Until > now
	}
	return unknown, nil
}

func (s *Service) remember(ctx context.Context, id string) error {
	until := s.clock.Now().Add(unknownKept)
	err := s.control.Put(ctx, unknownKey(id), unknownItem{Until: until.UnixMilli()}, table.Expires(until))
	if err != nil {
		return fmt.Errorf("remember unknown user: %w", err)
	}
	return nil
}

// readAll reads the items of some ids, in their order, as many at once as a
// table gives.
func readAll[T any](ctx context.Context, t *table.Table, ids []string, key func(string) table.Key) ([]*table.Want[T], error) {
	wants := make([]*table.Want[T], len(ids))
	gets := make([]table.Wanted, len(ids))
	for i, id := range ids {
		wants[i] = table.WantItem[T](t, key(id))
		gets[i] = wants[i]
	}
	for start := 0; start < len(gets); start += table.MaxBatchGet {
		if err := table.BatchGet(ctx, gets[start:min(start+table.MaxBatchGet, len(gets))]...); err != nil {
			return nil, err
		}
	}
	return wants, nil
}
