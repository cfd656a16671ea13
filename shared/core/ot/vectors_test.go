package ot_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/ot"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// vectors are cases that other implementations of the contract run too, such as
// the browser's. All changes wanted are in normal form.
type vectors struct {
	Apply     []applyCase     `json:"apply"`
	Compose   []composeCase   `json:"compose"`
	Transform []transformCase `json:"transform"`
	Invert    []invertCase    `json:"invert"`
}

func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors.json")
	if *update {
		if err := os.WriteFile(path, makeVectors(t).marshal(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 1<<20 {
		t.Errorf("%s has %d bytes, more than 1 MB", path, len(data))
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if n := len(v.Apply) + len(v.Compose) + len(v.Transform) + len(v.Invert); n < 2500 {
		t.Errorf("%s has %d cases, want some thousands", path, n)
	}
	for _, c := range v.Apply {
		checkApply(t, c)
	}
	for _, c := range v.Compose {
		checkCompose(t, c)
	}
	for _, c := range v.Transform {
		checkTransform(t, c)
	}
	for _, c := range v.Invert {
		checkInvert(t, c)
	}
	// The named cases are the contract's; the file must not lag behind them.
	named := vectors{applyCases(), composeCases(), transformCases(), invertCases()}
	if diff := cmp.Diff(named, vectors{
		v.Apply[:min(len(named.Apply), len(v.Apply))],
		v.Compose[:min(len(named.Compose), len(v.Compose))],
		v.Transform[:min(len(named.Transform), len(v.Transform))],
		v.Invert[:min(len(named.Invert), len(v.Invert))],
	}); diff != "" {
		t.Errorf("the named cases differ from the file's (-update writes it anew):\n%s", diff)
	}
}

func checkApply(t *testing.T, c applyCase) {
	t.Helper()
	got, err := ot.Apply(c.Doc, c.Change)
	if err != nil || got != c.Want {
		t.Errorf("apply, %s: Apply(%q, %v) = %q, %v; want %q", c.Name, c.Doc, c.Change, got, err, c.Want)
	}
}

func checkCompose(t *testing.T, c composeCase) {
	t.Helper()
	got, err := ot.Compose(c.A, c.B)
	if err != nil {
		t.Errorf("compose, %s: %v", c.Name, err)
		return
	}
	if diff := cmp.Diff(c.Want, got); diff != "" {
		t.Errorf("compose, %s (-want +got):\n%s", c.Name, diff)
	}
	if once, twice := apply(t, c.Doc, got), apply(t, apply(t, c.Doc, c.A), c.B); once != twice {
		t.Errorf("compose, %s: at once %q, one by one %q", c.Name, once, twice)
	}
}

func checkTransform(t *testing.T, c transformCase) {
	t.Helper()
	committed2, c2, err := ot.TransformPair(c.Committed, c.Change)
	if err != nil {
		t.Errorf("transform, %s: %v", c.Name, err)
		return
	}
	if diff := cmp.Diff(c.WantCommitted, committed2); diff != "" {
		t.Errorf("transform, %s: committed (-want +got):\n%s", c.Name, diff)
	}
	if diff := cmp.Diff(c.WantChange, c2); diff != "" {
		t.Errorf("transform, %s: change (-want +got):\n%s", c.Name, diff)
	}
	if got := apply(t, apply(t, c.Doc, c.Committed), c2); got != c.WantDoc {
		t.Errorf("transform, %s: committed first gives %q, want %q", c.Name, got, c.WantDoc)
	}
	if got := apply(t, apply(t, c.Doc, c.Change), committed2); got != c.WantDoc {
		t.Errorf("transform, %s: change first gives %q, want %q", c.Name, got, c.WantDoc)
	}
}

func checkInvert(t *testing.T, c invertCase) {
	t.Helper()
	got, err := ot.Invert(c.Doc, c.Change)
	if err != nil {
		t.Errorf("invert, %s: %v", c.Name, err)
		return
	}
	if diff := cmp.Diff(c.Want, got); diff != "" {
		t.Errorf("invert, %s (-want +got):\n%s", c.Name, diff)
	}
	if back := apply(t, apply(t, c.Doc, c.Change), got); back != c.Doc {
		t.Errorf("invert, %s: undone gives %q, want %q", c.Name, back, c.Doc)
	}
}

// makeVectors returns the named cases and seeded random ones. Where the slow
// model can say what is wanted, it does, not the code under test.
func makeVectors(t *testing.T) vectors {
	t.Helper()
	v := vectors{applyCases(), composeCases(), transformCases(), invertCases()}
	d := seeded(1)
	for i := range 650 {
		doc := d.text(14)
		n := runes(doc)
		c := d.change(n)
		v.Apply = append(v.Apply, applyCase{fmt.Sprintf("random %d", i), doc, c, modelOf(n, c).apply(doc)})
	}
	for i := range 800 {
		doc, changes := d.sequence(2)
		want, err := ot.Compose(changes[0], changes[1])
		if err != nil {
			t.Fatal(err)
		}
		v.Compose = append(v.Compose, composeCase{fmt.Sprintf("random %d", i), doc, changes[0], changes[1], want})
	}
	for i := range 850 {
		doc, committed, c := d.pair()
		n := runes(doc)
		a, b := modelOf(n, committed), modelOf(n, c)
		v.Transform = append(v.Transform, transformCase{
			Name: fmt.Sprintf("random %d", i), Doc: doc, Committed: committed, Change: c,
			WantCommitted: a.after(b, false).change(), WantChange: b.after(a, true).change(), WantDoc: union(a, b).apply(doc),
		})
	}
	for i := range 650 {
		doc := d.text(14)
		n := runes(doc)
		c := d.change(n)
		v.Invert = append(v.Invert, invertCase{fmt.Sprintf("random %d", i), doc, c, modelOf(n, c).inverse(doc).change()})
	}
	return v
}

// marshal writes one case a line, so that a difference can be read.
func (v vectors) marshal(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("{")
	writeCases(t, &out, "apply", v.Apply)
	out.WriteString(",")
	writeCases(t, &out, "compose", v.Compose)
	out.WriteString(",")
	writeCases(t, &out, "transform", v.Transform)
	out.WriteString(",")
	writeCases(t, &out, "invert", v.Invert)
	out.WriteString("\n}\n")
	return out.Bytes()
}

func writeCases[T any](t *testing.T, out *bytes.Buffer, name string, cases []T) {
	t.Helper()
	fmt.Fprintf(out, "\n%q: [", name)
	for i, c := range cases {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n")
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
	}
	out.WriteString("\n]")
}
