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
	if position, err := paging.Position("notes", *paging.NextPosition("notes", 42), 7); err != nil || position != 42 {
		t.Errorf("%d, %v: a cursor goes before from", position, err)
	}
	if position, err := paging.Position("notes", "", 7); err != nil || position != 7 {
		t.Errorf("%d, %v: without a cursor it is from", position, err)
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
		"made up": "x", "of another list": *paging.NextPosition("transcript", 1),
		"no position": *paging.Next("notes", "SK#1"), "a negative one": *paging.NextPosition("notes", -1),
	} {
		if position, err := paging.Position("notes", cursor, 0); errs.KindOf(err) != errs.Validation {
			t.Errorf("%s: %d, %v", what, position, err)
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
