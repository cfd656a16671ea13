package ot

// Invert returns the change that undoes c: applied to what Apply(doc, c)
// returns, it gives doc again. The inverse of the inverse is c in normal form.
// doc is valid UTF-8; the error is an *Error when c does not fit it.
func Invert(doc string, c Change) (Change, error) {
	if err := c.check(maxLength); err != nil {
		return nil, err
	}
	out := newBuilder(len(c))
	rest, at := doc, 0
	for i, op := range c {
		kept, ok := offset(rest, op.Position-at)
		if !ok {
			return nil, beyond(i, "position")
		}
		out.retain(op.Position - at)
		rest = rest[kept:]
		covered, ok := offset(rest, op.Length)
		if !ok {
			return nil, beyond(i, "length")
		}
		switch op.Type {
		case Insert:
			out.delete(Change{op}.Growth())
		case Delete:
			out.insert(rest[:covered])
		case Retain:
			out.retain(op.Length)
		}
		rest, at = rest[covered:], op.end()
	}
	return out.change(), nil
}
