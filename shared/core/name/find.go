package name

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	zwnj     = 0x200C
	zwj      = 0x200D
	asText   = 0xFE0E
	asEmoji  = 0xFE0F
	keycap   = 0x20E3
	flag     = 0x1F3F4
	tagsEnd  = 0xE007F
	mongolVS = 0x180E

	// maxTags is how many letters and digits the name of a subdivision has at most,
	// minTags at least (UTS #51, ED-14a).
	minTags, maxTags = 3, 6
	// maxStacked is how many marks without room of their own stand on a character,
	// maxMarks how many of all kinds.
	maxStacked, maxMarks = 4, 8
)

// fault is a part of a text that no name has.
type fault struct {
	from, to int
	problem  string
}

// find gives the first part of a text that no name has; nil where there is none.
func find(text []rune) *fault {
	var on markStack
	for at := 0; at < len(text); {
		size, problem := 1, ""
		switch r := text[at]; {
		case r == flag && tags(text[at+1:]) > 0:
			size += tags(text[at+1:])
			on = markStack{base: r}
		case refused(r) != "":
			problem = refused(r)
		case invisible(r):
			if !needed(text, at) {
				problem = "has an invisible character"
				// Tags go together: what is left of them could name another flag.
				for at+size < len(text) && tag(r) && tag(text[at+size]) {
					size++
				}
			}
		case unicode.Is(unicode.M, r) && !subjoined(r):
			problem = on.put(r)
		default:
			on = markStack{base: r}
		}
		if problem != "" {
			return &fault{from: at, to: at + size, problem: problem}
		}
		at += size
	}
	return nil
}

// refused says why a character stands in no name, wherever it is.
func refused(r rune) string {
	switch {
	case r == '\n', r == '\r', r == 0x85, unicode.In(r, unicode.Zl, unicode.Zp):
		return "has a line break"
	case unicode.Is(unicode.Cc, r):
		return "has a control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "has a character that changes the direction of text"
	case unicode.Is(unicode.Co, r):
		return "has a private character"
	case unicode.Is(unicode.Noncharacter_Code_Point, r), unicode.Is(unicode.Cs, r):
		return "has a code point that is no character"
	case r == 0xFFFC, r >= 0xFFF9 && r <= 0xFFFB:
		return "has an invisible character"
	case !assigned(r) && !reserved(r) && !ignorable(r):
		return "has an unassigned character"
	}
	return ""
}

// invisible matches what is drawn only by what it does to its neighbours.
func invisible(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false
	}
	return unicode.Is(unicode.Cf, r) || ignorable(r)
}

// ignorable matches what programs may leave undrawn, beside format characters
// (UAX #44, Default_Ignorable_Code_Point).
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// needed reports whether an invisible character does what spelling needs, where it
// stands.
func needed(text []rune, at int) bool {
	if at == 0 {
		return false
	}
	before, after := text[at-1], rune(0)
	if at+1 < len(text) {
		after = text[at+1]
	}
	switch r := text[at]; {
	case r == zwj && pictured(before) && pictured(after):
		return true
	case r == zwj, r == zwnj:
		return virama(before) || spelled(before) && spelled(after)
	case r == asEmoji && after == keycap:
		return '0' <= before && before <= '9' || before == '#' || before == '*'
	case r == asEmoji, r == asText:
		return symbol(before)
	case r >= 0xFE00 && r < asText, r >= 0xE0100 && r <= 0xE01EF:
		return unicode.Is(unicode.Ideographic, before) || reserved(before)
	case r == mongolVS:
		return unicode.Is(unicode.Mongolian, before) && unicode.Is(unicode.Mongolian, after)
	case unicode.Is(unicode.Variation_Selector, r): // Mongolian ones: all others are above
		return unicode.Is(unicode.Mongolian, before) && unicode.Is(unicode.L, before)
	}
	return false
}

// spelled matches what words consist of.
func spelled(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M) && !invisible(r)
}

// symbol matches what may be drawn as text or as an emoji.
func symbol(r rune) bool {
	switch r {
	case 0x203C, 0x2049, 0x2139, 0x3030, 0x303D: // not symbols to Unicode: ‼ ⁉ ℹ 〰 〽
		return true
	}
	return pictured(r) && r != asEmoji
}

// pictured matches what an emoji may consist of, beside joiners.
func pictured(r rune) bool {
	switch {
	case blank(r):
		return false
	case r == asEmoji, r == 0xA9, r == 0xAE, r >= 0x1F3FB && r <= 0x1F3FF:
		return true
	case r >= 0x2190 && r <= 0x21FF, r >= 0x25A0 && r <= 0x25FF, r >= 0x2900 && r <= 0x297F: // arrows and shapes
		return unicode.In(r, unicode.So, unicode.Sm)
	}
	return r >= 0x2100 && unicode.Is(unicode.So, r) || reserved(r)
}

// tags is how many tags follow a flag and name its subdivision, with the last one
// that ends them; 0 where they are none.
func tags(text []rune) int {
	for i, r := range text {
		switch named := r >= 0xE0030 && r <= 0xE0039 || r >= 0xE0061 && r <= 0xE007A; {
		case r == tagsEnd && i >= minTags:
			return i + 1
		case !named || i == maxTags:
			return 0
		}
	}
	return 0
}

// tag matches the characters that spell a flag's subdivision, and their like.
func tag(r rune) bool { return r >= 0xE0000 && r <= 0xE007F }

// markStack is a character with its combining marks.
type markStack struct {
	base, last     rune
	stacked, marks int
}

// put adds a mark, or says why it can't stand there.
func (p *markStack) put(mark rune) (problem string) {
	spacing := unicode.Is(unicode.Mc, mark)
	switch {
	case p.base == 0 || blank(p.base):
		return "has a combining mark on nothing"
	case p.last == mark && !spacing:
		return "has the same combining mark twice"
	case p.marks == maxMarks, p.stacked == maxStacked && !spacing:
		return "has too many combining marks on one character"
	}
	p.last = mark
	p.marks++
	if !spacing {
		p.stacked++
	}
	return ""
}

// subjoined matches Tibetan letters that Unicode has as marks.
func subjoined(r rune) bool { return r >= 0x0F90 && r <= 0x0FBC }

// virama matches a mark that takes a consonant's vowel away: those of combining
// class 9.
func virama(r rune) bool { return norm.NFC.PropertiesString(string(r)).CCC() == 9 }

// assigned matches what this program's version of Unicode knows.
func assigned(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// reserved matches code points that are not assigned yet, and will be emoji or
// ideographs if anything: their blocks have those properties by default (UTS #51,
// section 1.4.4; UAX #44, section 4.2.9).
func reserved(r rune) bool {
	emoji := r >= 0x1F000 && r <= 0x1FAFF || r >= 0x1FC00 && r <= 0x1FFFD
	ideograph := r >= 0x20000 && r <= 0x2FFFD || r >= 0x30000 && r <= 0x3FFFD
	return (emoji || ideograph) && !assigned(r)
}
