package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/ot"
)

// Change is a committed change to notes.
type Change struct {
	Version   int64     `json:"version"`
	AuthorID  string    `json:"authorId"`
	ClientID  string    `json:"clientId"`
	ClientSeq int64     `json:"clientSeq"`
	Ops       ot.Change `json:"ops"`
}

// sent is the change in flight: as it was first sent, which a retry repeats
// exactly, and as it stands after what was committed meanwhile.
type sent struct {
	base  int64
	seq   int64
	first ot.Change
	now   ot.Change
	// acked is the version that the server gave it, 0 while unknown.
	acked int64
}

// Notes edits a meeting's notes over a socket that comes back by itself: one
// change in flight, the rest composed, missing events replayed.
type Notes struct {
	client    *Client
	meetingID string
	topic     string
	clientID  string
	refused   func(error)

	mu       sync.Mutex
	version  int64
	base     string // the text at version
	text     string // with what is in flight and pending
	flight   *sent
	pending  ot.Change
	seq      int64
	acked    map[int64]int64 // by sequence number: the version it got
	socket   *Socket
	wake     chan struct{}
	received time.Time
	hashed   Frame // the newest head that had a hash
}

// OpenNotes opens a session that runs until ctx ends. refused hears of an edit
// that the server refused for good; the session stops sending then.
func (c *Client) OpenNotes(ctx context.Context, meetingID string, refused func(error)) (*Notes, error) {
	n := &Notes{
		client: c, meetingID: meetingID, topic: "meetings/" + meetingID + "/notes", clientID: rand.Text(),
		refused: refused, acked: map[int64]int64{}, wake: make(chan struct{}, 1),
	}
	var text struct {
		Version int64  `json:"version"`
		Content string `json:"content"`
	}
	if err := c.Do(ctx, http.MethodGet, "/v1/meetings/"+meetingID+"/notes", nil, &text); err != nil {
		return nil, err
	}
	n.version, n.base, n.text = text.Version, text.Content, text.Content
	go n.run(ctx)
	return n, nil
}

// State is the text as the person sees it, the version below it, and whether
// everything is committed and known.
func (n *Notes) State() (text string, version int64, settled bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text, n.version, n.flight == nil && len(n.pending) == 0
}

// Acked are the acknowledged changes: sequence number to version.
func (n *Notes) Acked() (clientID string, versions map[int64]int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	copied := make(map[int64]int64, len(n.acked))
	for seq, version := range n.acked {
		copied[seq] = version
	}
	return n.clientID, copied
}

// Hashed gives the version and hash of the newest head that had one.
func (n *Notes) Hashed() (version int64, hash string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hashed.Position, n.hashed.Hash
}

// Edit applies a change to the local text at once, made by f from the text as
// it is, and sends it as soon as it may.
func (n *Notes) Edit(f func(text string) ot.Change) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	change := f(n.text)
	text, err := ot.Apply(n.text, change)
	if err != nil {
		return err
	}
	if n.pending, err = ot.Compose(n.pending, change); err != nil {
		return err
	}
	n.text = text
	n.nudge()
	return nil
}

// Cut loses the socket, if there is one.
func (n *Notes) Cut() {
	n.mu.Lock()
	socket := n.socket
	n.mu.Unlock()
	if socket != nil {
		socket.Cut()
	}
}

func (n *Notes) nudge() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run keeps a socket and sends over it.
func (n *Notes) run(ctx context.Context) {
	const pause = 50 * time.Millisecond
	for wait := pause; ctx.Err() == nil; wait = min(2*wait, time.Second) {
		if err := n.connected(ctx); err == nil {
			wait = pause
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// connected serves one socket until it is cut; nil if it had served.
func (n *Notes) connected(ctx context.Context) error {
	socket, err := n.client.Open(ctx, n.handle)
	if err != nil {
		return err
	}
	defer socket.Cut()
	n.mu.Lock()
	n.socket = socket
	n.mu.Unlock()
	if err := n.subscribe(ctx, socket); err != nil {
		return err
	}
	for {
		change := n.take()
		if change != nil {
			if err := n.send(ctx, socket, change); err != nil {
				return nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-socket.Done():
			return nil
		case <-n.wake:
			if n.behind() {
				if err := n.subscribe(ctx, socket); err != nil {
					return nil
				}
			}
		}
	}
}

// behind tells whether an acknowledged change hasn't been seen as an event for
// half a second.
func (n *Notes) behind() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.flight != nil && n.flight.acked > n.version && time.Since(n.received) > 500*time.Millisecond
}

func (n *Notes) subscribe(ctx context.Context, socket *Socket) error {
	n.mu.Lock()
	from := n.version
	n.received = time.Now()
	n.mu.Unlock()
	_, err := socket.Ask(ctx, map[string]any{"action": "subscribe", "topic": n.topic, "from": from})
	if refused, ok := errors.AsType[*Refused](err); ok && !refused.Again() {
		n.refused(fmt.Errorf("subscribe from %d: %w", from, err))
	}
	return err
}

// take gives the change to send: the one in flight unless it was acknowledged,
// or the pending one, which is then in flight.
func (n *Notes) take() *sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.flight != nil {
		if n.flight.acked > 0 {
			time.AfterFunc(500*time.Millisecond, n.nudge)
			return nil
		}
		return n.flight
	}
	if len(n.pending) == 0 {
		return nil
	}
	n.seq++
	n.flight = &sent{base: n.version, seq: n.seq, first: n.pending, now: n.pending}
	n.pending = nil
	return n.flight
}

func (n *Notes) send(ctx context.Context, socket *Socket, change *sent) error {
	frame, err := socket.Ask(ctx, map[string]any{
		"action": "edit", "meetingId": n.meetingID, "baseVersion": change.base,
		"clientId": n.clientID, "clientSeq": change.seq, "ops": change.first,
	})
	if refused, ok := errors.AsType[*Refused](err); ok && refused.Again() {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	}
	if ok := errors.As(err, new(*Refused)); ok {
		n.refused(fmt.Errorf("change %d of %s: %w", change.seq, n.clientID, err))
		return err
	}
	if err != nil {
		return err
	}
	return n.acknowledged(change, frame)
}

func (n *Notes) acknowledged(change *sent, frame Frame) error {
	var ops ot.Change
	if err := json.Unmarshal(frame.Ops, &ops); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acked[change.seq] = frame.Version
	if n.flight != change {
		return nil // its event was here first
	}
	change.acked = frame.Version
	if frame.Version != n.version+1 {
		return nil // what lies between is still to come
	}
	return n.confirm(Change{Version: frame.Version, Ops: ops})
}

// handle takes what comes unasked.
func (n *Notes) handle(frame Frame) {
	if frame.Topic != n.topic {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch frame.Type {
	case "event":
		for _, event := range frame.Events {
			if err := n.event(event); err != nil {
				n.refused(fmt.Errorf("event %d: %w", event.Position, err))
				return
			}
		}
	case "head":
		if frame.Hash != "" {
			n.hashed = frame
		}
		if frame.Position > n.version {
			n.resubscribe()
		}
	}
}

// resubscribe asks again from the own version, half a second after the last
// event.
func (n *Notes) resubscribe() {
	socket := n.socket
	from := n.version
	time.AfterFunc(500*time.Millisecond, func() {
		n.mu.Lock()
		stale := n.version > from || n.socket != socket
		n.mu.Unlock()
		if stale || socket == nil {
			return
		}
		if n.subscribe(context.Background(), socket) != nil {
			socket.Cut()
		}
	})
}

func (n *Notes) event(event Event) error {
	if event.Position <= n.version {
		return nil
	}
	if event.Position > n.version+1 {
		n.resubscribe()
		return nil
	}
	var change Change
	if err := json.Unmarshal(event.Data, &change); err != nil {
		return err
	}
	n.received = time.Now()
	mine := n.flight != nil && change.AuthorID == n.client.UserID && change.ClientID == n.clientID && change.ClientSeq == n.flight.seq
	if mine {
		n.acked[n.flight.seq] = change.Version
		return n.confirm(change)
	}
	return n.remote(change)
}

// confirm moves the change in flight into the confirmed text.
func (n *Notes) confirm(change Change) error {
	base, err := ot.Apply(n.base, change.Ops)
	if err != nil {
		return err
	}
	n.base, n.version, n.flight = base, change.Version, nil
	n.nudge()
	return nil
}

// remote puts another's change below what is in flight and pending.
func (n *Notes) remote(change Change) error {
	base, err := ot.Apply(n.base, change.Ops)
	if err != nil {
		return err
	}
	theirs := change.Ops
	if n.flight != nil {
		if theirs, n.flight.now, err = ot.TransformPair(theirs, n.flight.now); err != nil {
			return err
		}
	}
	if len(n.pending) > 0 {
		if theirs, n.pending, err = ot.TransformPair(theirs, n.pending); err != nil {
			return err
		}
	}
	text, err := ot.Apply(n.text, theirs)
	if err != nil {
		return err
	}
	n.base, n.text, n.version = base, text, change.Version
	n.nudge()
	return nil
}
