package ot_test

import (
	"testing"

	"github.com/rapport/rapport/shared/ot"
)

func TestCompose(t *testing.T) {
	for _, c := range composeCases() {
		t.Run(c.Name, func(t *testing.T) { checkCompose(t, c) })
	}
}

// TestComposedPendingDiffers shows what Compose does not promise. Deleting bcd
// leaves one gap where four were; the x typed there may belong to any of them.
// One by one it comes after the committed y, as the later of two inserts at one
// position. Composed it stands before b, so before y. Compose could choose the
// gap after d: then this case would agree and the mirrored one, of
// composedCommittedLaw, would not, and text typed on after a replacement that
// puts its text first would be torn from it.
func TestComposedPendingDiffers(t *testing.T) {
	const doc = "abcde"
	committed := change(insert(2, "y"))
	first, second := change(del(1, 3)), change(insert(1, "x"))

	committed2, first2, err := ot.TransformPair(committed, first)
	if err != nil {
		t.Fatal(err)
	}
	oneByOne := apply(t, apply(t, apply(t, doc, committed), first2), transform(t, committed2, second))
	composed := apply(t, apply(t, doc, committed), transform(t, committed, compose(t, first, second)))
	if oneByOne != "ayxe" || composed != "axye" {
		t.Errorf("one by one %q, composed %q; want ayxe and axye", oneByOne, composed)
	}
}

func TestInvert(t *testing.T) {
	for _, tt := range []struct {
		name string
		doc  string
		give ot.Change
		want ot.Change
	}{
		{"nothing", "abc", change(), change()},
		{"insert", "abc", change(insert(1, "👍x")), change(del(1, 2))},
		{"delete", "a👍bc", change(del(1, 2)), change(insert(1, "👍b"))},
		{"inserts at one position", "abc", change(insert(1, "x"), insert(1, "y")), change(del(1, 2))},
		{"adjacent deletes", "abcd", change(del(0, 2), del(2, 1)), change(insert(0, "abc"))},
		{"text at the start of a deleted range", "abcd", change(insert(1, "xyz"), del(1, 2)), change(del(1, 3), insert(4, "bc"))},
		{"text at the end of a deleted range", "abcd", change(del(1, 2), insert(3, "xyz")), change(insert(1, "bc"), del(1, 3))},
		{"text between two deletes", "abcd", change(del(0, 2), insert(2, "x"), del(2, 2)), change(insert(0, "ab"), del(0, 1), insert(1, "cd"))},
		{"retains", "abcd", change(retain(0, 1), insert(1, "x"), retain(1, 2), del(3, 1)), change(del(1, 1), insert(4, "d"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ot.Invert(tt.doc, tt.give)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the inverse and what is wanted", got, tt.want)
			invertHolds(t, tt.doc, tt.give)
		})
	}
}
