package ot

import "unicode/utf8"

// Gap is where a change inserts text.
type Gap struct {
	// Position counts the code points before it in the document that the change
	// is made on.
	Position int
	// Offset counts the code points that the change inserts into gaps before it.
	// Transformation leaves it as it is: nothing that is inserted gets lost, or
	// into another order.
	Offset int
}

// Gaps returns where c inserts, in order.
func (c Change) Gaps() []Gap {
	var gaps []Gap
	offset := 0
	for _, op := range c {
		if op.Type != Insert {
			continue
		}
		if n := len(gaps); n == 0 || gaps[n-1].Position != op.Position {
			gaps = append(gaps, Gap{Position: op.Position, Offset: offset})
		}
		offset += utf8.RuneCountInString(op.Content)
	}
	return gaps
}

// Inserted returns how many code points c inserts.
func (c Change) Inserted() int {
	n := 0
	for _, op := range c {
		n += utf8.RuneCountInString(op.Content)
	}
	return n
}

// After returns the gap as Transform moves it when committed comes first; how
// many code points committed deletes before it; and whether it touches what
// committed deletes, at either end or within.
func (g Gap) After(committed Change) (moved Gap, deleted int, touches bool) {
	inserted := 0
	for _, op := range committed {
		if op.Position > g.Position {
			break
		}
		switch op.Type {
		case Insert:
			inserted += utf8.RuneCountInString(op.Content)
		case Delete:
			deleted += min(op.end(), g.Position) - op.Position
			touches = touches || op.end() >= g.Position
		}
	}
	g.Position += inserted - deleted
	return g, deleted, touches
}
