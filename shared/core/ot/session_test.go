package ot_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rapport/rapport/shared/core/ot"
)

// TestConvergence runs sessions of some clients around one server, in every
// order that a schedule rolls: each client keeps one change in flight, composes
// the rest, and transforms what the server commits (the scheme of Jupiter).
// Every character typed is another one, so that afterwards it can be said of
// each whether it must be there.
func TestConvergence(t *testing.T) {
	for seed := range uint64(1000) {
		seedHolds(t, seed, session)
	}
	rapid.Check(t, func(t *rapid.T) { session(t, drawn(t)) })
}

func session(t rapid.TB, d dice) {
	const start = "the notes"
	s := &server{doc: start, lengths: []int{runes(start)}}
	clients := make([]*client, 2+d(4))
	for i := range clients {
		clients[i] = &client{id: i, doc: start}
	}
	typed, removed := map[rune]bool{}, map[rune]bool{}
	for range 60 {
		c := clients[d(len(clients))]
		switch d(3) {
		case 0:
			c.edit(t, d.unique(c.doc, typed, removed))
		case 1:
			s.receive(t, c)
		case 2:
			c.follow(t, s)
		}
	}
	settle(t, s, clients)

	replayed := start
	for _, e := range s.log {
		replayed = apply(t, replayed, e.change)
	}
	if replayed != s.doc {
		t.Fatalf("the history gives %q, the server has %q", replayed, s.doc)
	}
	for _, c := range clients {
		if c.doc != s.doc {
			t.Fatalf("client %d has %q, the server %q", c.id, c.doc, s.doc)
		}
	}
	seen := map[rune]int{}
	for _, r := range s.doc {
		seen[r]++
	}
	for r := range typed {
		want := 1
		if removed[r] {
			want = 0
		}
		if seen[r] != want {
			t.Fatalf("%q is there %d times, want %d (removed: %v)", r, seen[r], want, removed[r])
		}
	}
}

// unique returns a change to doc, which it rolls, with characters that nobody
// has typed, and notes what it types and removes.
func (d dice) unique(doc string, typed, removed map[rune]bool) ot.Change {
	characters := []rune(doc)
	c := d.change(len(characters))
	for i, op := range c {
		switch op.Type {
		case ot.Insert:
			content := []rune(op.Content)
			for j := range content {
				content[j] = rune(0xF0000 + len(typed)) // for private use, above the basic plane
				typed[content[j]] = true
			}
			c[i].Content = string(content)
		case ot.Delete:
			for _, r := range characters[op.Position : op.Position+op.Length] {
				removed[r] = true
			}
		}
	}
	return c
}

// settle lets everything that is under way arrive.
func settle(t rapid.TB, s *server, clients []*client) {
	for busy := true; busy; {
		busy = false
		for _, c := range clients {
			busy = s.receive(t, c) || busy
			busy = c.follow(t, s) || busy
		}
	}
}

type entry struct {
	author int
	change ot.Change
}

// server commits changes in the order in which they come. It holds the document
// for the test alone: what it decides needs only the lengths.
type server struct {
	doc     string
	log     []entry
	lengths []int // after each version, from 0
}

// receive takes what c has sent and reports whether there was anything.
func (s *server) receive(t rapid.TB, c *client) bool {
	if !c.sent {
		return false
	}
	c.sent = false
	if err := c.asSent.Validate(s.lengths[c.base]); err != nil {
		t.Fatalf("client %d sent %v for version %d: %v", c.id, c.asSent, c.base, err)
	}
	var committed []ot.Change
	for _, e := range s.log[c.base:] {
		committed = append(committed, e.change)
	}
	change, err := ot.TransformAgainst(committed, c.asSent)
	if err != nil {
		t.Fatal(err)
	}
	s.doc = apply(t, s.doc, change)
	s.log = append(s.log, entry{c.id, change})
	s.lengths = append(s.lengths, s.lengths[len(s.lengths)-1]+change.Growth())
	return true
}

// client shows its edits at once.
type client struct {
	id       int
	doc      string
	version  int       // of the history that it has followed
	inFlight ot.Change // transformed as others commit; nil when none is
	asSent   ot.Change
	base     int  // the version that asSent was made for
	sent     bool // and not received yet
	pending  ot.Change
}

func (c *client) edit(t rapid.TB, change ot.Change) {
	c.doc = apply(t, c.doc, change)
	c.pending = compose(t, c.pending, change)
	c.send()
}

func (c *client) send() {
	effect := slices.ContainsFunc(c.pending, func(op ot.Op) bool { return op.Type != ot.Retain })
	if c.inFlight != nil || !effect {
		return
	}
	c.inFlight, c.asSent, c.base, c.sent = c.pending, slices.Clone(c.pending), c.version, true
	c.pending = nil
}

// follow takes the next committed change and reports whether there was one.
func (c *client) follow(t rapid.TB, s *server) bool {
	if c.version == len(s.log) {
		return false
	}
	e := s.log[c.version]
	c.version++
	if e.author == c.id {
		same(t, "the change in flight and as committed", e.change, c.inFlight)
		c.inFlight = nil
		c.send()
		return true
	}
	incoming := e.change
	var err error
	if c.inFlight != nil {
		if incoming, c.inFlight, err = ot.TransformPair(incoming, c.inFlight); err != nil {
			t.Fatal(err)
		}
	}
	if incoming, c.pending, err = ot.TransformPair(incoming, c.pending); err != nil {
		t.Fatal(err)
	}
	c.doc = apply(t, c.doc, incoming)
	return true
}
