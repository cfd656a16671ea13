package paging_test

import (
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/paging"
)

func TestCursorsLeadBack(t *testing.T) {
	t.Parallel()
	if after, err := paging.After("notes", *paging.Next("notes", "SK#1")); err != nil || after != "SK#1" {
		t.Errorf("%q, %v", after, err)
	}
	from := paging.Place{After: 7, Epoch: "1"}
	for _, place := range []paging.Place{{After: 42, Epoch: "2"}, {After: 42}, {}} {
		if found, err := paging.PlaceOf("notes", *paging.NextPlace("notes", place), from); err != nil || found != place {
			t.Errorf("%v, %v: the cursor of %v goes before from", found, err, place)
		}
	}
	if place, err := paging.PlaceOf("notes", "", from); err != nil || place != from {
		t.Errorf("%v, %v: without a cursor it is from", place, err)
	}
	if after, err := paging.After("notes", ""); err != nil || after != "" {
		t.Errorf("%q, %v: no cursor is the first page", after, err)
	}
	if next := paging.Next("notes", ""); next != nil {
		t.Errorf("%q at the list's end", *next)
	}
}

func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	for what, cursor := range map[string]string{
		"made up": "x", "of another list": *paging.NextPlace("transcript", paging.Place{After: 1}),
		"no position": *paging.Next("notes", "SK#1"), "a negative one": *paging.NextPlace("notes", paging.Place{After: -1}),
	} {
		if position, err := paging.PlaceOf("notes", cursor, paging.Place{}); errs.KindOf(err) != errs.Validation {
			t.Errorf("%s: %v, %v", what, position, err)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	if got := paging.Limit(nil); got != paging.DefaultLimit {
		t.Errorf("%d without one", got)
	}
	if got := paging.Limit(new(3)); got != 3 {
		t.Errorf("%d for 3", got)
	}
}
