// Package name holds what one person names and others read in one line: display
// names, titles, labels.
//
// Such a text stands among others' words, so it must not deceive there: it shows
// something, it looks the same wherever the same is stored, and it moves or
// covers nothing that stands beside it. Parse takes a text or says what is wrong
// with it, for what a person just typed; Clean makes one of any text, for what
// other systems know of a person. What either gives is in normalization form C
// (UAX #15) and has no white space around it; Parse gives it back as it is.
//
// The rules follow the profile for nicknames (RFC 8266 on RFC 8264), UTR #36
// "Unicode Security Considerations" and UTS #39 "Unicode Security Mechanisms",
// and leave them where people's own spelling or emoji need it:
//
//   - Control characters and line breaks (Cc, Zl, Zp) are refused, also at the
//     ends: whoever has pasted two lines should see which of them is taken.
//   - Whatever turns round the direction of its neighbours is refused: embeddings,
//     overrides, isolates, and the marks LRM, RLM and ALM. A page isolates names
//     (UAX #9, section 6.3), so that none needs a mark of its own.
//   - What shows nothing is refused: fillers, soft hyphen, word joiner, invisible
//     operators, interlinear annotation, and all else that Unicode lets programs
//     leave undrawn (Default_Ignorable_Code_Point). Two names that look alike and
//     differ in such characters are how one person passes for another. Format
//     characters that are drawn, such as the Arabic number sign, stay.
//   - Of these, the ones that spelling needs stay where it needs them: ZWJ and
//     ZWNJ inside words and after a virama (RFC 5892, appendix A), ZWJ between
//     emoji, variation selectors behind emoji, symbols and ideographs, Mongolian
//     ones inside Mongolian words, and tags in the flags of subdivisions (UTS #51).
//   - A combining mark needs a character to stand on, and few stand on one: four
//     that don't take room of their own (UTS #39, section 5.4), none twice in a
//     row, eight of all kinds. Tibetan subjoined letters are letters here.
//   - Private use, noncharacters and unassigned code points are refused, for
//     nobody knows how they look (RFC 8264, section 9.10); but not in the blocks
//     that Unicode keeps for emoji and for ideographs, so that a new emoji and a
//     rare character of a name are taken before this program knows them.
//
// Compatibility characters (NFKC) and case stay as typed, unlike in RFC 8266,
// where they are mapped to compare nicknames: nothing here is found by its name.
// Letters of different scripts that look alike are not looked at.
package name

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// Pattern is what a regular expression can say of a name, in the syntax that
// Go's and ECMAScript's have in common: no control characters or line breaks,
// and something beside white space, marks and format characters.
const Pattern = `^[^\p{Cc}\p{Zl}\p{Zp}]*[^\p{Cc}\p{Cf}\p{M}\p{Z}][^\p{Cc}\p{Zl}\p{Zp}]*$`

// Rules says in one sentence what Parse takes, for documents.
const Rules = "One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it."

// maxClean bounds what Clean looks at, in bytes.
const maxClean = 4 << 10

// Error says what is wrong with a name, and where.
type Error struct {
	// Problem says what must not be there, as in "has a line break".
	Problem string
	// Rune is the character, and Position where it stands in the normalised text,
	// from 1; 0 where the text as a whole is meant.
	Rune     rune
	Position int
}

func (e *Error) Error() string {
	if e.Position == 0 {
		return e.Problem
	}
	return fmt.Sprintf("%s (%U) at character %d", e.Problem, e.Rune, e.Position)
}

// Parse gives a name as it is stored, or an *Error.
func Parse(text string) (string, error) {
	runes := []rune(norm.NFC.String(text))
	if f := find(runes); f != nil {
		return "", &Error{Problem: f.problem, Rune: runes[f.from], Position: f.from + 1}
	}
	shown := strings.TrimFunc(string(runes), blank)
	if !strings.ContainsFunc(shown, visible) {
		return "", &Error{Problem: "shows nothing: it needs a letter, a digit or a sign"}
	}
	return shown, nil
}

// Clean makes a name of any text, of at most so many code points: what Parse
// refuses is left out, a line break or control character becomes a blank, and
// whole characters are cut off at the end. It is empty where nothing is left to
// be seen.
func Clean(text string, most int) string {
	if len(text) > maxClean {
		text = text[:maxClean]
	}
	runes := []rune(norm.NFC.String(strings.ToValidUTF8(text, "")))
	for f := find(runes); f != nil; f = find(runes) {
		var instead []rune
		if breaks(runes[f.from]) {
			instead = []rune{' '}
		}
		kept := append(append(runes[:f.from:f.from], instead...), runes[f.to:]...)
		// What has become neighbours may compose.
		runes = []rune(norm.NFC.String(string(kept)))
	}
	cleaned, err := Parse(cut(strings.TrimFunc(string(runes), blank), most))
	if err != nil {
		return ""
	}
	return cleaned
}

// cut keeps as many whole characters as people count them (UAX #29) as fit into
// a number of code points.
func cut(text string, most int) string {
	kept, length := 0, 0
	for clusters := uniseg.NewGraphemes(text); clusters.Next(); {
		if length += len(clusters.Runes()); length > most {
			break
		}
		_, kept = clusters.Positions()
	}
	return text[:kept]
}

// blank matches what leaves its place empty.
func blank(r rune) bool {
	switch r {
	case 0x2800, 0x1D159: // a braille pattern without dots, a note without a head
		return true
	}
	return unicode.Is(unicode.Zs, r)
}

// visible matches what shows by itself.
func visible(r rune) bool {
	return !blank(r) && (unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) || reserved(r))
}

// breaks matches what stands for a break between words.
func breaks(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }
