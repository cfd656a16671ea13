package flags

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

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
	// Declared flags lie between the stored ones: whichever comes first is given.
	page, err := table.List[item](ctx, s.data, table.Query{
		PK: partition, Prefix: flagPrefix, Limit: limit, After: after, Filter: table.AttributeAbsent("deleted"),
	})
	if err != nil {
		return FlagList{}, fmt.Errorf("list flags: %w", cursorProblem(err))
	}
	found := map[string]Flag{}
	for _, row := range page.Items {
		r, err := recordOf(row.Value)
		if err != nil {
			return FlagList{}, fmt.Errorf("list flags: %s: %w", row.Key, err)
		}
		found[r.Flag.Key] = r.Flag
	}
	if err := s.addDeclared(ctx, found, after, page.Next); err != nil {
		return FlagList{}, err
	}
	answer := FlagList{Items: []Flag{}, NextCursor: nextCursor(list, page.Next)}
	for _, f := range found {
		answer.Items = append(answer.Items, f)
	}
	slices.SortFunc(answer.Items, byKey)
	if len(answer.Items) > limit {
		answer.Items = answer.Items[:limit]
		answer.NextCursor = nextCursor(list, flagKey(answer.Items[limit-1].Key).SK)
	}
	return answer, nil
}

// addDeclared adds the declared flags whose places are behind after and, unless it
// is empty, not behind end.
func (s *Service) addDeclared(ctx context.Context, found map[string]Flag, after, end string) error {
	for _, f := range Declared() {
		sort := flagKey(f.Key).SK
		if _, stored := found[f.Key]; stored || sort <= after || end != "" && sort > end {
			continue
		}
		standing, err := s.stand(ctx, f.Key)
		if err != nil {
			return err
		}
		found[f.Key] = standing.Flag
	}
	return nil
}

// HistoryRequest asks for a page of a flag's history.
type HistoryRequest struct {
	Key    string `path:"key" minLength:"1" maxLength:"100"`
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// ChangeList is a page of changes.
type ChangeList struct {
	Items []Change `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
}

// History gives a flag's changes, newest first, those of a deleted one too.
// NOT_FOUND where there never was such a flag.
func (s *Service) History(ctx context.Context, _ caller.Caller, in HistoryRequest) (ChangeList, error) {
	list := "history of flag " + in.Key
	after, err := cursor(list, in.Cursor)
	if err != nil {
		return ChangeList{}, err
	}
	page, err := table.List[changeItem](ctx, s.data, table.Query{
		PK: historyPartition(in.Key), Reverse: true, Limit: limitOf(in.Limit), After: after,
	})
	if err != nil {
		return ChangeList{}, fmt.Errorf("history of flag %s: %w", in.Key, cursorProblem(err))
	}
	if _, known := declared(in.Key); len(page.Items) == 0 && after == "" && !known {
		return ChangeList{}, unknown()
	}
	answer := ChangeList{Items: []Change{}, NextCursor: nextCursor(list, page.Next)}
	for _, row := range page.Items {
		change, err := row.Value.change()
		if err != nil {
			return ChangeList{}, fmt.Errorf("history of flag %s: %s: %w", in.Key, row.Key, err)
		}
		answer.Items = append(answer.Items, change)
	}
	return answer, nil
}

func (i changeItem) change() (Change, error) {
	var r record
	if err := json.Unmarshal([]byte(i.Record), &r); err != nil {
		return Change{}, fmt.Errorf("read change: %w", err)
	}
	return Change{Version: r.Flag.Revision, Reason: i.Reason, By: i.By, At: i.At, Flag: r.Flag, Deleted: i.Deleted}, nil
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
