package main

import (
	"encoding/binary"
	"encoding/json"
	"hash"
	"hash/fnv"
	"io"
	"math"

	"github.com/rapport/rapport/infra/client"
)

// chain is a running hash over a topic's entries in order: two that have the
// same sum at the same position have seen the same entries in the same order.
type chain struct {
	Position int64
	Sum      [16]byte
}

// link is an entry's content, in the terms that every way of reading it agrees
// on.
type link struct {
	h hash.Hash
}

func newLink(before chain, position int64) link {
	l := link{fnv.New128a()}
	l.h.Write(before.Sum[:])
	return l.number(position)
}

func (l link) number(n int64) link {
	var raw [8]byte
	binary.LittleEndian.PutUint64(raw[:], uint64(n))
	l.h.Write(raw[:])
	return l
}

func (l link) text(s string) link {
	l.number(int64(len(s)))
	_, _ = io.WriteString(l.h, s) // a hash takes everything
	return l
}

func (l link) end(position int64) chain {
	c := chain{Position: position}
	l.h.Sum(c.Sum[:0])
	return c
}

// change adds a committed change of the notes.
func (c chain) change(v client.Change) chain {
	l := newLink(c, v.Version).text(v.AuthorID).text(v.ClientID).number(v.ClientSeq).number(int64(len(v.Ops)))
	for _, op := range v.Ops {
		l.text(string(op.Type)).number(int64(op.Position)).number(int64(op.Length)).text(op.Content)
	}
	return l.end(v.Version)
}

// chunk adds a chunk of the transcript.
func (c chain) chunk(position int64, v client.Chunk) chain {
	final := int64(0)
	if v.IsFinal {
		final = 1
	}
	return newLink(c, position).text(v.UtteranceID).text(v.SpeakerID).text(v.Text).text(v.Language).
		number(v.StartMS).number(v.EndMS).number(final).number(int64(math.Float64bits(v.Confidence))).end(position)
}

// decode reads an event's data.
func decode[T any](data json.RawMessage) (T, error) {
	var v T
	err := json.Unmarshal(data, &v)
	return v, err
}
