// Package paging is what every list that goes out in pages has in common: how many
// items a page has, and how its cursor becomes a place in a table and back. A cursor
// belongs to the list that gave it out; one of another list, or a made-up one, is
// VALIDATION_ERROR at `query.cursor`.
package paging

import (
	"errors"
	"strconv"
	"strings"

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

// Place is where a page of a log begins.
type Place struct {
	// After is the position after which it begins.
	After int64
	// Epoch is what the position belongs to; empty where that isn't known.
	Epoch string
}

// PlaceOf gives the place of a cursor, or from where there is none.
func PlaceOf(list, cursor string, from Place) (Place, error) {
	if cursor == "" {
		return from, nil
	}
	text, err := After(list, cursor)
	if err != nil {
		return Place{}, err
	}
	number, in, _ := strings.Cut(text, inEpoch)
	position, err := strconv.ParseInt(number, 10, 64)
	if err != nil || position < 0 {
		return Place{}, notACursor()
	}
	return Place{After: position, Epoch: in}, nil
}

// NextPlace is the cursor of the page of a log that begins at a place.
func NextPlace(list string, p Place) *string {
	after := strconv.FormatInt(p.After, 10)
	if p.Epoch != "" {
		after += inEpoch + p.Epoch
	}
	return Next(list, after)
}

// inEpoch stands between position and epoch in a cursor.
const inEpoch = "@"

// Problem makes VALIDATION_ERROR of a cursor that its list didn't give out, be it
// that it can't be read or that it leads outside the list; other errors stay.
func Problem(err error) error {
	if errors.Is(err, table.ErrCursor) {
		return notACursor()
	}
	return err
}

func notACursor() error { return errs.Invalid("query.cursor", "is not a cursor of this list") }
