package ot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/ot"
)

func BenchmarkApply(b *testing.B) {
	for _, script := range []struct{ name, unit string }{{"ascii", "the notes "}, {"mixed", "日本語 é 👍 notes "}} {
		for _, kilobytes := range []int{1, 200} {
			b.Run(fmt.Sprintf("%s/%dKB", script.name, kilobytes), func(b *testing.B) {
				doc := strings.Repeat(script.unit, kilobytes<<10/len(script.unit))
				middle := runes(doc) / 2
				c := change(insert(middle, "word"), del(middle, 4))
				b.SetBytes(int64(len(doc)))
				b.ReportAllocs()
				for b.Loop() {
					apply(b, doc, c)
				}
			})
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	for _, ops := range []int{1, 500} {
		b.Run(fmt.Sprintf("%dops", ops), func(b *testing.B) {
			committed, c := spread(ops, 0), spread(ops, 1)
			b.ReportAllocs()
			for b.Loop() {
				transform(b, committed, c)
			}
		})
	}
}

func BenchmarkTransformPair(b *testing.B) {
	committed, c := spread(500, 0), spread(500, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ot.TransformPair(committed, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransformAgainst100(b *testing.B) {
	committed := make([]ot.Change, 100)
	for i := range committed {
		committed[i] = change(insert(i, "x"), del(1000+i, 1))
	}
	c := change(insert(500, "word"), del(500, 4))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ot.TransformAgainst(committed, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	for _, ops := range []int{1, 500} {
		b.Run(fmt.Sprintf("%dops", ops), func(b *testing.B) {
			first, second := spread(ops, 0), spread(ops, 1)
			b.ReportAllocs()
			for b.Loop() {
				compose(b, first, second)
			}
		})
	}
}

func BenchmarkInvert(b *testing.B) {
	doc := strings.Repeat("the notes ", 20<<10)
	c := spread(500, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ot.Invert(doc, c); err != nil {
			b.Fatal(err)
		}
	}
}

// spread returns a change of count ops, inserts and deletes by turns.
func spread(count, from int) ot.Change {
	c := change()
	for i := range count {
		if i%2 == 0 {
			c = append(c, insert(from+8*i, "word 👍"))
		} else {
			c = append(c, del(from+8*i, 6))
		}
	}
	return c
}
