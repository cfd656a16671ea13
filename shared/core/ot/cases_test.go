package ot_test

import "github.com/rapport/rapport/shared/core/ot"

func insert(position int, content string) ot.Op {
	return ot.Op{Type: ot.Insert, Position: position, Content: content}
}

func del(position, length int) ot.Op {
	return ot.Op{Type: ot.Delete, Position: position, Length: length}
}

func retain(position, length int) ot.Op {
	return ot.Op{Type: ot.Retain, Position: position, Length: length}
}

// change makes a Change, never a nil one.
func change(ops ...ot.Op) ot.Change {
	return append(ot.Change{}, ops...)
}

// The cases are written by hand and wanted by the contract. They are the named
// part of testdata/vectors.json, whose shape these types give.

type applyCase struct {
	Name   string    `json:"name"`
	Doc    string    `json:"doc"`
	Change ot.Change `json:"change"`
	Want   string    `json:"want"`
}

type composeCase struct {
	Name string    `json:"name"`
	Doc  string    `json:"doc"`
	A    ot.Change `json:"a"`
	B    ot.Change `json:"b"`
	Want ot.Change `json:"want"`
}

type transformCase struct {
	Name          string    `json:"name"`
	Doc           string    `json:"doc"`
	Committed     ot.Change `json:"committed"`
	Change        ot.Change `json:"change"`
	WantCommitted ot.Change `json:"wantCommitted"`
	WantChange    ot.Change `json:"wantChange"`
	WantDoc       string    `json:"wantDoc"`
}

type invertCase struct {
	Name   string    `json:"name"`
	Doc    string    `json:"doc"`
	Change ot.Change `json:"change"`
	Want   ot.Change `json:"want"`
}

func applyCases() []applyCase {
	return []applyCase{
		{"an empty change", "abc", change(), "abc"},
		{"only a retain", "abc", change(retain(0, 3)), "abc"},
		{"insert into an empty document", "", change(insert(0, "x")), "x"},
		{"insert at the start", "abc", change(insert(0, "x")), "xabc"},
		{"insert at the end", "abc", change(insert(3, "x")), "abcx"},
		{"inserts at one position apply in list order", "abc", change(insert(1, "x"), insert(1, "y"), insert(1, "z")), "axyzbc"},
		{"positions are not shifted by the ops before", "abcdef", change(insert(1, "xx"), del(2, 1), insert(4, "y")), "axxbdyef"},
		{"delete everything", "abc", change(del(0, 3)), ""},
		{"insert at the start of a deleted range", "abc", change(insert(0, "x"), del(0, 3)), "x"},
		{"insert at the end of a deleted range", "abc", change(del(0, 3), insert(3, "x")), "x"},
		{"inserts at both ends of a deleted range", "abcd", change(insert(1, "x"), del(1, 2), insert(3, "y")), "axyd"},
		{"insert between two deletes", "abcd", change(del(0, 2), insert(2, "x"), del(2, 2)), "x"},
		{"adjacent deletes", "abcd", change(del(1, 1), del(2, 1)), "ad"},
		{"retains between the ops", "abcdef", change(retain(0, 1), insert(1, "x"), retain(1, 2), del(3, 1), retain(4, 2)), "axbcef"},
		{"code points above the basic plane", "a👍b👍c", change(insert(2, "é"), del(3, 1)), "a👍ébc"},
		{"a flag is two code points", "🇮🇹!", change(del(1, 1)), "🇮!"},
		{"a combining mark is a code point", "e\u0301x", change(insert(1, "-")), "e-\u0301x"},
		{"line breaks are code points", "a\r\nb\n", change(del(1, 2), insert(5, "c")), "ab\nc"},
		{"a byte order mark and a null are code points", "\ufeffa\u0000b", change(del(0, 1), del(2, 1)), "ab"},
		{"a family joined by zero-width joiners", "👩\u200d👩\u200d👧.", change(del(1, 4)), "👩."},
	}
}

func composeCases() []composeCase {
	return []composeCase{
		{"two empty changes", "abc", change(), change(), change()},
		{"nothing, then a change in normal form", "abc", change(), change(retain(0, 1), insert(1, "x"), insert(1, "y"), del(1, 1), del(2, 1)), change(insert(1, "xy"), del(1, 2))},
		{"a change, then nothing", "abc", change(insert(1, "x"), retain(1, 2)), change(), change(insert(1, "x"))},
		{"typing on", "ab", change(insert(1, "x")), change(insert(2, "y")), change(insert(1, "xy"))},
		{"typing before", "ab", change(insert(1, "x")), change(insert(1, "y")), change(insert(1, "yx"))},
		{"typing inside an insert", "ab", change(insert(1, "xz")), change(insert(2, "y")), change(insert(1, "xyz"))},
		{"an insert deleted again", "ab", change(insert(1, "xyz")), change(del(1, 3)), change()},
		{"part of an insert deleted", "ab", change(insert(1, "x👍z")), change(del(2, 1)), change(insert(1, "xz"))},
		{"a delete across an insert's start", "abc", change(insert(1, "xy")), change(del(0, 2)), change(del(0, 1), insert(1, "y"))},
		{"a delete across an insert's end", "abc", change(insert(1, "xy")), change(del(2, 2)), change(insert(1, "x"), del(1, 1))},
		{"a delete around an insert", "abc", change(insert(1, "xy")), change(del(0, 4)), change(del(0, 2))},
		{"a delete around a delete", "abcde", change(del(2, 1)), change(del(1, 2)), change(del(1, 3))},
		{"backspacing", "abc", change(del(2, 1)), change(del(1, 1)), change(del(1, 2))},
		{"an insert where text was deleted goes before the delete", "abcd", change(del(1, 2)), change(insert(1, "x")), change(insert(1, "x"), del(1, 2))},
		{"typing on after an insert at a deleted range's start", "abcd", change(insert(1, "x"), del(1, 2)), change(insert(2, "y")), change(insert(1, "xy"), del(1, 2))},
		{"typing on after an insert at a deleted range's end", "abcd", change(del(1, 2), insert(3, "x")), change(insert(2, "y")), change(del(1, 2), insert(3, "xy"))},
		{"typing before an insert at a deleted range's end", "abcd", change(del(1, 2), insert(3, "x")), change(insert(1, "y")), change(insert(1, "y"), del(1, 2), insert(3, "x"))},
		{"the insert that parted two deletes is deleted", "abcd", change(del(0, 2), insert(2, "x"), del(2, 2)), change(del(0, 1)), change(del(0, 4))},
		{"the last character of the insert that parted two deletes is kept", "abcd", change(del(0, 2), insert(2, "xy"), del(2, 2)), change(del(0, 1)), change(del(0, 2), insert(2, "y"), del(2, 2))},
		{"retains in both", "abcd", change(retain(0, 2), insert(2, "x"), retain(2, 2)), change(retain(0, 3), del(3, 1), retain(4, 1)), change(insert(2, "x"), del(2, 1))},
		{"several ops in both", "abcdef", change(insert(0, "12"), del(1, 2), insert(5, "3")), change(del(1, 1), insert(4, "x"), del(5, 1)), change(insert(0, "1"), del(1, 2), insert(4, "x"))},
		{"ends beyond the other's last op", "abcdef", change(insert(0, "x")), change(del(5, 2)), change(insert(0, "x"), del(4, 2))},
	}
}

func transformCases() []transformCase {
	return []transformCase{
		{"both empty", "abc", change(), change(), change(), change(), "abc"},
		{"against nothing: normal form", "abc", change(), change(retain(0, 1), insert(1, "x"), insert(1, "y")), change(), change(insert(1, "xy")), "axybc"},
		{"apart", "abcdef", change(insert(1, "x")), change(del(4, 1)), change(insert(1, "x")), change(del(5, 1)), "axbcdf"},
		{"apart, the committed behind", "abcdef", change(del(4, 1)), change(insert(1, "x")), change(del(5, 1)), change(insert(1, "x")), "axbcdf"},
		{"retains in both", "abcd", change(retain(0, 2), insert(2, "x"), retain(2, 2)), change(retain(0, 3), del(3, 1)), change(insert(2, "x")), change(del(4, 1)), "abxc"},
		{"two inserts at one position: the committed first", "ab", change(insert(1, "x")), change(insert(1, "y")), change(insert(1, "x")), change(insert(2, "y")), "axyb"},
		{"several inserts at one position keep their order", "ab", change(insert(1, "x"), insert(1, "X")), change(insert(1, "y"), insert(1, "Y")), change(insert(1, "xX")), change(insert(3, "yY")), "axXyYb"},
		{"the same text inserted by both is kept twice", "ab", change(insert(1, "x")), change(insert(1, "x")), change(insert(1, "x")), change(insert(2, "x")), "axxb"},
		{"inserts into an empty document", "", change(insert(0, "x")), change(insert(0, "y")), change(insert(0, "x")), change(insert(1, "y")), "xy"},
		{"code points above the basic plane", "👍👎👍", change(insert(1, "🇮🇹")), change(del(2, 1)), change(insert(1, "🇮🇹")), change(del(4, 1)), "👍🇮🇹👎"},

		{"the same delete", "abcd", change(del(1, 2)), change(del(1, 2)), change(), change(), "ad"},
		{"a delete inside a committed one", "abcdef", change(del(1, 4)), change(del(2, 2)), change(del(1, 2)), change(), "af"},
		{"a delete around a committed one", "abcdef", change(del(2, 2)), change(del(1, 4)), change(), change(del(1, 2)), "af"},
		{"deletes that overlap", "abcdef", change(del(1, 3)), change(del(3, 2)), change(del(1, 2)), change(del(1, 1)), "af"},
		{"deletes that touch", "abcd", change(del(0, 2)), change(del(2, 2)), change(del(0, 2)), change(del(0, 2)), ""},
		{"two deletes become one around a committed one", "abcde", change(del(2, 1)), change(del(1, 1), del(3, 1)), change(del(1, 1)), change(del(1, 2)), "ae"},

		{"an insert inside a committed delete survives", "abcde", change(del(1, 3)), change(insert(2, "x")), change(del(1, 1), del(3, 2)), change(insert(1, "x")), "axe"},
		{"a committed insert inside a delete survives", "abcde", change(insert(2, "x")), change(del(1, 3)), change(insert(1, "x")), change(del(1, 1), del(3, 2)), "axe"},
		{"a delete parts around several committed inserts", "abcd", change(insert(1, "x"), insert(3, "y")), change(del(0, 4)), change(insert(0, "xy")), change(del(0, 1), del(2, 2), del(5, 1)), "xy"},
		{"inserts all over a committed delete join", "abc", change(del(0, 3)), change(insert(0, "1"), insert(1, "2"), insert(2, "3"), insert(3, "4")), change(del(1, 1), del(3, 1), del(5, 1)), change(insert(0, "1234")), "1234"},

		{"an insert at the start of a committed delete", "abcd", change(del(1, 2)), change(insert(1, "x")), change(del(2, 2)), change(insert(1, "x")), "axd"},
		{"an insert at the end of a committed delete", "abcd", change(del(1, 2)), change(insert(3, "x")), change(del(1, 2)), change(insert(1, "x")), "axd"},
		{"a committed insert at the start of a delete", "abcd", change(insert(1, "x")), change(del(1, 2)), change(insert(1, "x")), change(del(2, 2)), "axd"},
		{"a committed insert at the end of a delete", "abcd", change(insert(3, "x")), change(del(1, 2)), change(insert(1, "x")), change(del(1, 2)), "axd"},

		{"committed replacement with its text at the start, insert at the start", "abcd", change(insert(1, "x"), del(1, 2)), change(insert(1, "y")), change(insert(1, "x"), del(2, 2)), change(insert(2, "y")), "axyd"},
		{"committed replacement with its text at the start, insert at the end", "abcd", change(insert(1, "x"), del(1, 2)), change(insert(3, "y")), change(insert(1, "x"), del(1, 2)), change(insert(2, "y")), "axyd"},
		{"committed replacement with its text at the end, insert at the start", "abcd", change(del(1, 2), insert(3, "x")), change(insert(1, "y")), change(del(2, 2), insert(4, "x")), change(insert(1, "y")), "ayxd"},
		{"committed replacement with its text at the end, insert at the end", "abcd", change(del(1, 2), insert(3, "x")), change(insert(3, "y")), change(del(1, 2), insert(3, "x")), change(insert(2, "y")), "axyd"},
		{"replacement with its text at the start, committed insert at the end", "abcd", change(insert(3, "x")), change(insert(1, "y"), del(1, 2)), change(insert(2, "x")), change(insert(1, "y"), del(1, 2)), "ayxd"},
		{"replacement with its text at the end, committed insert at the end", "abcd", change(insert(3, "x")), change(del(1, 2), insert(3, "y")), change(insert(1, "x")), change(del(1, 2), insert(4, "y")), "axyd"},
		{"replacement with its text at the end, committed insert inside", "abcd", change(insert(2, "x")), change(del(1, 2), insert(3, "y")), change(insert(1, "x")), change(del(1, 1), del(3, 1), insert(4, "y")), "axyd"},

		{"one range replaced by both, texts at the start", "abcd", change(insert(1, "x"), del(1, 2)), change(insert(1, "y"), del(1, 2)), change(insert(1, "x")), change(insert(2, "y")), "axyd"},
		{"one range replaced by both, texts at the end", "abcd", change(del(1, 2), insert(3, "x")), change(del(1, 2), insert(3, "y")), change(insert(1, "x")), change(insert(2, "y")), "axyd"},
		{"one range replaced by both, committed text at the start, the other at the end", "abcd", change(insert(1, "x"), del(1, 2)), change(del(1, 2), insert(3, "y")), change(insert(1, "x")), change(insert(2, "y")), "axyd"},
		{"one range replaced by both, committed text at the end, the other at the start", "abcd", change(del(1, 2), insert(3, "x")), change(insert(1, "y"), del(1, 2)), change(insert(2, "x")), change(insert(1, "y")), "ayxd"},
		{"texts at both ends of a range that was deleted join", "abcd", change(del(1, 2)), change(insert(1, "x"), del(1, 2), insert(3, "y")), change(), change(insert(1, "xy")), "axyd"},
		{"a committed text in the middle of a deleted range parts the inserts", "abcd", change(del(1, 1), insert(2, "m"), del(2, 1)), change(insert(1, "p"), insert(2, "q"), insert(3, "r")), change(del(2, 1), insert(3, "m"), del(4, 1)), change(insert(1, "p"), insert(2, "qr")), "apmqrd"},
		{"replacements of neighbouring ranges meet", "abcd", change(del(0, 2), insert(2, "x")), change(insert(2, "y"), del(2, 2)), change(del(0, 2), insert(2, "x")), change(insert(1, "y"), del(1, 2)), "xy"},
		{"replacements of neighbouring ranges, the other order", "abcd", change(insert(2, "x"), del(2, 2)), change(del(0, 2), insert(2, "y")), change(insert(0, "x"), del(1, 2)), change(del(0, 2), insert(3, "y")), "xy"},
	}
}

func invertCases() []invertCase {
	return []invertCase{
		{"nothing", "abc", change(), change()},
		{"insert", "abc", change(insert(1, "👍x")), change(del(1, 2))},
		{"delete", "a👍bc", change(del(1, 2)), change(insert(1, "👍b"))},
		{"inserts at one position", "abc", change(insert(1, "x"), insert(1, "y")), change(del(1, 2))},
		{"adjacent deletes", "abcd", change(del(0, 2), del(2, 1)), change(insert(0, "abc"))},
		{"text at the start of a deleted range", "abcd", change(insert(1, "xyz"), del(1, 2)), change(del(1, 3), insert(4, "bc"))},
		{"text at the end of a deleted range", "abcd", change(del(1, 2), insert(3, "xyz")), change(insert(1, "bc"), del(1, 3))},
		{"text between two deletes", "abcd", change(del(0, 2), insert(2, "x"), del(2, 2)), change(insert(0, "ab"), del(0, 1), insert(1, "cd"))},
		{"retains", "abcd", change(retain(0, 1), insert(1, "x"), retain(1, 2), del(3, 1)), change(del(1, 1), insert(4, "d"))},
		{"delete everything", "a👍c", change(del(0, 3)), change(insert(0, "a👍c"))},
		{"insert into an empty document", "", change(insert(0, "x")), change(del(0, 1))},
		{"replace a combined character in part", "e\u0301x", change(del(1, 1), insert(2, "\u0300")), change(insert(1, "\u0301"), del(1, 1))},
	}
}
