package ot

import (
	"fmt"
	"strings"
)

// Apply returns doc, which is valid UTF-8, after c. The error is an *Error
// when c is malformed or reaches beyond the end of doc.
func Apply(doc string, c Change) (string, error) {
	if err := c.check(maxLength); err != nil {
		return "", err
	}
	size := len(doc)
	for _, op := range c {
		size += len(op.Content)
	}
	var out strings.Builder
	out.Grow(size)
	rest, at := doc, 0
	for i, op := range c {
		kept, ok := offset(rest, op.Position-at)
		if !ok {
			return "", beyond(i, "position")
		}
		out.WriteString(rest[:kept])
		rest = rest[kept:]
		covered, ok := offset(rest, op.Length)
		if !ok {
			return "", beyond(i, "length")
		}
		switch op.Type {
		case Insert:
			out.WriteString(op.Content)
		case Retain:
			out.WriteString(rest[:covered])
		}
		rest, at = rest[covered:], op.end()
	}
	out.WriteString(rest)
	return out.String(), nil
}

func beyond(index int, field string) error {
	return &Error{Index: index, Field: field, Reason: fmt.Sprintf("%s reaches beyond the end of the document", field)}
}
