package door

import (
	"bytes"
	"encoding/json"
)

// names are the tables and indexes that a request names.
type names struct {
	tables  []string
	indexes []string
	// batch are the tables of RequestItems, items those of TransactItems.
	batch []string
	items []namedItem
}

type namedItem struct{ kind, table string }

func (n *names) none() bool { return len(n.tables)+len(n.batch)+len(n.items) == 0 }

// namesIn walks once over a request and reads nothing but these names. It is
// false for what isn't JSON as far as it looks; the engine says what is wrong.
func namesIn(body []byte) (n names, ok bool) {
	s := scanner{body: body}
	ok = s.object(func(name string) bool {
		switch name {
		case "TableName":
			return s.textInto(&n.tables)
		case "IndexName":
			return s.textInto(&n.indexes)
		case "RequestItems":
			return s.object(func(table string) bool {
				n.batch = append(n.batch, table)
				return s.skip()
			})
		case "TransactItems":
			return s.array(func() bool { return s.item(&n) })
		}
		return s.skip()
	})
	return n, ok
}

// item reads one item of a transaction: {"Put":{"TableName":"…", …}}.
func (s *scanner) item(n *names) bool {
	return s.object(func(kind string) bool {
		return s.object(func(name string) bool {
			if name != "TableName" {
				return s.skip()
			}
			table, ok := s.text()
			n.items = append(n.items, namedItem{kind, table})
			return ok
		})
	})
}

// scanner walks over JSON. Its methods are false where the text isn't what they
// read; they never read beyond its end.
type scanner struct {
	body []byte
	at   int
}

// peek is the next byte that isn't white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.body) {
		switch b := s.body[s.at]; b {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return b
		}
	}
	return 0
}

func (s *scanner) take(b byte) bool {
	if s.peek() != b {
		return false
	}
	s.at++
	return true
}

// object calls member for each member, which must read its value.
func (s *scanner) object(member func(name string) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		name, ok := s.text()
		if !ok || !s.take(':') || !member(name) {
			return false
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// array calls element for each element, which must read it.
func (s *scanner) array(element func() bool) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// raw is a string with its quotes.
func (s *scanner) raw() (text []byte, ok bool) {
	if s.peek() != '"' {
		return nil, false
	}
	start := s.at
	for s.at++; ; {
		end := bytes.IndexByte(s.body[s.at:], '"')
		if end < 0 {
			return nil, false
		}
		s.at += end + 1
		// A quote behind an odd number of backslashes is part of the text.
		slashes := 0
		for i := s.at - 2; i > start && s.body[i] == '\\'; i-- {
			slashes++
		}
		if slashes%2 == 0 {
			return s.body[start:s.at], true
		}
	}
}

func (s *scanner) text() (text string, ok bool) {
	raw, ok := s.raw()
	if !ok {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	return text, json.Unmarshal(raw, &text) == nil
}

func (s *scanner) textInto(all *[]string) bool {
	text, ok := s.text()
	*all = append(*all, text)
	return ok
}

// skip passes over one value.
func (s *scanner) skip() bool {
	switch s.peek() {
	case 0:
		return false
	case '"':
		_, ok := s.raw()
		return ok
	case '{', '[':
		return s.skipNested()
	}
	// A number or a word ends where something else begins.
	for s.at < len(s.body) {
		switch s.body[s.at] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return true
		}
		s.at++
	}
	return true
}

// skipNested passes over an object or array by counting what opens and closes.
func (s *scanner) skipNested() bool {
	for depth := 0; s.at < len(s.body); {
		switch s.body[s.at] {
		case '"':
			if _, ok := s.raw(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return true
		}
	}
	return false
}
