package flags

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/table"
)

const defaultLimit = 50

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
	after, err := cursor(list, in.Cursor)
	if err != nil {
		return FlagList{}, err
	}
	limit := limitOf(in.Limit)
	page, err := table.List[item](ctx, s.data, table.Query{PK: partition, Prefix: flagPrefix, Limit: limit, After: after})
	if err != nil {
		return FlagList{}, fmt.Errorf("list flags: %w", cursorProblem(err))
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
	answer := FlagList{Items: slices.SortedFunc(maps.Values(found), byKey), NextCursor: nextCursor(list, page.Next)}
	if len(answer.Items) > limit {
		answer.Items = answer.Items[:limit]
		answer.NextCursor = nextCursor(list, flagKey(answer.Items[limit-1].Key).SK)
	}
	if answer.Items == nil {
		answer.Items = []Flag{}
	}
	return answer, nil
}

func limitOf(limit *int) int {
	if limit == nil {
		return defaultLimit
	}
	return *limit
}

func cursor(list, text string) (after string, err error) {
	after, err = table.DecodeCursor(list, text)
	return after, cursorProblem(err)
}

// cursorProblem makes VALIDATION_ERROR of a cursor that its list didn't give out.
func cursorProblem(err error) error {
	if errors.Is(err, table.ErrCursor) {
		return errs.Invalid("query.cursor", "is not a cursor of this list")
	}
	return err
}

func nextCursor(list, next string) *string {
	if next == "" {
		return nil
	}
	encoded := table.EncodeCursor(list, next)
	return &encoded
}
