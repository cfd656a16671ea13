package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

const (
	// typingWindow and typingEdits bound what a client sends together when its
	// person types fast, as real sessions do.
	typingWindow = client.TypingWindow
	typingEdits  = client.TypingEdits
	// maxWaiting bounds the operations of one client that wait to be sent.
	maxWaiting = 100_000
	// longText is the length from which on clients delete more than they write.
	longText = 20_000
)

// typed is one note operation that is due.
type typed struct {
	due      time.Time
	measured bool
	dice     uint64
}

// typeSoon puts an operation on its way: at once, or with others where the
// person types fast.
func (p *person) typeSoon(ctx context.Context, item typed) {
	p.mu.Lock()
	fast := client.Fast(&p.typed, time.Now())
	p.mu.Unlock()
	way := p.slow
	if fast {
		way = p.fast
	}
	if _, err := way.Put(ctx, item); err != nil && ctx.Err() == nil {
		p.fleet.tally.fail("edit", err)
	}
}

// write sends what was typed as one change, and again, byte for byte, until it
// is answered.
func (p *person) write(ctx context.Context, items []typed) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	t := p.fleet.tally
	sent := change{measured: items[0].measured}
	dice := make([]uint64, len(items))
	for i, item := range items {
		sent.due = append(sent.due, item.due)
		dice[i] = item.dice
	}
	p.mu.Lock()
	p.sent = append(p.sent, sent)
	seq := int64(len(p.sent))
	base, ops := p.changes.Position, compose(dice, p.length)
	p.mu.Unlock()
	asked := time.Now()
	answer, err := p.line.Ask(ctx, map[string]any{
		"action": "edit", "meetingId": p.meeting.id, "baseVersion": base,
		"clientId": p.clientID, "clientSeq": seq, "ops": ops,
	})
	now := time.Now()
	if err != nil {
		t.refused[noteOp].Add(int64(len(items)))
		t.fail("edit refused:", err)
		return err
	}
	p.mu.Lock()
	p.sent[seq-1].version = answer.Version
	p.mu.Unlock()
	t.acked[noteOp].Add(int64(len(items)))
	t.noteAnswer.add(since(asked, now), items[0].measured)
	for _, item := range items {
		t.noteAck.add(since(item.due, now), item.measured)
		if item.measured {
			t.expected[noteOp].Add(int64(len(p.meeting.people) - 1))
		}
	}
	p.notes.Known(answer.Version, answer.Epoch)
	return nil
}

// compose makes one change of several operations, each a word somewhere in a
// text of the given length; now and then, or where the text is long, one alone
// deletes a little.
func compose(dice []uint64, length int) ot.Change {
	first := rand.New(rand.NewPCG(dice[0], 1))
	if share := first.Float64(); length > 100 && (share < 0.15 || (length > longText && share < 0.6)) {
		n := 1 + first.IntN(16)
		return ot.Change{{Type: ot.Delete, Position: first.IntN(length - n + 1), Length: n}}
	}
	var ops ot.Change
	for _, d := range dice {
		rng := rand.New(rand.NewPCG(d, 2))
		ops = append(ops, ot.Op{Type: ot.Insert, Position: rng.IntN(length + 1), Content: word(rng)})
	}
	slices.SortStableFunc(ops, func(a, b ot.Op) int { return a.Position - b.Position })
	return ops
}

// word is 2 to 11 letters and a space; one in sixteen is an emoji, which is more
// than one UTF-16 unit.
func word(rng *rand.Rand) string {
	if rng.IntN(16) == 0 {
		return "😀 "
	}
	var w strings.Builder
	for range 2 + rng.IntN(10) {
		w.WriteByte('a' + byte(rng.IntN(26)))
	}
	w.WriteByte(' ')
	return w.String()
}

// say puts a chunk of speech on its way.
func (p *person) say(ctx context.Context, due time.Time, measured bool, dice uint64) {
	rng := rand.New(rand.NewPCG(dice, 3))
	var text strings.Builder
	for range 3 + rng.IntN(8) {
		text.WriteString(word(rng))
	}
	p.mu.Lock()
	number := len(p.spoken)
	p.spoken = append(p.spoken, chunk{due: due, measured: measured})
	p.mu.Unlock()
	start := int64(number) * 1500
	err := p.speaker.Say(ctx, client.Chunk{
		SpeakerID: p.client.UserID, Text: strings.TrimSpace(text.String()), Confidence: 0.5 + float64(rng.IntN(500))/1000,
		StartMS: start, EndMS: start + 1400, IsFinal: true,
		UtteranceID: utteranceID(p.index, number), Language: "en",
	})
	if err != nil && ctx.Err() == nil {
		p.fleet.tally.fail("transcript", err)
	}
}

// utteranceID names a chunk by who said it and which of theirs it is.
func utteranceID(who, number int) string {
	return "u-" + strconv.Itoa(who) + "-" + strconv.Itoa(number)
}

// said hears what became of chunks.
func (p *person) said(chunks []client.Chunk, answer client.Spoken, err error) {
	now := time.Now()
	t := p.fleet.tally
	if err != nil {
		t.refused[transcriptOp].Add(int64(len(chunks)))
		t.fail("transcript refused:", err)
		return
	}
	t.acked[transcriptOp].Add(int64(len(chunks)))
	for _, c := range chunks {
		_, number, ok := p.fleet.utterance(c.UtteranceID)
		if !ok {
			continue
		}
		p.mu.Lock()
		p.spoken[number].acked = true
		said := p.spoken[number]
		p.mu.Unlock()
		t.transcriptAck.add(since(said.due, now), said.measured)
		if said.measured {
			t.expected[transcriptOp].Add(int64(len(p.meeting.people) - 1))
		}
	}
	p.speech.Known(answer.LastPosition, answer.Epoch)
}
