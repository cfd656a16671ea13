package ot_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/ot"
)

func TestApply(t *testing.T) {
	for _, c := range applyCases() {
		t.Run(c.Name, func(t *testing.T) { checkApply(t, c) })
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		give    ot.Change
		wantErr ot.Error
	}{
		{"insert beyond the end", change(insert(4, "x")), ot.Error{Index: 0, Field: "position", Reason: "position reaches beyond the end of the document"}},
		{"delete beyond the end", change(insert(0, "x"), del(2, 2)), ot.Error{Index: 1, Field: "length", Reason: "length reaches beyond the end of the document"}},
		{"retain beyond the end", change(retain(0, 4)), ot.Error{Index: 0, Field: "length", Reason: "length reaches beyond the end of the document"}},
		{"malformed", change(del(0, 2), insert(1, "x")), ot.Error{Index: 1, Field: "position", Reason: "an insert can't stand inside the delete before it; at the range's start it is listed first"}},
		{"a sum that overflows", change(del(1, int(^uint(0)>>1))), ot.Error{Index: 0, Field: "length", Reason: "reaches beyond the document's 1073741824 code points"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, applyErr := ot.Apply("a👍c", tt.give)
			_, invertErr := ot.Invert("a👍c", tt.give)
			for _, err := range []error{applyErr, invertErr} {
				var got *ot.Error
				if !errors.As(err, &got) {
					t.Fatalf("got %v, want an *ot.Error", err)
				}
				if diff := cmp.Diff(tt.wantErr, *got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

// A document of any bytes is handled without a panic; what it becomes is not
// defined when it is not UTF-8.
func TestApplyToBrokenText(t *testing.T) {
	for _, doc := range []string{"\xff", "\x80\x80\x80\x80\x80\x80\x80\x80\x80", "a\xf0\x9f", strings.Repeat("\xbf", 40) + "a"} {
		for position := range 4 {
			_, _ = ot.Apply(doc, change(insert(position, "x"), del(position, 1)))
			_, _ = ot.Invert(doc, change(insert(position, "x"), del(position, 1)))
		}
	}
}

// The words of 8 bytes that are skipped at once must not shift a position,
// wherever the code points of 1 to 4 bytes fall in them.
func TestApplyInLongText(t *testing.T) {
	for _, unit := range []string{"a", "é", "日", "👍", "aé日👍", "👍\u0301ab\n"} {
		doc := strings.Repeat(unit, 20)
		for position := range runes(doc) {
			c := change(insert(position, "·"), del(position, 1))
			if got, want := apply(t, doc, c), modelOf(runes(doc), c).apply(doc); got != want {
				t.Errorf("position %d of %q: got %q, want %q", position, doc, got, want)
			}
		}
	}
}

// One allocation, the result: the document is not spelled out as runes.
func TestApplyAllocatesOnlyTheResult(t *testing.T) {
	doc := strings.Repeat("the quick brown 狐 ", 10_000)
	c := change(insert(90_000, "jumps"), del(90_001, 3))
	if got := testing.AllocsPerRun(10, func() { apply(t, doc, c) }); got > 1 {
		t.Errorf("%v allocations, want 1", got)
	}
}

func TestGrowth(t *testing.T) {
	c := change(retain(0, 2), insert(2, "👍é"), del(2, 5), insert(7, "x"))
	if got := c.Growth(); got != -2 {
		t.Errorf("Growth() = %d, want -2", got)
	}
	if got := ot.Change(nil).Growth(); got != 0 {
		t.Errorf("Growth() of nothing = %d, want 0", got)
	}
}
