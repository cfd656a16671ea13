package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// history is n changes by two clients in turn.
func history(n int) []client.Change {
	var all []client.Change
	for i := range n {
		all = append(all, client.Change{
			Version: int64(i) + 1, AuthorID: "user", ClientID: "c" + strconv.Itoa(i%2), ClientSeq: int64(i/2) + 1,
			Ops: ot.Change{{Type: ot.Insert, Position: 0, Content: strconv.Itoa(i)}},
		})
	}
	return all
}

func ackedOf(changes []client.Change) map[identity]int64 {
	acked := map[identity]int64{}
	for _, v := range changes {
		acked[identity{v.ClientID, v.ClientSeq}] = v.Version
	}
	return acked
}

// saw is where a client stands who saw some changes in an order.
func saw(name string, changes []client.Change) finalState {
	entries := changeEntries(changes)
	if len(entries) == 0 {
		return finalState{client: name}
	}
	return finalState{name, entries[len(entries)-1].chain}
}

func TestCheck(t *testing.T) {
	good := history(6)
	without := func(i int) []client.Change { return slices.Delete(slices.Clone(good), i, i+1) }
	renumbered := func(changes []client.Change) []client.Change {
		changes = slices.Clone(changes)
		for i := range changes {
			changes[i].Version = int64(i) + 1
		}
		return changes
	}
	twice := renumbered(append(slices.Clone(good), good[2]))
	swapped := slices.Clone(good)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	swapped = renumbered(swapped)
	altered := slices.Clone(good)
	altered[4].Ops = ot.Change{{Type: ot.Insert, Position: 1, Content: "4"}}
	all := []finalState{saw("a", good), saw("b", good)}

	tests := []struct {
		name    string
		history []client.Change
		acked   map[identity]int64
		clients []finalState
		want    Findings
		says    string
	}{
		{"all is well", good, ackedOf(good), all, Findings{}, ""},
		{"nothing happened", nil, nil, []finalState{saw("a", nil)}, Findings{}, ""},
		{"committed but not acknowledged", good, ackedOf(good[:3]), all, Findings{}, ""},
		{"acknowledged but missing", renumbered(without(5)), ackedOf(good), []finalState{saw("a", renumbered(without(5)))}, Findings{Missing: 1}, "operation 3 of c1 was acknowledged at 6"},
		{"missing in the middle", without(2), ackedOf(without(2)), nil, Findings{Holes: 3}, "position 4 stands where 3 belongs"},
		{"acknowledged elsewhere", swapped, ackedOf(good), []finalState{saw("a", swapped)}, Findings{Missing: 2}, "was acknowledged at 3, the history has it at 4"},
		{"twice", twice, ackedOf(good), []finalState{saw("a", twice)}, Findings{Twice: 1}, "operation 2 of c0 stands at 3 and at 7"},
		{"a client saw another order", good, ackedOf(good), append(all, saw("late", swapped)), Findings{Differ: 1}, "client late saw another history up to 6"},
		{"a client saw another content", good, ackedOf(good), append(all, saw("x", altered)), Findings{Differ: 1}, "client x saw another history"},
		{"a client stopped", good, ackedOf(good), append(all, saw("slow", good[:4])), Findings{Behind: 1}, "client slow stopped at 4 of 6"},
		{"a client is beyond the history", good[:4], ackedOf(good[:4]), []finalState{saw("ahead", good)}, Findings{Differ: 1}, "client ahead saw another history up to 6"},
		{"a client saw one twice", good, ackedOf(good), []finalState{saw("b", twice)}, Findings{Differ: 1}, "up to 7"},
	}
	for _, tt := range tests {
		got := check("notes", changeEntries(tt.history), tt.acked, tt.clients)
		said := strings.Join(got.Sentences, "\n")
		if !strings.Contains(said, tt.says) || (tt.says == "" && said != "") {
			t.Errorf("%s: it says %q, want %q", tt.name, said, tt.says)
		}
		if got.right() != (tt.says == "") {
			t.Errorf("%s: right is %v", tt.name, got.right())
		}
		if got.Missing != tt.want.Missing || got.Twice != tt.want.Twice || got.Holes != tt.want.Holes || got.Behind != tt.want.Behind || got.Differ != tt.want.Differ {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestChunksAreCheckedByUtterance(t *testing.T) {
	chunks := []saidChunk{
		{1, client.Chunk{UtteranceID: "u-0-0", Text: "one"}},
		{2, client.Chunk{UtteranceID: "u-1-0", Text: "two"}},
		{3, client.Chunk{UtteranceID: "u-0-0", Text: "one"}},
	}
	acked := map[identity]int64{{"u-0-0", 0}: 0, {"u-1-0", 0}: 0, {"u-1-1", 0}: 0}
	got := check("transcript", chunkEntries(chunks), acked, nil)
	if got.Twice != 1 || got.Missing != 1 {
		t.Errorf("%+v, want one twice and one missing", got)
	}
}

func TestSentencesAreBounded(t *testing.T) {
	var f Findings
	for range 3 {
		findings := Findings{Differ: 100}
		for range 100 {
			findings.report("something")
		}
		f.add(findings)
	}
	if f.Differ != 300 || len(f.Sentences) != maxSentences {
		t.Errorf("%d differ in %d sentences", f.Differ, len(f.Sentences))
	}
}

func TestReplay(t *testing.T) {
	text, err := replay(history(3))
	if err != nil || text != "210" {
		t.Errorf("%q, %v", text, err)
	}
	bad := history(1)
	bad[0].Ops = ot.Change{{Type: ot.Delete, Position: 3, Length: 1}}
	if _, err := replay(bad); err == nil {
		t.Error("a change that doesn't fit was replayed")
	}
}

// What is composed always fits the text that it is for.
func TestComposedChangesFit(t *testing.T) {
	rng := seeded(t)
	text := ""
	for range 3000 {
		dice := make([]uint64, 1+rng.IntN(10))
		for i := range dice {
			dice[i] = rng.Uint64()
		}
		length := len([]rune(text))
		if length > 2000 {
			text, length = "", 0
		}
		var err error
		if text, err = ot.Apply(text, compose(dice, length)); err != nil {
			t.Fatalf("%d operations on %d code points: %v", len(dice), length, err)
		}
	}
}
