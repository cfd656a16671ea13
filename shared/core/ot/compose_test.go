package ot_test

import (
	"testing"

	"github.com/rapport/rapport/shared/core/ot"
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
	for _, tt := range invertCases() {
		t.Run(tt.Name, func(t *testing.T) {
			checkInvert(t, tt)
			invertHolds(t, tt.Doc, tt.Change)
		})
	}
}
