package ot_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/ot"
)

func TestValidateAccepts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		length int
		give   ot.Change
	}{
		{"insert into an empty document", 0, change(insert(0, "x"))},
		{"insert at the end", 4, change(insert(4, "x"))},
		{"delete everything", 4, change(del(0, 4))},
		{"inserts at one position", 4, change(insert(2, "x"), insert(2, "y"))},
		{"insert at the start of a delete, listed before it", 4, change(insert(1, "x"), del(1, 2))},
		{"insert at the end of a delete, listed after it", 4, change(del(1, 2), insert(3, "x"))},
		{"insert between two deletes", 4, change(del(0, 2), insert(2, "x"), del(2, 2))},
		{"inserts at both ends of a retain", 4, change(insert(0, "x"), retain(0, 4), insert(4, "y"))},
		{"neighbouring deletes and retains", 4, change(del(0, 1), retain(1, 1), retain(2, 1), del(3, 1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.give.Validate(tt.length); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	inside := func(what string) string {
		return "an insert can't stand inside the " + what + " before it; at the range's start it is listed first"
	}
	most := int(^uint(0) >> 1)
	for _, tt := range []struct {
		name    string
		give    ot.Change // to a document of 5 code points
		wantErr ot.Error
	}{
		{"no ops", change(), ot.Error{Index: -1, Reason: "a change has at least one insert or delete"}},
		{"nil", nil, ot.Error{Index: -1, Reason: "a change has at least one insert or delete"}},
		{"only retains", change(retain(0, 5)), ot.Error{Index: -1, Reason: "a change has at least one insert or delete"}},
		{"unknown type", change(ot.Op{Type: "replace"}), ot.Error{Index: 0, Field: "type", Reason: "type is not insert, delete or retain"}},
		{"type in capitals", change(ot.Op{Type: "Insert", Content: "x"}), ot.Error{Index: 0, Field: "type", Reason: "type is not insert, delete or retain"}},
		{"empty insert", change(insert(0, "")), ot.Error{Index: 0, Field: "content", Reason: "an insert needs content"}},
		{"content that is not UTF-8", change(insert(0, "a\xff")), ot.Error{Index: 0, Field: "content", Reason: "content is not valid UTF-8"}},
		{"a surrogate in UTF-8", change(insert(0, "\xed\xa0\x80")), ot.Error{Index: 0, Field: "content", Reason: "content is not valid UTF-8"}},
		{"insert with a length", change(ot.Op{Type: ot.Insert, Content: "x", Length: 1}), ot.Error{Index: 0, Field: "length", Reason: "an insert has no length"}},
		{"delete with content", change(ot.Op{Type: ot.Delete, Content: "x", Length: 1}), ot.Error{Index: 0, Field: "content", Reason: "a delete has no content"}},
		{"retain with content", change(insert(0, "x"), ot.Op{Type: ot.Retain, Content: "x", Length: 1}), ot.Error{Index: 1, Field: "content", Reason: "a retain has no content"}},
		{"delete of nothing", change(del(1, 0)), ot.Error{Index: 0, Field: "length", Reason: "a delete needs a length of at least 1"}},
		{"delete backwards", change(del(3, -2)), ot.Error{Index: 0, Field: "length", Reason: "a delete needs a length of at least 1"}},
		{"retain of nothing", change(retain(1, 0)), ot.Error{Index: 0, Field: "length", Reason: "a retain needs a length of at least 1"}},
		{"position below 0", change(insert(-1, "x")), ot.Error{Index: 0, Field: "position", Reason: "position is below 0"}},
		{"insert beyond the end", change(insert(6, "x")), ot.Error{Index: 0, Field: "position", Reason: "position 6 is beyond the document's 5 code points"}},
		{"delete beyond the end", change(del(3, 3)), ot.Error{Index: 0, Field: "length", Reason: "reaches beyond the document's 5 code points"}},
		{"delete at the end", change(del(5, 1)), ot.Error{Index: 0, Field: "length", Reason: "reaches beyond the document's 5 code points"}},
		{"retain beyond the end", change(insert(0, "x"), retain(0, 6)), ot.Error{Index: 1, Field: "length", Reason: "reaches beyond the document's 5 code points"}},
		{"an end that overflows", change(del(1, most)), ot.Error{Index: 0, Field: "length", Reason: "reaches beyond the document's 5 code points"}},
		{"a position that would overflow", change(del(most, most)), ot.Error{Index: 0, Field: "position", Reason: "position 9223372036854775807 is beyond the document's 5 code points"}},
		{"descending inserts", change(insert(2, "x"), insert(1, "y")), ot.Error{Index: 1, Field: "position", Reason: "position 1 comes after position 2: ops must ascend"}},
		{"descending deletes", change(del(3, 1), del(0, 1)), ot.Error{Index: 1, Field: "position", Reason: "position 0 comes after position 3: ops must ascend"}},
		{"deletes that overlap", change(del(0, 3), del(2, 1)), ot.Error{Index: 1, Field: "position", Reason: "overlaps the delete before it"}},
		{"one delete twice", change(del(1, 1), del(1, 1)), ot.Error{Index: 1, Field: "position", Reason: "overlaps the delete before it"}},
		{"a retain over a delete", change(del(0, 3), retain(0, 3)), ot.Error{Index: 1, Field: "position", Reason: "overlaps the delete before it"}},
		{"a delete in a retain", change(retain(0, 3), del(2, 1)), ot.Error{Index: 1, Field: "position", Reason: "overlaps the retain before it"}},
		{"insert inside a delete", change(del(1, 3), insert(2, "x")), ot.Error{Index: 1, Field: "position", Reason: inside("delete")}},
		{"insert at a delete's start, listed after it", change(del(1, 3), insert(1, "x")), ot.Error{Index: 1, Field: "position", Reason: inside("delete")}},
		{"insert at a delete's end, listed before it", change(insert(3, "x"), del(1, 2)), ot.Error{Index: 1, Field: "position", Reason: "position 1 comes after position 3: ops must ascend"}},
		{"insert inside a retain", change(retain(0, 4), insert(2, "x")), ot.Error{Index: 1, Field: "position", Reason: inside("retain")}},
		{"the first fault counts", change(insert(0, "x"), insert(9, "x"), del(0, 0)), ot.Error{Index: 1, Field: "position", Reason: "position 9 is beyond the document's 5 code points"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got *ot.Error
			if err := tt.give.Validate(5); !errors.As(err, &got) {
				t.Fatalf("got %v, want an *ot.Error", err)
			}
			if diff := cmp.Diff(tt.wantErr, *got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	for _, tt := range []struct {
		give ot.Error
		want string
	}{
		{ot.Error{Index: -1, Reason: "no"}, "no"},
		{ot.Error{Index: 3, Reason: "no"}, "op 3: no"},
		{ot.Error{Index: 3, Field: "length", Reason: "no"}, "op 3: length: no"},
	} {
		if got := tt.give.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// The other functions refuse what Validate does, say which argument is at
// fault, and take the empty changes that Validate refuses.
func TestMalformedArguments(t *testing.T) {
	good, bad := change(insert(0, "x")), change(insert(1, "x"), insert(0, "y"))
	_, composeFirst := ot.Compose(bad, good)
	_, composeSecond := ot.Compose(good, bad)
	_, transformCommitted := ot.Transform(bad, good)
	_, transformChange := ot.Transform(good, bad)
	_, _, pairCommitted := ot.TransformPair(bad, good)
	_, _, pairChange := ot.TransformPair(good, bad)
	_, againstCommitted := ot.TransformAgainst([]ot.Change{good, bad}, good)
	_, againstChange := ot.TransformAgainst(nil, bad)
	const fault = ": op 1: position: position 0 comes after position 1: ops must ascend"
	for _, tt := range []struct {
		err  error
		want string
	}{
		{composeFirst, "first change" + fault},
		{composeSecond, "second change" + fault},
		{transformCommitted, "committed change" + fault},
		{transformChange, "change" + fault},
		{pairCommitted, "committed change" + fault},
		{pairChange, "change" + fault},
		{againstCommitted, "committed change 1" + fault},
		{againstChange, "change" + fault},
	} {
		var inner *ot.Error
		if !errors.As(tt.err, &inner) || tt.err.Error() != tt.want {
			t.Errorf("got %v, want %s", tt.err, tt.want)
		}
	}
}
