package ot

import (
	"math"
	"unicode/utf8"
)

// stream reads a change as a sequence of components, as operational
// transformation on text is usually written down: keep n, delete n, insert a
// text. The kept stretches between ops, and the endless one after the last,
// are Retain components like the retains of the change itself.
type stream struct {
	ops  Change // not begun yet
	at   int    // index into the document before the change
	kind Type   // of the current component
	left int    // code points left of it
	text string // what is left of it when it is an insert
}

// open returns a stream at the start of a change that check has accepted.
func open(c Change) stream {
	s := stream{ops: c}
	s.load()
	return s
}

// load makes the next component the current one.
func (s *stream) load() {
	if len(s.ops) == 0 {
		s.kind, s.left = Retain, math.MaxInt
		return
	}
	op := s.ops[0]
	if op.Position > s.at {
		s.kind, s.left = Retain, op.Position-s.at
		return
	}
	s.ops = s.ops[1:]
	s.kind, s.left, s.text = op.Type, op.Length, op.Content
	if op.Type == Insert {
		s.left = utf8.RuneCountInString(op.Content)
	}
}

// ended reports whether all that is left is kept.
func (s *stream) ended() bool {
	return s.kind == Retain && len(s.ops) == 0
}

// take consumes n code points, at most those left, of the current component,
// and returns them when it is an insert.
func (s *stream) take(n int) string {
	taken := ""
	if s.kind == Insert {
		taken = s.text
		if n < s.left {
			cut, _ := offset(s.text, n)
			taken, s.text = s.text[:cut], s.text[cut:]
		}
	} else {
		s.at += n
	}
	s.left -= n
	if s.left == 0 {
		s.load()
	}
	return taken
}

// builder writes a change in normal form from components. A nil builder
// ignores what it is told.
type builder struct {
	ops    Change
	at     int    // index into the document before the change
	joined []byte // the content of the last op when it has several parts
}

func newBuilder(size int) *builder {
	return &builder{ops: make(Change, 0, size)}
}

func (b *builder) retain(n int) {
	if b != nil {
		b.at += n
	}
}

func (b *builder) delete(n int) {
	if b == nil {
		return
	}
	if last := b.last(); last != nil && last.Type == Delete && last.end() == b.at {
		last.Length += n
	} else {
		b.flush()
		b.ops = append(b.ops, Op{Type: Delete, Position: b.at, Length: n})
	}
	b.at += n
}

func (b *builder) insert(text string) {
	if b == nil {
		return
	}
	last := b.last()
	if last == nil || last.Type != Insert || last.Position != b.at {
		b.flush()
		b.ops = append(b.ops, Op{Type: Insert, Position: b.at, Content: text})
		return
	}
	if len(b.joined) == 0 {
		b.joined = append(b.joined, last.Content...)
	}
	b.joined = append(b.joined, text...)
}

// change returns what was written, never nil.
func (b *builder) change() Change {
	b.flush()
	return b.ops
}

func (b *builder) last() *Op {
	if len(b.ops) == 0 {
		return nil
	}
	return &b.ops[len(b.ops)-1]
}

// flush gives the last insert its joined content. Joining in a buffer keeps a
// long run of small inserts linear.
func (b *builder) flush() {
	if len(b.joined) > 0 {
		b.last().Content = string(b.joined)
		b.joined = b.joined[:0]
	}
}
