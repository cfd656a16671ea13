package ot_test

import (
	"strings"

	"github.com/rapport/rapport/shared/core/ot"
)

// model is a change as the contract describes it, spelled out: the text that
// comes into each gap of the document and whether each character goes. It is a
// second implementation, too slow for use and too plain to hide a mistake.
type model struct {
	gaps []string
	gone []bool
}

func modelOf(length int, c ot.Change) model {
	m := model{gaps: make([]string, length+1), gone: make([]bool, length)}
	for _, op := range c {
		switch op.Type {
		case ot.Insert:
			m.gaps[op.Position] += op.Content
		case ot.Delete:
			for i := range op.Length {
				m.gone[op.Position+i] = true
			}
		}
	}
	return m
}

// apply returns the document after m.
func (m model) apply(doc string) string {
	var out strings.Builder
	for i, r := range []rune(doc) {
		out.WriteString(m.gaps[i])
		if !m.gone[i] {
			out.WriteRune(r)
		}
	}
	out.WriteString(m.gaps[len(m.gone)])
	return out.String()
}

// union returns the two changes at once: committed's text first in each gap.
func union(committed, c model) model {
	both := model{gaps: make([]string, len(committed.gaps)), gone: make([]bool, len(committed.gone))}
	for i := range both.gaps {
		both.gaps[i] = committed.gaps[i] + c.gaps[i]
	}
	for i := range both.gone {
		both.gone[i] = committed.gone[i] || c.gone[i]
	}
	return both
}

// after returns m as it stands after other. When m yields, other's text comes
// before m's in each gap, else behind it.
func (m model) after(other model, yields bool) model {
	out := model{gaps: []string{""}}
	skip := func(text string) {
		for range []rune(text) {
			out.gone = append(out.gone, false)
			out.gaps = append(out.gaps, "")
		}
	}
	for i := range m.gaps {
		if yields {
			skip(other.gaps[i])
		}
		out.gaps[len(out.gaps)-1] += m.gaps[i]
		if !yields {
			skip(other.gaps[i])
		}
		if i < len(m.gone) && !other.gone[i] {
			out.gone = append(out.gone, m.gone[i])
			out.gaps = append(out.gaps, "")
		}
	}
	return out
}

// inverse returns what undoes m, made on doc, as a model of the document after m.
func (m model) inverse(doc string) model {
	out := model{gaps: []string{""}}
	for i := range m.gaps {
		for range []rune(m.gaps[i]) {
			out.gone = append(out.gone, true)
			out.gaps = append(out.gaps, "")
		}
		switch {
		case i == len(m.gone):
		case m.gone[i]:
			out.gaps[len(out.gaps)-1] += string([]rune(doc)[i])
		default:
			out.gone = append(out.gone, false)
			out.gaps = append(out.gaps, "")
		}
	}
	return out
}

// change returns m in normal form.
func (m model) change() ot.Change {
	out := ot.Change{}
	for i, text := range m.gaps {
		if text != "" {
			out = append(out, insert(i, text))
		}
		if i == len(m.gone) || !m.gone[i] {
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].Type == ot.Delete && out[last].Position+out[last].Length == i {
			out[last].Length++
		} else {
			out = append(out, del(i, 1))
		}
	}
	return out
}
