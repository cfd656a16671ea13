package ot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rapport/rapport/shared/core/ot"
)

var seed = flag.Uint64("seed", 0, "seed of the cross-check with ot-text-unicode; 0 takes a fresh one")

const oraclePairs = 100_000

// question and opinion are the lines that infra/oracle/oracle.mjs reads and
// writes.
type question struct {
	Doc       string    `json:"doc"`
	Committed ot.Change `json:"committed"`
	Change    ot.Change `json:"change"`
	Next      ot.Change `json:"next"`
}

type opinion struct {
	WantCommitted  ot.Change `json:"wantCommitted"`
	WantChange     ot.Change `json:"wantChange"`
	Composed       ot.Change `json:"composed"`
	CommittedFirst string    `json:"committedFirst"`
	ChangeFirst    string    `json:"changeFirst"`
}

// TestAgainstOtTextUnicode compares with the npm package on random pairs: the
// documents reached by either order, both transformed changes and the composed
// one, op by op. Nothing is left out of the comparison: version 4.0.0 keeps
// inserts and deletes in the order given, as the contract wants, and joins
// neighbours of one kind, so its normal form is ours.
func TestAgainstOtTextUnicode(t *testing.T) {
	node, folder := findOracle(t)
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("seed %d", start)
	d := seeded(start)
	var input bytes.Buffer
	questions := make([]question, oraclePairs)
	lines := json.NewEncoder(&input)
	for i := range questions {
		doc, committed, c := d.pair()
		questions[i] = question{doc, committed, c, d.change(runes(doc) + committed.Growth())}
		if err := lines.Encode(questions[i]); err != nil {
			t.Fatal(err)
		}
	}
	opinions := json.NewDecoder(askOracle(t, node, folder, &input))
	for i, q := range questions {
		var o opinion
		if err := opinions.Decode(&o); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		compareWith(t, q, o)
	}
	if _, err := opinions.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("more answers than questions: %v", err)
	}
}

func compareWith(t *testing.T, q question, o opinion) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the question was %+v", q)
		}
	}()
	committed2, c2, err := ot.TransformPair(q.Committed, q.Change)
	if err != nil {
		t.Fatalf("TransformPair(%v, %v): %v", q.Committed, q.Change, err)
	}
	if got := apply(t, apply(t, q.Doc, q.Committed), c2); got != o.CommittedFirst {
		t.Fatalf("committed first: got %q, the oracle has %q", got, o.CommittedFirst)
	}
	if got := apply(t, apply(t, q.Doc, q.Change), committed2); got != o.ChangeFirst {
		t.Fatalf("change first: got %q, the oracle has %q", got, o.ChangeFirst)
	}
	same(t, "committed after the other, and the oracle's", committed2, o.WantCommitted)
	same(t, "the other after committed, and the oracle's", c2, o.WantChange)
	same(t, "composed, and the oracle's", compose(t, q.Committed, q.Next), o.Composed)
}

// findOracle returns the Node program and the folder of the oracle; it skips the
// test where Node or the package is not installed.
func findOracle(t *testing.T) (node, folder string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("Node is not installed: %v", err)
	}
	folder = filepath.Join("..", "..", "infra", "oracle")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "ot-text-unicode")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("ot-text-unicode is not installed: run `npm ci` in infra/oracle")
	}
	return node, folder
}

// askOracle feeds input to one process of the oracle and returns what it writes.
func askOracle(t *testing.T, node, folder string, input io.Reader) io.Reader {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), node, "oracle.mjs")
	var complaints bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = folder, input, &complaints
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle: %v\n%s", err, &complaints)
	}
	return bytes.NewReader(output)
}
