package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rapport/rapport/infra/batch"
	"github.com/rapport/rapport/infra/client"
)

// meeting is one meeting of the fleet.
type meeting struct {
	index  int
	id     string
	people []*person
	// ready is set when all its people are there.
	ready atomic.Bool
}

func (m *meeting) notesTopic() string      { return "meetings/" + m.id + "/notes" }
func (m *meeting) transcriptTopic() string { return "meetings/" + m.id + "/transcript" }
func (m *meeting) stateTopic() string      { return "meetings/" + m.id }

// person is a light client: it follows its meeting's topics and writes without
// holding the text.
type person struct {
	client.NoObserver
	fleet    *fleet
	index    int
	name     string
	meeting  *meeting
	client   *client.Client
	clientID string
	line     *client.Connection
	notes    *client.Follow
	speech   *client.Follow
	state    *client.Follow

	// slow takes what is typed now and then, fast what is typed fast; writing
	// keeps it at one change in flight.
	slow, fast *batch.Processor[typed]
	writing    sync.Mutex
	speaker    *client.TranscriptWriter
	// there is set when everything above is.
	there atomic.Bool

	mu sync.Mutex
	// changes and chunks are what was seen, in order; length is the text's in
	// code points at changes.Position.
	changes chain
	chunks  chain
	length  int
	// sent are the changes by clientSeq-1, spoken the chunks by number.
	sent   []change
	spoken []chunk
	// frames to this client, by topic.
	noteFrames, chunkFrames, stateFrames frameWindow
	rng                                  *rand.Rand
	beat                                 int64
	// typed are when the last operations came.
	typed [client.FastEdits]time.Time
}

// change is one that was sent: when its operations were due, and the version
// that it was acknowledged with, 0 while it isn't.
type change struct {
	due      []time.Time
	measured bool
	version  int64
}

// chunk is one that was said.
type chunk struct {
	due      time.Time
	measured bool
	acked    bool
}

// open makes the person's line and follows the meeting, from its beginning.
func (p *person) open(ctx context.Context) error {
	c := p.fleet
	p.line = p.client.NewConnection(client.ConnectionOptions{Observer: p, Pause: func(attempt int) time.Duration {
		if pause := c.pause.Load(); pause != nil {
			return (*pause)(attempt)
		}
		return client.Jitter(attempt)
	}})
	broken := func(err error) { c.tally.fail("follow", err); c.report("client %s: %v", p.clientID, err) }
	p.notes = p.line.Follow(p.meeting.notesTopic(), client.FollowOptions{Event: p.noteEvent, Refused: broken})
	if c.scenario.Transcripts > 0 {
		p.speech = p.line.Follow(p.meeting.transcriptTopic(), client.FollowOptions{Event: p.chunkEvent, Refused: broken})
	}
	p.state = p.line.Follow(p.meeting.stateTopic(), client.FollowOptions{State: true, Refused: broken, Event: func(client.Event, time.Time) {}})
	p.slow = batch.New(ctx, batch.Options{Max: typingEdits, Queue: maxWaiting}, p.write)
	p.fast = batch.New(ctx, batch.Options{Max: typingEdits, Wait: typingWindow, Queue: maxWaiting}, p.write)
	p.speaker = p.client.NewTranscriptWriter(ctx, p.meeting.id, p.said)
	if err := p.line.Start(ctx); err != nil {
		return err
	}
	p.there.Store(true)
	return nil
}

// noteEvent takes a committed change in order.
func (p *person) noteEvent(e client.Event, received time.Time) {
	v, err := decode[client.Change](e.Data)
	if err != nil || e.Omitted || v.Version != e.Position {
		p.fleet.report("client %s: event %d of the notes can't be read: %v", p.clientID, e.Position, err)
	}
	p.mu.Lock()
	p.changes = p.changes.change(v)
	p.length += v.Ops.Growth()
	p.mu.Unlock()
	author := p.fleet.byClient[v.ClientID]
	if author == nil || author == p {
		return
	}
	if sent, ok := author.sentChange(v.ClientSeq); ok {
		for _, due := range sent.due {
			p.fleet.tally.noteDelivery.add(since(due, received), sent.measured)
			if sent.measured {
				p.fleet.tally.delivered[noteOp].Add(1)
			}
		}
	}
}

func (p *person) sentChange(seq int64) (change, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq < 1 || seq > int64(len(p.sent)) {
		return change{}, false
	}
	return p.sent[seq-1], true
}

// chunkEvent takes a chunk of the transcript in order.
func (p *person) chunkEvent(e client.Event, received time.Time) {
	v, err := decode[client.Chunk](e.Data)
	if err != nil {
		p.fleet.report("client %s: event %d of the transcript can't be read: %v", p.clientID, e.Position, err)
	}
	p.mu.Lock()
	p.chunks = p.chunks.chunk(e.Position, v)
	p.mu.Unlock()
	author, number, ok := p.fleet.utterance(v.UtteranceID)
	if !ok || author == p {
		return
	}
	author.mu.Lock()
	said := author.spoken[number]
	author.mu.Unlock()
	p.fleet.tally.transcriptDelivery.add(since(said.due, received), said.measured)
	if said.measured {
		p.fleet.tally.delivered[transcriptOp].Add(1)
	}
}

// Frame implements client.Observer.
func (p *person) Frame(f *client.Frame, replay bool) {
	t := p.fleet.tally
	measuring := t.measuring.Load()
	t.received.add(units(len(f.Raw)), measuring)
	t.bytesIn.add(int64(len(f.Raw)), measuring)
	name := f.Type
	if replay {
		name = "replay"
	}
	t.frame(name)
	switch {
	case f.Type == "error" && f.ID == "":
		t.fail("frame", &client.Refused{Code: string(f.Code), Detail: f.Detail})
	case replay || (f.Type != "event" && f.Type != "head"):
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch f.Topic {
	case p.meeting.notesTopic():
		p.noteFrames.add(f.Received)
	case p.meeting.transcriptTopic():
		p.chunkFrames.add(f.Received)
	case p.meeting.stateTopic():
		p.stateFrames.add(f.Received)
	}
}

// Asked implements client.Observer.
func (p *person) Asked(_ string, bytes int, again bool) {
	t := p.fleet.tally
	t.sent.add(units(bytes), t.measuring.Load())
	t.bytesOut.add(int64(bytes), t.measuring.Load())
	if again {
		t.again.Add(1)
	}
}

// Opened implements client.Observer.
func (p *person) Opened(took time.Duration, moved bool) {
	t := p.fleet.tally
	t.opened.Add(1)
	if moved {
		t.moved.Add(1)
	} else {
		t.sockets.Add(1)
	}
	t.opening.add(took, true)
	if returned := p.fleet.returned.Load(); returned != nil {
		(*returned)(p)
	}
	if greet := p.fleet.greets.Load(); greet != nil {
		(*greet)(p)
	}
}

// Lost implements client.Observer.
func (p *person) Lost() {
	p.fleet.tally.lost.Add(1)
	p.fleet.tally.sockets.Add(-1)
}

// Trouble implements client.Observer.
func (p *person) Trouble(doing string, err error) { p.fleet.tally.fail(doing, err) }

// Subscribed implements client.Observer.
func (p *person) Subscribed(_ string, took time.Duration) { p.fleet.tally.subscribing.add(took, true) }

// present says that the person is there.
func (p *person) present(ctx context.Context) {
	p.mu.Lock()
	p.beat++
	frame := map[string]any{
		"action": "presence", "topic": p.meeting.stateTopic(), "clientId": p.clientID, "seq": p.beat, "status": "active",
	}
	p.mu.Unlock()
	if err := p.line.Send(ctx, frame); err != nil && ctx.Err() == nil {
		p.fleet.tally.fail("presence", err)
	}
}

func clientID(index int) string { return fmt.Sprintf("load-%d", index) }
