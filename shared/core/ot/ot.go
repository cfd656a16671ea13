// Package ot is operational transformation on plain text: it applies, composes,
// transforms and inverts changes, and does no I/O.
//
// The model. A document of n code points has n characters and n+1 gaps, one
// before each character and one at the end. A change says which characters go
// and what text comes into which gap; it says nothing else. So a position is
// never ambiguous: an insert listed before a delete at the same position stands
// in the gap at the start of the deleted range, one at the delete's end stands
// in the gap after it, and whichever characters others delete, each gap keeps
// its place. Transformation is the union of two changes: a character is gone
// if either deletes it, and a gap holds the committed text, then the other's.
// Nothing is moved across a delete, and both orders give the same document
// (TP1). Only a central order of changes is supported: TP2, which peers without
// a server would need, does not hold for such changes and is not claimed.
//
// No function needs the document's length: a change ends where its last op
// ends, and what follows is kept. Changes that the functions return are in
// normal form: no retains, inserts in one gap joined, deletes joined where they
// touch and nothing is inserted between them, and an empty change is never nil.
// Equal changes have equal normal forms.
package ot

import "unicode/utf8"

// Type says what an op does.
type Type string

// The three types of op.
const (
	// Insert puts Content at Position.
	Insert Type = "insert"
	// Delete removes Length code points from Position on.
	Delete Type = "delete"
	// Retain keeps Length code points from Position on. It changes nothing and
	// may be left out; only an insert must not stand inside it.
	Retain Type = "retain"
)

// Op is one step of a Change. Position and Length count Unicode code points,
// not bytes and not UTF-16 units.
type Op struct {
	Type     Type   `json:"type" enum:"insert,delete,retain"`
	Position int    `json:"position" minimum:"0"`
	Content  string `json:"content,omitzero" minLength:"1"`
	Length   int    `json:"length,omitzero" minimum:"1"`
}

// end returns the position behind the part of the document that op covers.
func (op Op) end() int {
	if op.Type == Insert {
		return op.Position
	}
	return op.Position + op.Length
}

// Change is an ascending list of ops that do not overlap. Each position is an
// index into the document before the change; the ops before it in the list do
// not shift it. Several inserts at one position apply in list order. The zero
// value changes nothing; in JSON it is null, where Change{} is [].
type Change []Op

// Growth returns by how many code points c changes the length of a document.
func (c Change) Growth() int {
	n := 0
	for _, op := range c {
		switch op.Type {
		case Insert:
			n += utf8.RuneCountInString(op.Content)
		case Delete:
			n -= op.Length
		}
	}
	return n
}
