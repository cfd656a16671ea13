package ot

import "fmt"

// Transform returns c, made on the same document as committed, as it stands
// after committed. Of two inserts at one position the committed one comes
// first in the text; what committed deleted already is not deleted again; text
// that either inserts inside a range that the other deletes survives. The
// error wraps an *Error when a change is malformed.
func Transform(committed, c Change) (Change, error) {
	if err := checkPair("committed change", committed, "change", c); err != nil {
		return nil, err
	}
	return transform(committed, c), nil
}

// TransformPair returns both changes as they stand after the other, so that
// committed then c2 gives the same document as c then committed2 (TP1). It
// keeps the rules of Transform.
func TransformPair(committed, c Change) (committed2, c2 Change, err error) {
	if err := checkPair("committed change", committed, "change", c); err != nil {
		return nil, nil, err
	}
	left, right := newBuilder(len(committed)), newBuilder(len(c))
	a, b := open(committed), open(c)
	for !a.ended() || !b.ended() {
		step(&a, &b, left, right)
	}
	return left.change(), right.change(), nil
}

// TransformAgainst returns c as it stands after all of committed, each of which
// was made on the document that the one before it left; c was made on the
// document before the first. With none committed it returns c in normal form.
func TransformAgainst(committed []Change, c Change) (Change, error) {
	if err := c.check(maxLength); err != nil {
		return nil, fmt.Errorf("change: %w", err)
	}
	// An empty change against c is c in normal form.
	c = transform(nil, c)
	for i, change := range committed {
		if err := change.check(maxLength); err != nil {
			return nil, fmt.Errorf("committed change %d: %w", i, err)
		}
		c = transform(change, c)
	}
	return c, nil
}

// transform is Transform of two well-formed changes.
func transform(committed, c Change) Change {
	out := newBuilder(len(c))
	a, b := open(committed), open(c)
	for !b.ended() {
		step(&a, &b, nil, out)
	}
	return out.change()
}

// step consumes what comes next in a and b, which stand at the same index of
// the same document, and tells left what is to be done after b, right what is
// to be done after a. In each gap a's inserts come before b's.
func step(a, b *stream, left, right *builder) {
	switch {
	case a.kind == Insert:
		right.retain(a.left)
		left.insert(a.take(a.left))
	case b.kind == Insert:
		left.retain(b.left)
		right.insert(b.take(b.left))
	default:
		n := min(a.left, b.left)
		aDeletes, bDeletes := a.kind == Delete, b.kind == Delete
		a.take(n)
		b.take(n)
		switch {
		case aDeletes && bDeletes:
		case aDeletes:
			left.delete(n)
		case bDeletes:
			right.delete(n)
		default:
			left.retain(n)
			right.retain(n)
		}
	}
}
