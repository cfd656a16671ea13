// Package paging is what every list that goes out in pages has in common: how many
// items a page has, and how its cursor becomes a place in a table and back. A cursor
// belongs to the list that gave it out; one of another list, or a made-up one, is
// VALIDATION_ERROR at `query.cursor`.
package paging

import (
	"errors"
	"strconv"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

// DefaultLimit is how many items a page has at most where no limit is asked for.
const DefaultLimit = 50

// Limit is how many items a page has at most.
func Limit(limit *int) int {
	if limit == nil {
		return DefaultLimit
	}
	return *limit
}

// After gives the sort key after which a page begins; empty for the first page.
func After(list, cursor string) (string, error) {
	after, err := table.DecodeCursor(list, cursor)
	return after, Problem(err)
}

// Next is the cursor of the page after a sort key; nil, which is null in an answer,
// at the list's end, where the key is empty.
func Next(list, after string) *string {
	if after == "" {
		return nil
	}
	encoded := table.EncodeCursor(list, after)
	return &encoded
}

// Position gives the position after which a page of a log begins: that of its
// cursor, or from where there is none.
func Position(list, cursor string, from int64) (int64, error) {
	if cursor == "" {
		return from, nil
	}
	text, err := After(list, cursor)
	if err != nil {
		return 0, err
	}
	position, err := strconv.ParseInt(text, 10, 64)
	if err != nil || position < 0 {
		return 0, notACursor()
	}
	return position, nil
}

// NextPosition is the cursor of the page after a position of a log.
func NextPosition(list string, after int64) *string {
	return Next(list, strconv.FormatInt(after, 10))
}

// Problem makes VALIDATION_ERROR of a cursor that its list didn't give out, be it
// that it can't be read or that it leads outside the list; other errors stay.
func Problem(err error) error {
	if errors.Is(err, table.ErrCursor) {
		return notACursor()
	}
	return err
}

func notACursor() error { return errs.Invalid("query.cursor", "is not a cursor of this list") }
