package ot

import "fmt"

// Compose returns the one change that does what a and then b do: b's positions
// index into the document after a.
//
// Where a deleted, several gaps of the first document have become one. What b
// inserts there goes into the first of them that a's own text permits, before
// the delete, so text typed on stays together with the text typed before it.
//
// Compose is associative. Composing committed changes and transforming against
// the result is the same as transforming against them one by one. The reverse
// is not: b, composed and then transformed, may come before a concurrent text
// in the range that a deleted, where b transformed alone would come after it.
// Both are sound, as the parties agree on which changes they exchange.
func Compose(a, b Change) (Change, error) {
	if err := checkPair("first change", a, "second change", b); err != nil {
		return nil, err
	}
	return compose(a, b), nil
}

func compose(a, b Change) Change {
	first, second := open(a), open(b)
	out := newBuilder(len(a) + len(b))
	for !first.ended() || !second.ended() {
		switch {
		case second.kind == Insert:
			out.insert(second.take(second.left))
		case first.kind == Delete:
			out.delete(first.left)
			first.take(first.left)
		default:
			n := min(first.left, second.left)
			inserted, kept := first.kind == Insert, second.kind == Retain
			text := first.take(n)
			second.take(n)
			switch {
			case inserted && kept:
				out.insert(text)
			case kept:
				out.retain(n)
			case !inserted:
				out.delete(n)
			}
		}
	}
	return out.change()
}

// checkPair checks the shape of two changes and says which is at fault. The
// error wraps an *Error.
func checkPair(nameA string, a Change, nameB string, b Change) error {
	if err := a.check(maxLength); err != nil {
		return fmt.Errorf("%s: %w", nameA, err)
	}
	if err := b.check(maxLength); err != nil {
		return fmt.Errorf("%s: %w", nameB, err)
	}
	return nil
}
