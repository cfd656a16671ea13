package people

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxFolded bounds a folded text in bytes, so that it fits into a sort key beside an
// id: compatibility characters may become eighteen.
const maxFolded = 400

// letters are Latin ones that stand for another with something added, and that
// Unicode doesn't take apart.
var letters = strings.NewReplacer(
	"ø", "o", "đ", "d", "ð", "d", "ħ", "h", "ł", "l", "ŧ", "t", "ı", "i", "æ", "ae", "œ", "oe", "þ", "th",
)

// parts gives the words of a text without what people leave out when they type it:
// case, accents, width and punctuation. Letters and digits are what words are made
// of, and `+` and `#` behind one, which tell C++ and C# from C.
func parts(text string) []string {
	bare := strings.Map(func(r rune) rune {
		if accent(r) || apostrophe(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	folded := letters.Replace(cases.Fold().String(norm.NFC.String(bare)))
	var words []string
	var word strings.Builder
	for _, r := range folded + " " {
		switch {
		case unicode.In(r, unicode.L, unicode.N, unicode.M), (r == '+' || r == '#') && word.Len() > 0:
			word.WriteRune(r)
		case word.Len() > 0:
			words = append(words, word.String())
			word.Reset()
		}
	}
	return words
}

// accent tells marks that people leave out, of scripts in which a word is the same
// without them; not the vowels of Indic scripts, nor the voicing of kana.
func accent(r rune) bool {
	return r >= 0x0300 && r <= 0x036F || r >= 0x1AB0 && r <= 0x1AFF || r >= 0x1DC0 && r <= 0x1DFF || r >= 0x20D0 && r <= 0x20FF ||
		r >= 0xFE20 && r <= 0xFE2F || unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Hebrew, unicode.Arabic) || r >= 0x064B && r <= 0x065F
}

// apostrophe tells what stands inside a word: O'Neil is one.
func apostrophe(r rune) bool { return r == '\'' || r == '’' || r == 'ʼ' || r == '`' }

// fold is a text's words, one blank between them.
func fold(text string) string { return cut(strings.Join(parts(text), " ")) }

// squeeze is a text's words without anything between them: Node.js and NodeJS are one.
func squeeze(text string) string { return cut(strings.Join(parts(text), "")) }

// beginnings are a text from each of its words on, folded.
func beginnings(text string, most int) []string {
	words := parts(text)
	var all []string
	for i := range words[:min(len(words), most)] {
		all = append(all, cut(strings.Join(words[i:], " ")))
	}
	return all
}

func cut(text string) string {
	if len(text) <= maxFolded {
		return text
	}
	end := maxFolded
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
