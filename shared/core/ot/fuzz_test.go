package ot_test

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/ot"
)

// Corpora are in testdata/fuzz. `go test -fuzz FuzzTransform ./shared/core/ot` looks
// further. In the first three the bytes are the rolls of the dice.

func FuzzTransform(f *testing.F) {
	f.Fuzz(func(t *testing.T, rolls []byte) {
		doc, committed, c := fromBytes(rolls).pair()
		transformHolds(t, doc, committed, c)
	})
}

func FuzzCompose(f *testing.F) {
	f.Fuzz(func(t *testing.T, rolls []byte) {
		doc, changes := fromBytes(rolls).sequence(3)
		a, b, c := changes[0], changes[1], changes[2]
		composeHolds(t, doc, a, b)
		composeHolds(t, doc, a, compose(t, b, c))
		same(t, "(a b) c and a (b c)", compose(t, compose(t, a, b), c), compose(t, a, compose(t, b, c)))
	})
}

func FuzzInvert(f *testing.F) {
	f.Fuzz(func(t *testing.T, rolls []byte) { invertLaw(t, fromBytes(rolls)) })
}

// FuzzJSON takes two changes as a stranger may send them. Whatever they are,
// nothing panics, all functions agree on whether they are well-formed, and those
// that are obey the laws.
func FuzzJSON(f *testing.F) {
	f.Fuzz(func(t *testing.T, doc, committedJSON, changeJSON string) {
		var committed, c ot.Change
		if !utf8.ValidString(doc) || json.Unmarshal([]byte(committedJSON), &committed) != nil || json.Unmarshal([]byte(changeJSON), &c) != nil {
			t.Skip("not a document and two changes")
		}
		_, _, err := ot.TransformPair(committed, c)
		_, composeErr := ot.Compose(committed, c)
		if (err == nil) != (composeErr == nil) {
			t.Fatalf("TransformPair says %v, Compose %v", err, composeErr)
		}
		committedFits, fits := fitsDocument(t, doc, committed), fitsDocument(t, doc, c)
		if !committedFits || !fits {
			return
		}
		if err != nil {
			t.Fatalf("both fit %q, but TransformPair says %v", doc, err)
		}
		transformHolds(t, doc, committed, c)
		if c.Validate(runes(doc)+committed.Growth()) == nil {
			composeHolds(t, doc, committed, c)
		}
	})
}

// fitsDocument reports whether c fits doc, after checking all that follows.
func fitsDocument(t *testing.T, doc string, c ot.Change) bool {
	t.Helper()
	err := c.Validate(runes(doc))
	if err == nil {
		invertHolds(t, doc, c)
		return true
	}
	var fault *ot.Error
	if !errors.As(err, &fault) || fault.Index < -1 || fault.Index >= len(c) {
		t.Fatalf("Validate(%v) = %v, want an *ot.Error about one of the ops", c, err)
	}
	if _, applyErr := ot.Apply(doc, c); (applyErr == nil) != (fault.Index == -1) {
		t.Fatalf("Validate(%v) says %v, Apply %v", c, err, applyErr)
	}
	return false
}
