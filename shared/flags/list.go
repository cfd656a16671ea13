package flags

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/paging"
	"github.com/rapport/rapport/shared/core/table"
)

// ListRequest asks for a page of all flags.
type ListRequest struct {
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// FlagList is a page of flags.
type FlagList struct {
	Items []Flag `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
}

// List gives the flags that are stored or declared, in the order of their keys.
func (s *Service) List(ctx context.Context, _ caller.Caller, in ListRequest) (FlagList, error) {
	const list = "flags"
	after, err := paging.After(list, in.Cursor)
	if err != nil {
		return FlagList{}, err
	}
	limit := paging.Limit(in.Limit)
	page, err := table.List[item](ctx, s.data, table.Query{PK: partition, Prefix: flagPrefix, Limit: limit, After: after})
	if err != nil {
		return FlagList{}, fmt.Errorf("list flags: %w", paging.Problem(err))
	}
	// Declared flags lie between the stored ones, up to where the page ends.
	found := map[string]Flag{}
	for _, f := range Declared() {
		if sort := flagKey(f.Key).SK; sort > after && (!page.More() || sort <= page.Next) {
			found[f.Key] = f
		}
	}
	for _, row := range page.Items {
		stored, err := recordOf(row.Value)
		if err != nil {
			return FlagList{}, fmt.Errorf("list flags: %s: %w", row.Key, err)
		}
		f, isDeclared := declared(stored.Flag.Key)
		switch {
		case !row.Value.Deleted:
			found[stored.Flag.Key] = stored.Flag
		case isDeclared:
			f.Revision = row.Value.Revision
			found[f.Key] = f
		}
	}
	answer := FlagList{Items: slices.SortedFunc(maps.Values(found), byKey), NextCursor: paging.Next(list, page.Next)}
	if len(answer.Items) > limit {
		answer.Items = answer.Items[:limit]
		answer.NextCursor = paging.Next(list, flagKey(answer.Items[limit-1].Key).SK)
	}
	if answer.Items == nil {
		answer.Items = []Flag{}
	}
	return answer, nil
}
