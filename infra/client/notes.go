package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/ot"
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
	epoch string
	seq   int64
	first ot.Change
	now   ot.Change
}

// Somebody types fast who makes FastEdits edits within FastWithin. What is typed
// fast is sent together: within TypingWindow, TypingEdits at most. Who types
// slower waits for nothing but the change in flight.
const (
	TypingWindow = 250 * time.Millisecond
	TypingEdits  = 10
	FastEdits    = 4
	FastWithin   = time.Second
)

// Fast takes note of an edit and reports whether it is one of somebody who types
// fast. last are the times of the edits before it, which it changes.
func Fast(last *[FastEdits]time.Time, now time.Time) bool {
	copy(last[:], last[1:])
	last[FastEdits-1] = now
	return now.Sub(last[0]) < FastWithin
}

// Notes edits a meeting's notes over a line: one change in flight, the rest
// composed.
type Notes struct {
	client    *Client
	meetingID string
	clientID  string
	refused   func(error)
	line      *Connection
	follow    *Follow

	mu      sync.Mutex
	version int64
	epoch   string // what version belongs to
	base    string // the text at version
	text    string // with what is in flight and pending
	flight  *sent
	pending ot.Change
	// edits is how many edits are pending.
	edits int
	last  time.Time // when the last change was sent
	typed [FastEdits]time.Time
	fast  bool
	seq   int64
	acked map[int64]int64 // by sequence number: the version it got
	wake  chan struct{}
	// hashed is the newest head that had a hash.
	hashed   string
	hashedAt int64
	broken   bool
	// restoring is true while the text is read anew after a restore, and left is what
	// couldn't be put on it.
	restoring bool
	left      []Left
}

// Left is what somebody wrote that was not committed when an earlier state was
// restored: nothing says what became of the text below it.
type Left struct {
	// Text is the text as it was seen, with the change.
	Text   string
	Change ot.Change
}

// OpenNotes opens a session that runs until ctx ends. refused learns of an edit
// that the server refused for good, or that the notes can't be followed any
// more; the session stops sending then.
func (c *Client) OpenNotes(ctx context.Context, meetingID string, refused func(error)) (*Notes, error) {
	n := &Notes{
		client: c, meetingID: meetingID, clientID: rand.Text(),
		refused: refused, acked: map[int64]int64{}, wake: make(chan struct{}, 1),
	}
	text, err := c.readNotes(ctx, meetingID)
	if err != nil {
		return nil, err
	}
	n.version, n.epoch, n.base, n.text = text.Version, text.Epoch, text.Content, text.Content
	n.line = c.NewConnection(ConnectionOptions{})
	n.follow = n.line.Follow("meetings/"+meetingID+"/notes", FollowOptions{
		From: text.Version, Epoch: text.Epoch, Event: n.event, Head: n.head, Refused: n.end,
		Restored: func() { n.restore(ctx) },
		Read:     n.read,
	})
	if err := n.line.Start(ctx); err != nil {
		return nil, err
	}
	go n.run(ctx)
	return n, nil
}

// notesText is the text at a version of an epoch.
type notesText struct {
	Version int64  `json:"version"`
	Epoch   string `json:"epoch"`
	Content string `json:"content"`
}

func (c *Client) readNotes(ctx context.Context, meetingID string) (notesText, error) {
	var text notesText
	err := c.Do(ctx, http.MethodGet, "/v1/meetings/"+meetingID+"/notes", nil, &text)
	return text, err
}

// read reads the changes after a version, as events.
func (n *Notes) read(ctx context.Context, from int64) ([]Event, error) {
	n.mu.Lock()
	epoch := n.epoch
	n.mu.Unlock()
	items, err := n.client.readChanges(ctx, n.meetingID, from, epoch)
	events := make([]Event, len(items))
	for i, item := range items {
		events[i] = Event{Position: from + 1 + int64(i), Data: item}
	}
	return events, err
}

// readChanges reads a page of the changes after a version of an epoch.
func (c *Client) readChanges(ctx context.Context, meetingID string, from int64, epoch string) ([]json.RawMessage, error) {
	var page struct {
		Items []json.RawMessage `json:"items"`
	}
	path := "/v1/meetings/" + meetingID + "/notes/changes?limit=200&from=" + strconv.FormatInt(from, 10)
	if epoch != "" {
		path += "&epoch=" + epoch
	}
	err := c.Do(ctx, http.MethodGet, path, nil, &page)
	return page.Items, err
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
	return n.hashedAt, n.hashed
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
	n.edits++
	n.fast = Fast(&n.typed, time.Now())
	n.nudge()
	return nil
}

// Cut loses the socket, if there is one.
func (n *Notes) Cut() { n.line.Cut() }

func (n *Notes) end(err error) {
	n.mu.Lock()
	n.broken = true
	n.mu.Unlock()
	n.refused(err)
	n.nudge()
}

func (n *Notes) nudge() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run sends one change after the other.
func (n *Notes) run(ctx context.Context) {
	for ctx.Err() == nil {
		change, wait := n.take()
		if change != nil {
			n.send(ctx, change)
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-n.wake:
		case <-due:
		}
	}
}

// take gives the change to send, which is then in flight, or how long to wait
// for more of what is being typed; 0 where there is nothing.
func (n *Notes) take() (change *sent, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.flight != nil || len(n.pending) == 0 || n.broken || n.restoring {
		return nil, 0
	}
	now := time.Now()
	if wait := TypingWindow - now.Sub(n.last); n.fast && n.edits < TypingEdits && wait > 0 {
		return nil, wait
	}
	n.seq++
	n.flight = &sent{base: n.version, epoch: n.epoch, seq: n.seq, first: n.pending, now: n.pending}
	n.pending, n.edits, n.last = nil, 0, now
	return n.flight, 0
}

func (n *Notes) send(ctx context.Context, change *sent) {
	edit := map[string]any{
		"action": "edit", "meetingId": n.meetingID, "baseVersion": change.base,
		"clientId": n.clientID, "clientSeq": change.seq, "ops": change.first,
	}
	if change.epoch != "" {
		edit["epoch"] = change.epoch
	}
	frame, err := n.line.Ask(ctx, edit)
	if refused, ok := errors.AsType[*Refused](err); ok && refused.Epoch != "" && n.follow.restored(refused.Epoch) {
		return // the text is read anew, and with it what became of the change
	}
	if err == nil {
		err = n.acknowledged(change, frame)
	}
	if err != nil && ctx.Err() == nil {
		n.end(fmt.Errorf("change %d of %s: %w", change.seq, n.clientID, err))
	}
}

func (n *Notes) acknowledged(change *sent, frame Frame) error {
	n.follow.Known(frame.Version, frame.Epoch)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.restoring || frame.Epoch != "" && frame.Epoch != n.epoch {
		return nil // the history that is read anew says whether it is there
	}
	n.acked[change.seq] = frame.Version
	if n.flight != change || frame.Version != n.version+1 || len(frame.Ops) == 0 {
		// Its event was here first, or what lies between is still to come.
		return nil
	}
	var ops ot.Change
	if err := json.Unmarshal(frame.Ops, &ops); err != nil {
		return err
	}
	return n.confirm(Change{Version: frame.Version, Ops: ops})
}

func (n *Notes) head(position int64, hash string) {
	if hash == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hashedAt, n.hashed = position, hash
}

func (n *Notes) event(event Event, _ time.Time) {
	n.mu.Lock()
	err := n.apply(event)
	n.mu.Unlock()
	if err != nil {
		n.end(fmt.Errorf("event %d: %w", event.Position, err))
	}
}

func (n *Notes) apply(event Event) error {
	if event.Position <= n.version || n.broken || n.restoring {
		return nil // the ack was here first
	}
	var change Change
	if err := json.Unmarshal(event.Data, &change); err != nil {
		return err
	}
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
