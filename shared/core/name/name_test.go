package name_test

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/rapport/rapport/shared/core/name"
)

func TestParseTakes(t *testing.T) {
	t.Parallel()
	tests := []struct{ what, give, want string }{
		{"a word", "Ada", "Ada"},
		{"white space around it", "  Ada Lovelace\u00a0\u3000", "Ada Lovelace"},
		{"white space inside, as typed", "山田\u3000太郎  x", "山田\u3000太郎  x"},
		{"blanks of braille around it", "\u2800Ada\u2800", "Ada"},
		{"braille", "⠁⠙⠁\u2800⠇", "⠁⠙⠁\u2800⠇"},
		{"an accent of its own", "Ame\u0301lie", "Amélie"},
		{"an accent that composes with nothing", "x\u0301", "x\u0301"},
		{"Vietnamese", "Nguye\u0302\u0303n", "Nguyễn"},
		{"Hebrew with points and accents", "בְּרֵאשִׁ֖ית", norm.NFC.String("בְּרֵאשִׁ֖ית")},
		{"Arabic with vowels", "مُحَمَّد", norm.NFC.String("مُحَمَّد")},
		{"the sign of a number, a format character that is drawn", "\u0600١٢", "\u0600١٢"},
		{"Persian with ZWNJ", "می\u200cخواهم", "می\u200cخواهم"},
		{"German with ZWNJ", "Auf\u200clage", "Auf\u200clage"},
		{"Malayalam with ZWJ at the end", "അനില്\u200d", "അനില്\u200d"},
		{"Sinhala with ZWJ", "ශ්\u200dරී", "ශ්\u200dරී"},
		{"Hindi", "हिन्दी क्षत्रिय", "हिन्दी क्षत्रिय"},
		{"Thai", "น้ำผึ้ง", "น้ำผึ้ง"},
		{"Burmese", "ကျွန်ုပ် မြို့", "ကျွန်ုပ် မြို့"},
		{"Tibetan stacks", "བསྒྲུབས་རྐྱེན", "བསྒྲུབས་རྐྱེན"},
		{"Mongolian", "ᠮᠣᠩᠭᠣᠯ\u180eᠠ ᠪᠢ\u180bᠴ", "ᠮᠣᠩᠭᠣᠯ\u180eᠠ ᠪᠢ\u180bᠴ"},
		{"a Japanese name with a variation", "葛\U000E0100飾", "葛\U000E0100飾"},
		{"a rare ideograph", "𠮷野家", "𠮷野家"},
		{"an ideograph that this program doesn't know", "\U0003FFF0", "\U0003FFF0"},
		{"an emoji that this program doesn't know", "Ada \U0001FAFF\U0001FACD", "Ada \U0001FAFF\U0001FACD"},
		{"a family", "👩‍👩‍👧 Ada", "👩‍👩‍👧 Ada"},
		{"a colour of skin and a profession", "👩🏽‍🚀", "👩🏽‍🚀"},
		{"a heart, a rainbow, an arrow", "❤️‍🔥🏳️‍🌈🏃‍➡️🙂‍↔️", "❤️‍🔥🏳️‍🌈🏃‍➡️🙂‍↔️"},
		{"a sign as text", "☎\ufe0e ©\ufe0f ‼\ufe0f ℹ\ufe0f", "☎\ufe0e ©\ufe0f ‼\ufe0f ℹ\ufe0f"},
		{"keycaps", "1\ufe0f\u20e3#\ufe0f\u20e3", "1\ufe0f\u20e3#\ufe0f\u20e3"},
		{"flags", "🇬🇧 🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F 🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F",
			"🇬🇧 🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F 🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F"},
		{"a black flag", "🏴", "🏴"},
		{"punctuation", "?!", "?!"},
		{"four marks on a character", "x\u0301\u0302\u0303\u0304", "x\u0301\u0302\u0303\u0304"},
	}
	pattern := regexp.MustCompile(name.Pattern)
	for _, tt := range tests {
		got, err := name.Parse(tt.give)
		if err != nil || got != tt.want {
			t.Errorf("%s: Parse(%+q) = %+q, %v; want %+q", tt.what, tt.give, got, err, tt.want)
		}
		if got := name.Clean(tt.give, 100); got != tt.want {
			t.Errorf("%s: Clean(%+q) = %+q; want %+q", tt.what, tt.give, got, tt.want)
		}
		if !pattern.MatchString(tt.give) {
			t.Errorf("%s: %+q doesn't match the pattern", tt.what, tt.give)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const (
		nothing   = "shows nothing"
		unseen    = "an invisible character"
		control   = "a control character"
		line      = "a line break"
		turns     = "changes the direction"
		unmarked  = "combining mark on nothing"
		twice     = "the same combining mark twice"
		many      = "too many combining marks"
		private   = "a private character"
		noChar    = "no character"
		unknown   = "an unassigned character"
		regionTag = "🏴\U000E0067\U000E0062"
	)
	tests := []struct{ what, give, problem, cleaned string }{
		{"nothing", "", nothing, ""},
		{"white space", " \u00a0\u3000\u2003", nothing, ""},
		{"zero width spaces", "\u200b\u200b", unseen, ""},
		{"a word joiner", "\u2060", unseen, ""},
		{"a byte order mark", "\ufeff", unseen, ""},
		{"braille without dots", "\u2800", nothing, ""},
		{"a note without a head", "\U0001D159", nothing, ""},
		{"a Hangul filler", "\u3164", unseen, ""},
		{"a half-width Hangul filler", "\uffa0", unseen, ""},
		{"Hangul fillers of syllables", "\u115f\u1160", unseen, ""},
		{"vowels of Khmer that aren't drawn", "\u17b4", unseen, ""},
		{"a grapheme joiner", "a\u034fb", unseen, "ab"},
		{"a soft hyphen", "Gra\u00adce", unseen, "Grace"},
		{"an invisible operator", "a\u2062b", unseen, "ab"},
		{"a zero width space inside", "Gr\u200bace", unseen, "Grace"},
		{"a filler inside", "Gr\u3164ace", unseen, "Grace"},
		{"joiners alone", "\u200c\u200d", unseen, ""},
		{"a joiner at the beginning", "\u200dAda", unseen, "Ada"},
		{"a joiner at the end", "Ada\u200c", unseen, "Ada"},
		{"two joiners", "a\u200c\u200db", unseen, "a\u200db"},
		{"a joiner at a blank", "a \u200db", unseen, "a b"},
		{"a joiner between signs", "+\u200d+", unseen, "++"},
		{"a variation selector alone", "\ufe0f", unseen, ""},
		{"a variation selector behind a letter", "Ada\ufe0f", unseen, "Ada"},
		{"a variation selector behind a digit", "Ada1\ufe0f", unseen, "Ada1"},
		{"two variation selectors", "❤\ufe0f\ufe0f", unseen, "❤\ufe0f"},
		{"one of the other variation selectors", "Ada\U000E0100", unseen, "Ada"},
		{"a Mongolian selector elsewhere", "a\u180bb\u180ec", unseen, "abc"},
		{"tags alone", "\U000E0041\U000E0064", unseen, ""},
		{"tags behind a letter", "Ada\U000E0041\U000E007F", unseen, "Ada"},
		{"a flag's tags without an end", regionTag, unseen, "🏴"},
		{"a flag with a message", "🏴\U000E0061\U000E0061\U000E0061\U000E0061\U000E0061\U000E0061\U000E0061\U000E007F", unseen, "🏴"},
		{"an object", "a\ufffcb", unseen, "ab"},
		{"interlinear annotation", "a\ufff9b\ufffac\ufffb", unseen, "abc"},
		{"U+0000", "a\u0000b", control, "a b"},
		{"a tab", "a\tb", control, "a b"},
		{"an escape sequence", "\u001b[31mred", control, "[31mred"},
		{"a control character of the second set", "a\u009bb", control, "a b"},
		{"a line break", "a\nb", line, "a b"},
		{"a line break at the end", "Ada\r\n", line, "Ada"},
		{"U+0085", "a\u0085b", line, "a b"},
		{"U+2028", "a\u2028b", line, "a b"},
		{"U+2029", "a\u2029b", line, "a b"},
		{"an override", "Grace\u202e(tsoh)", turns, "Grace(tsoh)"},
		{"an embedding", "a\u202ab\u202c", turns, "ab"},
		{"an isolate", "a\u2067b\u2069", turns, "ab"},
		{"a left-to-right mark", "a\u200e", turns, "a"},
		{"a right-to-left mark", "\u200fa", turns, "a"},
		{"an Arabic mark", "a\u061cb", turns, "ab"},
		{"a mark at the beginning", "\u0301Ada", unmarked, "Ada"},
		{"a mark on a blank", "Ada \u0336x", unmarked, "Ada x"},
		{"a mark twice", "x\u0336\u0336", twice, "x\u0336"},
		{"marks in a heap", "x\u0301\u0302\u0303\u0304\u0305", many, "x\u0301\u0302\u0303\u0304"},
		{"marks in a heap over a joiner", "x\u0301\u0302\u200c\u0303\u0304\u0305y", many, "x\u0301\u0302\u200c\u0303\u0304y"},
		{"Thai marks in a heap", "ก\u0e47\u0e48\u0e47\u0e48\u0e47\u0e48", many, "ก\u0e47\u0e48\u0e47\u0e48"},
		{"a private character", "a\ue000b", private, "ab"},
		{"a noncharacter", "a\ufffeb", noChar, "ab"},
		{"a noncharacter of a higher plane", "a\U0001FFFFb", noChar, "ab"},
		{"an unassigned code point", "a\u0378b", unknown, "ab"},
		{"an unassigned code point that isn't drawn", "a\u2065b", unseen, "ab"},
	}
	for _, tt := range tests {
		got, err := name.Parse(tt.give)
		if wrong, ok := errors.AsType[*name.Error](err); !ok || !strings.Contains(wrong.Problem, tt.problem) {
			t.Errorf("%s: Parse(%+q) = %+q, %v; want an error with %q", tt.what, tt.give, got, err, tt.problem)
		}
		if got := name.Clean(tt.give, 100); got != tt.cleaned {
			t.Errorf("%s: Clean(%+q) = %+q; want %+q", tt.what, tt.give, got, tt.cleaned)
		}
	}
}

func TestParseSaysWhere(t *testing.T) {
	t.Parallel()
	_, err := name.Parse("Ame\u0301lie\u202e")
	if want := "has a character that changes the direction of text (U+202E) at character 7"; err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

func TestCleanCutsWholeCharacters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		give string
		most int
		want string
	}{
		{"Ada Lovelace", 4, "Ada"},
		{"Ada👩‍👩‍👧", 7, "Ada"},
		{"Ada👩‍👩‍👧", 8, "Ada👩‍👩‍👧"},
		{"x\u0301\u0302", 2, ""},
		{"\xffAda\xc3", 9, "Ada"},
		{strings.Repeat("é", 4000), 100, strings.Repeat("é", 100)},
	} {
		if got := name.Clean(tt.give, tt.most); got != tt.want {
			t.Errorf("Clean(%+q, %d) = %+q; want %+q", tt.give, tt.most, got, tt.want)
		}
	}
}

// holds checks what is said of every name, and of every text that isn't one.
func holds(t *testing.T, text string) {
	t.Helper()
	parsed, err := name.Parse(text)
	if err == nil {
		again, err := name.Parse(parsed)
		if err != nil || again != parsed {
			t.Fatalf("Parse(%+q) = %+q, which is parsed to %+q, %v", text, parsed, again, err)
		}
		if strings.ContainsFunc(parsed, func(r rune) bool {
			return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Noncharacter_Code_Point)
		}) || !norm.NFC.IsNormalString(parsed) || !regexp.MustCompile(name.Pattern).MatchString(parsed) {
			t.Fatalf("Parse(%+q) = %+q, which is no name", text, parsed)
		}
	}
	cleaned := name.Clean(text, 20)
	if utf8.RuneCountInString(cleaned) > 20 {
		t.Fatalf("Clean(%+q) = %+q, which is too long", text, cleaned)
	}
	if again, err := name.Parse(cleaned); cleaned != "" && (err != nil || again != cleaned) {
		t.Fatalf("Clean(%+q) = %+q, which is parsed to %+q, %v", text, cleaned, again, err)
	}
	if err == nil && utf8.RuneCountInString(parsed) <= 20 && cleaned != parsed {
		t.Fatalf("Clean(%+q) = %+q, though it is the name %+q", text, cleaned, parsed)
	}
}

func FuzzName(f *testing.F) {
	f.Add("Ada\u202e 👩‍👩‍👧 می\u200cخواهم")
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) {
			holds(t, text)
		}
	})
}

func TestNamesHold(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	telling := []rune("a1 é+❤👩🏽🏴🇬क्മ葛ᠮ\u0301\u0336\u0e47\u20e3\u200b\u200c\u200d\u200e\u202e\u2800\u3164\ufe00\ufe0e\ufe0f\u180b\u180e\n\u2028\u0000\U000E0067\U000E007F\U000E0100\u0378\ue000\U0001FAFF\u0f90")
	for range 20_000 {
		text := make([]rune, rng.IntN(12))
		for i := range text {
			if text[i] = telling[rng.IntN(len(telling))]; rng.IntN(8) == 0 {
				text[i] = rune(rng.IntN(unicode.MaxRune))
			}
		}
		holds(t, string(text))
	}
}
