package main

import (
	"fmt"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// identity is what a client gave an operation, which must stand once.
type identity struct {
	person string
	seq    int64
}

// entry is one of a topic's history: where it stands, who made it, and the
// chain up to it.
type entry struct {
	position int64
	id       identity
	chain    chain
}

// finalState is where a client stood at the end.
type finalState struct {
	client string
	chain  chain
}

// Findings are what is wrong, in numbers and in a bounded list of sentences.
type Findings struct {
	// Topics were checked, Entries in them, Acked operations and the Clients that
	// were compared.
	Topics  int64 `json:"topics"`
	Entries int64 `json:"entries"`
	Acked   int64 `json:"acked"`
	Clients int64 `json:"clients"`
	Texts   int64 `json:"texts"`

	// Missing are acknowledged operations that the history lacks or has
	// elsewhere, Twice identities that stand more than once, Holes positions that
	// are not those after the one before, Behind clients that never caught up,
	// Differ clients that saw another history, TextsDiffer texts.
	Missing     int64    `json:"missing"`
	Twice       int64    `json:"twice"`
	Holes       int64    `json:"holes"`
	Behind      int64    `json:"behind"`
	Differ      int64    `json:"differ"`
	TextsDiffer int64    `json:"textsDiffer"`
	Unread      int64    `json:"unread"`
	Sentences   []string `json:"sentences,omitempty"`
}

// maxSentences bounds the list.
const maxSentences = 40

func (f *Findings) report(format string, args ...any) {
	if len(f.Sentences) < maxSentences {
		f.Sentences = append(f.Sentences, fmt.Sprintf(format, args...))
	}
}

func (f *Findings) add(o Findings) {
	f.Topics += o.Topics
	f.Entries += o.Entries
	f.Acked += o.Acked
	f.Clients += o.Clients
	f.Texts += o.Texts
	f.Missing += o.Missing
	f.Twice += o.Twice
	f.Holes += o.Holes
	f.Behind += o.Behind
	f.Differ += o.Differ
	f.TextsDiffer += o.TextsDiffer
	f.Unread += o.Unread
	for _, sentence := range o.Sentences {
		f.report("%s", sentence)
	}
}

// right reports whether everything that was acknowledged stands exactly once and
// all agree.
func (f *Findings) right() bool {
	return f.Missing+f.Twice+f.Holes+f.Behind+f.Differ+f.TextsDiffer+f.Unread == 0
}

// check compares a topic's history, as the API has it, with what was
// acknowledged (identity to position; 0 where the position isn't known) and with
// what the clients saw.
func check(topic string, history []entry, acked map[identity]int64, clients []finalState) Findings {
	f := Findings{Topics: 1, Entries: int64(len(history)), Acked: int64(len(acked)), Clients: int64(len(clients))}
	stands := make(map[identity]int64, len(history))
	chains := make(map[int64]chain, len(history)+1)
	chains[0] = chain{}
	for i, e := range history {
		if want := int64(i) + 1; e.position != want {
			f.Holes++
			f.report("%s: position %d stands where %d belongs", topic, e.position, want)
		}
		if before, twice := stands[e.id]; twice && e.id != (identity{}) {
			f.Twice++
			f.report("%s: operation %d of %s stands at %d and at %d", topic, e.id.seq, e.id.person, before, e.position)
		} else {
			stands[e.id] = e.position
		}
		chains[e.position] = e.chain
	}
	for id, position := range acked {
		at, there := stands[id]
		if !there || (position > 0 && at != position) {
			f.Missing++
			f.report("%s: operation %d of %s was acknowledged at %d, the history has it at %d (0: nowhere)", topic, id.seq, id.person, position, at)
		}
	}
	newest := int64(len(history))
	for _, c := range clients {
		switch known, ok := chains[c.chain.Position]; {
		case !ok || known.Sum != c.chain.Sum:
			f.Differ++
			f.report("%s: client %s saw another history up to %d", topic, c.client, c.chain.Position)
		case c.chain.Position < newest:
			f.Behind++
			f.report("%s: client %s stopped at %d of %d", topic, c.client, c.chain.Position, newest)
		}
	}
	return f
}

// changeEntries are the entries of the notes' history.
func changeEntries(changes []client.Change) []entry {
	entries := make([]entry, len(changes))
	var c chain
	for i, v := range changes {
		c = c.change(v)
		entries[i] = entry{position: v.Version, id: identity{v.ClientID, v.ClientSeq}, chain: c}
	}
	return entries
}

// saidChunk is a chunk at its position, as the API has it.
type saidChunk struct {
	Position int64 `json:"position"`
	client.Chunk
}

// chunkEntries are the entries of the transcript's history.
func chunkEntries(chunks []saidChunk) []entry {
	entries := make([]entry, len(chunks))
	var c chain
	for i, v := range chunks {
		c = c.chunk(v.Position, v.Chunk)
		entries[i] = entry{position: v.Position, id: identity{v.UtteranceID, 0}, chain: c}
	}
	return entries
}

// replay rebuilds the text from the history.
func replay(changes []client.Change) (string, error) {
	text := ""
	for _, v := range changes {
		var err error
		if text, err = ot.Apply(text, v.Ops); err != nil {
			return "", fmt.Errorf("version %d: %w", v.Version, err)
		}
	}
	return text, nil
}
