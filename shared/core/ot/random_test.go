package ot_test

import (
	"math/rand/v2"
	"strings"

	"pgregory.net/rapid"

	"github.com/rapport/rapport/shared/core/ot"
)

// dice returns a number from 0 to n-1. Generators take it, so that properties,
// fuzzing and seeded runs make the same kinds of documents and changes.
type dice func(n int) int

func seeded(seed uint64) dice {
	return rand.New(rand.NewPCG(seed, 0)).IntN
}

func drawn(t *rapid.T) dice {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "dice") }
}

// fromBytes rolls what a fuzzer wrote, and zeros when that is used up.
func fromBytes(data []byte) dice {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		roll := int(data[0]) % n
		data = data[1:]
		return roll
	}
}

// text returns up to most code points of 1 to 4 bytes in UTF-8.
func (d dice) text(most int) string {
	alphabet := []rune("abcdefgh \nßéЖ日語\u0301\u200d👍🇮🇹𝔘")
	var out strings.Builder
	for range d(most + 1) {
		out.WriteRune(alphabet[d(len(alphabet))])
	}
	return out.String()
}

// change returns a well-formed change to a document of length code points. Its
// ops are often neighbours, often touch both ends, and are not in normal form.
func (d dice) change(length int) ot.Change {
	c := ot.Change{}
	at := 0
	for range d(8) {
		room := length - at
		n := 1 + d(3)
		switch d(5) {
		case 0, 1:
			c = append(c, insert(at, string([]rune("xyzXYZ12👋é")[d(10)])+d.text(1)))
		case 2:
			if n = min(n, room); n > 0 {
				c = append(c, del(at, n))
				at += n
			}
		case 3:
			if n = min(n, room); n > 0 {
				c = append(c, retain(at, n))
				at += n
			}
		case 4:
			at += d(room + 1)
		}
	}
	return c
}

// pair returns a document and two changes to it.
func (d dice) pair() (doc string, a, b ot.Change) {
	doc = d.text(10)
	n := runes(doc)
	return doc, d.change(n), d.change(n)
}

// sequence returns a document and count changes, each made on the document that
// the one before it left.
func (d dice) sequence(count int) (doc string, changes []ot.Change) {
	doc = d.text(10)
	n := runes(doc)
	for range count {
		c := d.change(n)
		changes = append(changes, c)
		n += c.Growth()
	}
	return doc, changes
}
