package ot_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rapport/rapport/shared/core/ot"
)

func TestGaps(t *testing.T) {
	c := ot.Change{insert(0, "日"), insert(0, "ab"), del(0, 2), insert(2, "c"), retain(2, 3), insert(5, "d")}
	want := []ot.Gap{{Position: 0, Offset: 0}, {Position: 2, Offset: 3}, {Position: 5, Offset: 4}}
	if diff := cmp.Diff(want, c.Gaps()); diff != "" {
		t.Error(diff)
	}
}

func TestGapAfter(t *testing.T) {
	for _, tt := range []struct {
		name      string
		committed ot.Change
		position  int
		deleted   int
		touches   bool
	}{
		{"before all", ot.Change{insert(6, "x"), del(6, 2)}, 5, 0, false},
		{"an insert there", ot.Change{insert(5, "日本")}, 7, 0, false},
		{"around it", ot.Change{del(2, 6)}, 2, 3, true},
		{"from it on", ot.Change{del(5, 1)}, 5, 0, true},
		{"up to it", ot.Change{del(1, 1), insert(4, "y"), del(4, 1)}, 4, 2, true},
		{"behind all", ot.Change{del(0, 1), del(2, 2)}, 2, 3, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gap, deleted, touches := ot.Gap{Position: 5, Offset: 9}.After(tt.committed)
			if want := (ot.Gap{Position: tt.position, Offset: 9}); gap != want || deleted != tt.deleted || touches != tt.touches {
				t.Errorf("%+v, %d, %t; want %+v, %d, %t", gap, deleted, touches, want, tt.deleted, tt.touches)
			}
		})
	}
}

// Gaps go where transformation takes what is inserted there, and what they say
// of each committed change is what the model has.
func gapLaw(t rapid.TB, d dice) {
	doc, committed := d.sequence(1 + d(5))
	c := d.change(runes(doc))
	gaps := c.Gaps()
	now := doc
	for _, change := range committed {
		m := modelOf(runes(now), change)
		for i, gap := range gaps {
			moved, deleted, touches := gap.After(change)
			want := 0
			for _, gone := range m.gone[:gap.Position] {
				if gone {
					want++
				}
			}
			around := m.gone[max(0, gap.Position-1):min(len(m.gone), gap.Position+1)]
			if deleted != want || touches != slices.Contains(around, true) {
				t.Fatalf("%+v after %v: %d deleted, touches: %t", gap, change, deleted, touches)
			}
			gaps[i] = moved
		}
		now = apply(t, now, change)
	}
	got, err := ot.TransformAgainst(committed, c)
	if err != nil {
		t.Fatalf("TransformAgainst(%v, %v): %v", committed, c, err)
	}
	for _, gap := range gaps {
		offset := 0
		for _, op := range got {
			length := utf8.RuneCountInString(op.Content)
			if op.Type == ot.Insert && offset <= gap.Offset && gap.Offset < offset+length && op.Position != gap.Position {
				t.Fatalf("%+v of %v after %v is %v", gap, c, committed, got)
			}
			offset += length
		}
	}
}
