package ot_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rapport/rapport/shared/core/ot"
)

// A law rolls documents and changes and fails if what should hold does not.
type law func(t rapid.TB, d dice)

// TestLaws runs each law on many fixed seeds, and on fresh ones through rapid,
// which prints its seed and shrinks what fails.
func TestLaws(t *testing.T) {
	for _, tt := range []struct {
		name string
		law  law
	}{
		{"apply is what the model does", applyLaw},
		{"growth is the difference in length", growthLaw},
		{"a change that fits is applied, another refused", fitLaw},
		{"transformation is the model's union, both ways round", transformLaw},
		{"against a list is one by one", againstLaw},
		{"composition is one after the other", composeLaw},
		{"composition is associative", associativeLaw},
		{"against composed committed changes is one by one", composedCommittedLaw},
		{"composed pending changes transform as one by one where no place is lost", composedPendingLaw},
		{"the inverse takes back", invertLaw},
		{"gaps are where inserts are, whatever was committed", gapLaw},
		{"arguments are left alone", untouchedLaw},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(10_000) {
				seedHolds(t, seed, tt.law)
			}
			rapid.Check(t, func(t *rapid.T) { tt.law(t, drawn(t)) })
		})
	}
}

func seedHolds(t *testing.T, seed uint64, check law) {
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	check(t, seeded(seed))
}

func applyLaw(t rapid.TB, d dice) {
	doc := d.text(30)
	c := d.change(runes(doc))
	if got, want := apply(t, doc, c), modelOf(runes(doc), c).apply(doc); got != want {
		t.Fatalf("Apply(%q, %v) = %q, want %q", doc, c, got, want)
	}
}

func growthLaw(t rapid.TB, d dice) {
	doc := d.text(30)
	c := d.change(runes(doc))
	if got, want := c.Growth(), runes(apply(t, doc, c))-runes(doc); got != want {
		t.Fatalf("%v grows %q by %d, Growth says %d", c, doc, want, got)
	}
}

// fitLaw rolls ops that are often wrong.
func fitLaw(t rapid.TB, d dice) {
	doc := d.text(5)
	var c ot.Change
	for range d(4) {
		op := ot.Op{
			Type:     []ot.Type{ot.Insert, ot.Delete, ot.Retain, "", "replace"}[max(0, d(20)-15)],
			Position: d(8) - 1,
			Content:  []string{"", "x", "👍", "\xff"}[d(4)],
			Length:   d(5) - 1,
		}
		if d(4) > 0 {
			op.Type = []ot.Type{ot.Insert, ot.Delete, ot.Retain}[d(3)]
			if op.Type == ot.Insert {
				op.Length = 0
			} else {
				op.Content = ""
			}
		}
		c = append(c, op)
	}
	hasEffect := slices.ContainsFunc(c, func(op ot.Op) bool { return op.Type != ot.Retain })
	_, applyErr := ot.Apply(doc, c)
	_, invertErr := ot.Invert(doc, c)
	if (applyErr == nil) != (invertErr == nil) {
		t.Fatalf("%v on %q: Apply says %v, Invert %v", c, doc, applyErr, invertErr)
	}
	if err := c.Validate(runes(doc)); (err == nil) != (applyErr == nil && hasEffect) {
		t.Fatalf("%v on %q: Validate says %v, Apply %v", c, doc, err, applyErr)
	}
}

func transformLaw(t rapid.TB, d dice) {
	doc, committed, c := d.pair()
	transformHolds(t, doc, committed, c)
}

// transformHolds compares with the model, which says more than TP1: where each
// text stands, and that each op afterwards is what it was before.
func transformHolds(t rapid.TB, doc string, committed, c ot.Change) {
	committed2, c2, err := ot.TransformPair(committed, c)
	if err != nil {
		t.Fatalf("TransformPair(%v, %v): %v", committed, c, err)
	}
	a, b := modelOf(runes(doc), committed), modelOf(runes(doc), c)
	same(t, "committed after the other", committed2, a.after(b, false).change())
	same(t, "the other after committed", c2, b.after(a, true).change())
	alone, err := ot.Transform(committed, c)
	if err != nil {
		t.Fatalf("Transform(%v, %v): %v", committed, c, err)
	}
	same(t, "Transform and TransformPair", alone, c2)

	want := union(a, b).apply(doc)
	if got := apply(t, apply(t, doc, committed), c2); got != want {
		t.Fatalf("%q, %v then %v gives %q, want %q", doc, committed, c2, got, want)
	}
	if got := apply(t, apply(t, doc, c), committed2); got != want {
		t.Fatalf("%q, %v then %v gives %q, want %q", doc, c, committed2, got, want)
	}
}

func againstLaw(t rapid.TB, d dice) {
	doc, committed := d.sequence(1 + d(5))
	c := d.change(runes(doc))
	got, err := ot.TransformAgainst(committed, c)
	if err != nil {
		t.Fatalf("TransformAgainst(%v, %v): %v", committed, c, err)
	}
	want, now := c, doc
	for _, change := range committed {
		want, now = transform(t, change, want), apply(t, now, change)
	}
	same(t, "TransformAgainst and one by one", got, want)
	apply(t, now, got)
}

func composeLaw(t rapid.TB, d dice) {
	doc, changes := d.sequence(2)
	composeHolds(t, doc, changes[0], changes[1])
}

func composeHolds(t rapid.TB, doc string, a, b ot.Change) {
	both := compose(t, a, b)
	once, twice := apply(t, doc, both), apply(t, apply(t, doc, a), b)
	if once != twice {
		t.Fatalf("%q, %v then %v gives %q, composed to %v %q", doc, a, b, twice, both, once)
	}
	normal(t, doc, both)
	if got, want := both.Growth(), a.Growth()+b.Growth(); got != want {
		t.Fatalf("%v then %v: growth %d, want %d", a, b, got, want)
	}
	// The empty change is neutral, but for normal form.
	same(t, "nothing, then both", compose(t, change(), both), both)
	same(t, "both, then nothing", compose(t, both, change()), both)
}

// associativeLaw holds for the changes themselves, not only for what they do.
func associativeLaw(t rapid.TB, d dice) {
	_, changes := d.sequence(3)
	a, b, c := changes[0], changes[1], changes[2]
	same(t, "(a b) c and a (b c)", compose(t, compose(t, a, b), c), compose(t, a, compose(t, b, c)))
}

// composedCommittedLaw: a server may compose what it committed.
func composedCommittedLaw(t rapid.TB, d dice) {
	doc, committed := d.sequence(2)
	c := d.change(runes(doc))
	change := transform(t, committed[1], transform(t, committed[0], c))
	same(t, "one by one and composed", transform(t, compose(t, committed[0], committed[1]), c), change)
}

// composedPendingLaw: a client may compose what is pending. What it sends then
// is transformed as the parts would have been if the first deletes nothing or
// the second inserts nothing; TestComposedPendingDiffers has the other case.
func composedPendingLaw(t rapid.TB, d dice) {
	doc, pending := d.sequence(2)
	drop := d(2)
	unwanted := []ot.Type{ot.Delete, ot.Insert}[drop]
	pending[drop] = slices.DeleteFunc(pending[drop], func(op ot.Op) bool { return op.Type == unwanted })
	// The second is made anew, for the document that the first leaves now.
	if drop == 0 {
		pending[1] = d.change(runes(apply(t, doc, pending[0])))
	}
	committed := d.change(runes(doc))

	composed := transform(t, committed, compose(t, pending[0], pending[1]))
	committed2, first, err := ot.TransformPair(committed, pending[0])
	if err != nil {
		t.Fatal(err)
	}
	second := transform(t, committed2, pending[1])
	now := apply(t, doc, committed)
	if got, want := apply(t, now, composed), apply(t, apply(t, now, first), second); got != want {
		t.Fatalf("%q, committed %v, pending %v: composed gives %q, one by one %q", doc, committed, pending, got, want)
	}
}

func invertLaw(t rapid.TB, d dice) {
	doc := d.text(12)
	invertHolds(t, doc, d.change(runes(doc)))
}

func invertHolds(t rapid.TB, doc string, c ot.Change) {
	after := apply(t, doc, c)
	inverse, err := ot.Invert(doc, c)
	if err != nil {
		t.Fatalf("Invert(%q, %v): %v", doc, c, err)
	}
	if got := apply(t, after, inverse); got != doc {
		t.Fatalf("%q, %v then its inverse %v gives %q", doc, c, inverse, got)
	}
	normal(t, after, inverse)
	again, err := ot.Invert(after, inverse)
	if err != nil {
		t.Fatalf("Invert(%q, %v): %v", after, inverse, err)
	}
	same(t, "inverted twice and as it was", again, modelOf(runes(doc), c).change())
}

func untouchedLaw(t rapid.TB, d dice) {
	doc, a, b := d.pair()
	a0, b0 := slices.Clone(a), slices.Clone(b)
	transformHolds(t, doc, a, b)
	invertHolds(t, doc, a)
	compose(t, a, d.change(runes(doc)+a.Growth()))
	same(t, "the first argument", a, a0)
	same(t, "the second argument", b, b0)
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// normal fails unless c fits doc and is in normal form.
func normal(t rapid.TB, doc string, c ot.Change) {
	t.Helper()
	if err := c.Validate(runes(doc)); err != nil && len(c) > 0 {
		t.Fatalf("%v does not fit %q: %v", c, doc, err)
	}
	same(t, "a change and its normal form", c, modelOf(runes(doc), c).change())
}

func same(t rapid.TB, what string, got, want ot.Change) {
	t.Helper()
	// Asked for a million times: cmp only says what differs.
	if slices.Equal(got, want) && (got == nil) == (want == nil) {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s differ (-want +got):\n%s", what, diff)
	}
}

func apply(t rapid.TB, doc string, c ot.Change) string {
	t.Helper()
	out, err := ot.Apply(doc, c)
	if err != nil {
		t.Fatalf("Apply(%q, %v): %v", doc, c, err)
	}
	return out
}

func compose(t rapid.TB, a, b ot.Change) ot.Change {
	t.Helper()
	out, err := ot.Compose(a, b)
	if err != nil {
		t.Fatalf("Compose(%v, %v): %v", a, b, err)
	}
	return out
}

func transform(t rapid.TB, committed, c ot.Change) ot.Change {
	t.Helper()
	out, err := ot.Transform(committed, c)
	if err != nil {
		t.Fatalf("Transform(%v, %v): %v", committed, c, err)
	}
	return out
}
