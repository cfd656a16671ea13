package ot_test

import (
	"encoding/json"
	"testing"

	"github.com/rapport/rapport/shared/core/ot"
)

func TestTransform(t *testing.T) {
	for _, c := range transformCases() {
		t.Run(c.Name, func(t *testing.T) { checkTransform(t, c) })
	}
}

func TestTransformAgainst(t *testing.T) {
	committed := []ot.Change{
		change(del(1, 2)),                 // abcd -> ad
		change(insert(1, "x")),            // -> axd
		change(insert(0, "y"), del(1, 1)), // -> yad
	}
	got, err := ot.TransformAgainst(committed, change(insert(2, "1"), del(2, 2)))
	if err != nil {
		t.Fatal(err)
	}
	// The gap between b and c is the one before d after the first, and each
	// committed text comes before it.
	same(t, "against three", got, change(insert(2, "1"), del(2, 1)))

	got, err = ot.TransformAgainst(nil, change(retain(0, 1), insert(1, "x"), insert(1, "y"), del(1, 1), del(2, 1), retain(3, 1)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "against none", got, change(insert(1, "xy"), del(1, 2)))
}

// What is absorbed wholly is [] in JSON, never null.
func TestEmptyChanges(t *testing.T) {
	gone := change(del(0, 3))
	inside := change(del(1, 1))
	against, err := ot.TransformAgainst([]ot.Change{gone}, inside)
	if err != nil {
		t.Fatal(err)
	}
	pairCommitted, pair, err := ot.TransformPair(gone, gone)
	if err != nil {
		t.Fatal(err)
	}
	inverse, err := ot.Invert("", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]ot.Change{
		"Transform":             transform(t, gone, inside),
		"Transform of nil":      transform(t, nil, nil),
		"TransformAgainst":      against,
		"TransformPair":         pair,
		"TransformPair, other":  pairCommitted,
		"Compose":               compose(t, change(insert(0, "x")), change(del(0, 1))),
		"Compose of nil":        compose(t, nil, nil),
		"Invert of nil":         inverse,
		"Transform of a retain": transform(t, nil, change(retain(0, 2))),
	} {
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if string(data) != "[]" {
			t.Errorf("%s: got %s, want []", name, data)
		}
	}
	if got := apply(t, "abc", nil); got != "abc" {
		t.Errorf("Apply of nothing = %q", got)
	}
}

// Ops are written as the contract has them: position always, content and length
// where the type has them.
func TestJSON(t *testing.T) {
	data, err := json.Marshal(change(insert(0, "é<"), del(0, 2), retain(2, 1)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"type":"insert","position":0,"content":"é\u003c"},{"type":"delete","position":0,"length":2},{"type":"retain","position":2,"length":1}]`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
}
