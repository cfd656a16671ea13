package ot

import (
	"fmt"
	"unicode/utf8"
)

// maxLength bounds every position, so that no sum of positions and lengths
// overflows, also where int has 32 bits. Documents are far below it.
const maxLength = 1 << 30

// Error says what is wrong with a change.
type Error struct {
	// Index is the place in the change of the op at fault, -1 for the whole.
	Index int
	// Field is the JSON name of the op's field at fault; empty when it is the
	// op as a whole, or the change.
	Field string
	// Reason is a sentence for people, without the place.
	Reason string
}

// Error returns the place and the reason.
func (e *Error) Error() string {
	switch {
	case e.Index < 0:
		return e.Reason
	case e.Field == "":
		return fmt.Sprintf("op %d: %s", e.Index, e.Reason)
	default:
		return fmt.Sprintf("op %d: %s: %s", e.Index, e.Field, e.Reason)
	}
}

// Validate reports whether c, as a client sent it, fits a document of length
// code points: ops ascend and do not overlap, no insert stands inside a delete
// or a retain, content is UTF-8 and not empty, lengths are at least 1, nothing
// reaches beyond the end, no field is set that its type does not have, and at
// least one op inserts or deletes. The error is an *Error about the first fault.
func (c Change) Validate(length int) error {
	if err := c.check(length); err != nil {
		return err
	}
	for _, op := range c {
		if op.Type != Retain {
			return nil
		}
	}
	return &Error{Index: -1, Reason: "a change has at least one insert or delete"}
}

// check is Validate, but accepts a change without effect: transformation may
// leave nothing of a change.
func (c Change) check(length int) error {
	var before Op
	for i, op := range c {
		field, reason := op.fault(length)
		if reason == "" && i > 0 {
			field, reason = op.orderFault(before)
		}
		if reason != "" {
			return &Error{Index: i, Field: field, Reason: reason}
		}
		before = op
	}
	return nil
}

// fault returns what is wrong with op alone, and in which field.
func (op Op) fault(length int) (field, reason string) {
	switch op.Type {
	case Insert:
		switch {
		case op.Content == "":
			return "content", "an insert needs content"
		case !utf8.ValidString(op.Content):
			return "content", "content is not valid UTF-8"
		case op.Length != 0:
			return "length", "an insert has no length"
		}
	case Delete, Retain:
		switch {
		case op.Content != "":
			return "content", fmt.Sprintf("a %s has no content", op.Type)
		case op.Length < 1:
			return "length", fmt.Sprintf("a %s needs a length of at least 1", op.Type)
		}
	default:
		return "type", "type is not insert, delete or retain"
	}
	switch {
	case op.Position < 0:
		return "position", "position is below 0"
	case op.Position > length:
		return "position", fmt.Sprintf("position %d is beyond the document's %d code points", op.Position, length)
	case op.Length > length-op.Position:
		return "length", fmt.Sprintf("reaches beyond the document's %d code points", length)
	}
	return "", ""
}

// orderFault returns what is wrong with op coming after before.
func (op Op) orderFault(before Op) (field, reason string) {
	switch {
	case op.Position < before.Position:
		return "position", fmt.Sprintf("position %d comes after position %d: ops must ascend", op.Position, before.Position)
	case op.Position >= before.end():
		return "", ""
	case op.Type == Insert:
		return "position", fmt.Sprintf("an insert can't stand inside the %s before it; at the range's start it is listed first", before.Type)
	default:
		return "position", fmt.Sprintf("overlaps the %s before it", before.Type)
	}
}
