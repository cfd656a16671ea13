// Package queues is SQS without AWS: standard queues with delays, visibility
// timeouts, receive counts and dead letters, and their protocol (Handler), which
// the real client speaks to. The local runner keeps its messages in DATA_DIR; a
// test and the simulation keep theirs in memory.
//
// A message that was accepted is on the disk: it survives kill -9, and the
// machine's. So does that it was deleted, received or moved, as far as the
// operating system had it; where it hadn't, the message comes again, as on AWS it
// may at any time. A message that was received as often as its queue allows goes
// to the dead letters instead of being received once more.
//
// It differs from SQS in three things. Messages come in the order in which they
// became visible, which SQS doesn't promise; a queue holds at most maxMessages
// and maxBytes, beyond which sending is throttled; and there are no FIFO queues.
package queues

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
)

const (
	maxMessages = 120_000
	maxBytes    = 64 << 20
)

// Spec is one queue.
type Spec struct {
	Name string
	ARN  string
	// Delay holds back every message that doesn't say its own.
	Delay time.Duration
	// Visibility is how long a received message is hidden, Retention how long one
	// is kept.
	Visibility, Retention time.Duration
	// MaxBytes bounds a message.
	MaxBytes int
	// DeadLetters names the queue for what was received MaxReceives times in vain;
	// empty where there is none.
	DeadLetters string
	MaxReceives int
}

// Options are what queues need.
type Options struct {
	Specs []Spec
	// Dir keeps the messages; empty keeps them in memory.
	Dir   string
	Clock clock.Clock
	Log   *slog.Logger
}

// Queues are all queues of a stack. They are safe for concurrent use.
type Queues struct {
	clock   clock.Clock
	log     *slog.Logger
	journal *journal

	mu    sync.Mutex
	boxes map[string]*box
}

// ErrNoQueue says that there is no queue of that name.
var ErrNoQueue = errors.New("the specified queue does not exist")

// ErrFull says that a queue holds all that it can.
var ErrFull = errors.New("the queue is full")

// ErrNotInflight says that a message isn't one that was received lately.
var ErrNotInflight = errors.New("the message is not in flight")

// Open gives the queues with the messages that their folder holds.
func Open(o Options) (*Queues, error) {
	q := &Queues{clock: o.Clock, log: o.Log, boxes: map[string]*box{}}
	for _, spec := range o.Specs {
		q.boxes[spec.Name] = newBox(spec)
	}
	for _, spec := range o.Specs {
		if spec.DeadLetters != "" && q.boxes[spec.DeadLetters] == nil {
			return nil, fmt.Errorf("queue %s: its dead letters %s: %w", spec.Name, spec.DeadLetters, ErrNoQueue)
		}
	}
	path := ""
	if o.Dir != "" {
		path = filepath.Join(o.Dir, "messages.jsonl")
	}
	var err error
	if q.journal, err = openJournal(path, q.replay); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	for _, b := range q.boxes {
		b.buried = 0
	}
	return q, q.compact()
}

// Close ends keeping; nothing may be called afterwards.
func (q *Queues) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.journal.close()
}

// Attribute is one of a message's own attributes.
type Attribute struct {
	Type   string `json:"DataType"`
	Text   string `json:"StringValue,omitempty"`
	Binary []byte `json:"BinaryValue,omitempty"`
}

// Message is a message as it was received.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]Attribute
	// Receipt names this delivery.
	Receipt string
	SentAt  time.Time
	// FirstReceived is when it was first received, Received how often.
	FirstReceived time.Time
	Received      int
	// Source is the ARN of the queue that a dead letter comes from.
	Source string
}

// Draft is a message to be sent.
type Draft struct {
	Body       string
	Attributes map[string]Attribute
	// Delay is nil for the queue's own.
	Delay *time.Duration
}

// Send puts messages into a queue, all or none, and gives their ids. When it
// returns they are kept.
func (q *Queues) Send(name string, drafts ...Draft) ([]string, error) {
	ids, upTo, err := q.put(name, drafts)
	if err != nil {
		return nil, err
	}
	return ids, q.journal.sync(upTo)
}

func (q *Queues) put(name string, drafts []Draft) (ids []string, upTo int64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return nil, 0, err
	}
	now := q.clock.Now()
	messages, entries, size := make([]*message, len(drafts)), make([]entry, len(drafts)), 0
	for i, d := range drafts {
		delay := b.spec.Delay
		if d.Delay != nil {
			delay = *d.Delay
		}
		m := &message{
			ID: newMessageID(), Body: d.Body, Attributes: d.Attributes,
			SentAt: now.UnixMilli(), VisibleAt: now.Add(delay).UnixMilli(),
		}
		messages[i], entries[i] = m, entry{Queue: name, Put: m}
		ids, size = append(ids, m.ID), size+m.size()
	}
	if len(b.messages)+len(drafts) > maxMessages || b.bytes+size > maxBytes {
		return nil, 0, ErrFull
	}
	if upTo, err = q.journal.add(entries...); err != nil {
		return nil, 0, err
	}
	for _, m := range messages {
		b.add(m)
	}
	return ids, upTo, nil
}

// Receive gives up to most messages that are visible at a time, and hides them
// for their queue's visibility timeout, or for another.
func (q *Queues) Receive(name string, most int, at time.Time, visibility *time.Duration) ([]Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return nil, err
	}
	hidden := b.spec.Visibility
	if visibility != nil {
		hidden = *visibility
	}
	var given []Message
	for len(given) < most {
		m := b.next(at.UnixMilli())
		if m == nil {
			break
		}
		if gone, err := q.retire(b, m, at); err != nil || gone {
			if err != nil {
				return given, err
			}
			continue
		}
		got := *m
		got.Received, got.VisibleAt, got.Receipt = m.Received+1, at.Add(hidden).UnixMilli(), newReceipt(m.ID)
		if got.FirstReceived == 0 {
			got.FirstReceived = at.UnixMilli()
		}
		if _, err := q.journal.add(entry{Queue: name, Got: got.state()}); err != nil {
			return given, err
		}
		*m = got
		b.moved(m)
		given = append(given, m.received())
	}
	return given, q.compactIfDue()
}

// retire takes a message away that is too old, or was received too often.
func (q *Queues) retire(b *box, m *message, at time.Time) (gone bool, err error) {
	switch {
	case b.spec.Retention > 0 && at.Sub(time.UnixMilli(m.SentAt)) >= b.spec.Retention:
		q.log.Warn("message too old", "queue", b.spec.Name, "messageId", m.ID)
		return true, q.drop(b, m)
	case b.spec.DeadLetters == "" || m.Received < b.spec.MaxReceives:
		return false, nil
	}
	if _, err := q.journal.add(entry{Queue: b.spec.Name, Gone: m.ID, To: b.spec.DeadLetters}); err != nil {
		return false, err
	}
	q.log.Error("message given up", "queue", b.spec.Name, "deadLetters", b.spec.DeadLetters, "messageId", m.ID, "received", m.Received)
	q.bury(b, m)
	return true, nil
}

// bury moves a message to the dead letters, where it is visible at once.
func (q *Queues) bury(b *box, m *message) {
	b.remove(m)
	m.Source, m.VisibleAt, m.Receipt = b.spec.ARN, m.SentAt, ""
	b.buried++
	q.boxes[b.spec.DeadLetters].add(m)
}

func (q *Queues) drop(b *box, m *message) error {
	if _, err := q.journal.add(entry{Queue: b.spec.Name, Gone: m.ID}); err != nil {
		return err
	}
	b.remove(m)
	return nil
}

// Delete takes a message away by the receipt of its newest delivery. Another
// receipt of its deletes nothing and is no error, as on SQS.
func (q *Queues) Delete(name, receipt string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return err
	}
	m := b.messages[messageOf(receipt)]
	if m == nil || m.Receipt != receipt {
		return nil
	}
	return errors.Join(q.drop(b, m), q.compactIfDue())
}

// Hide sets how long from a time on a message that was received is hidden.
func (q *Queues) Hide(name, receipt string, at time.Time, hidden time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return err
	}
	m := b.messages[messageOf(receipt)]
	if m == nil || m.Receipt != receipt || m.VisibleAt <= at.UnixMilli() {
		return ErrNotInflight
	}
	next := *m
	next.VisibleAt = at.Add(hidden).UnixMilli()
	if _, err := q.journal.add(entry{Queue: name, Got: next.state()}); err != nil {
		return err
	}
	*m = next
	b.moved(m)
	return nil
}

// Purge takes all messages of a queue away.
func (q *Queues) Purge(name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return err
	}
	for _, m := range slices.Clone(b.order) {
		if err := q.drop(b, m); err != nil {
			return err
		}
	}
	return nil
}

// Awaken gives a channel that closes when a queue changes, and when its next
// message becomes visible; zero where it has none.
func (q *Queues) Awaken(name string) (changed <-chan struct{}, next time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.box(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(b.order) > 0 {
		next = time.UnixMilli(b.order[0].VisibleAt)
	}
	return b.changed, next, nil
}

// Statistics are what a queue holds now.
type Statistics struct {
	Queue string
	// Visible can be received, Hidden were, Delayed were never visible yet.
	Visible, Hidden, Delayed int
	// Oldest is the age of the oldest message; 0 where there is none.
	Oldest time.Duration
	// Buried counts what went to the dead letters since the start.
	Buried int64
}

// Snapshot gives the statistics of every queue, in order.
func (q *Queues) Snapshot() []Statistics {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	all := make([]Statistics, 0, len(q.boxes))
	for _, b := range q.boxes {
		all = append(all, b.statistics(now))
	}
	slices.SortFunc(all, func(a, b Statistics) int { return strings.Compare(a.Queue, b.Queue) })
	return all
}

func (q *Queues) box(name string) (*box, error) {
	b := q.boxes[name]
	if b == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrNoQueue)
	}
	return b, nil
}

// newMessageID makes an id in SQS's form.
func newMessageID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newReceipt(id string) string {
	return base64.StdEncoding.EncodeToString([]byte(id + " " + rand.Text()))
}

// messageOf is the message that a receipt belongs to, empty where it is none.
func messageOf(receipt string) string {
	raw, err := base64.StdEncoding.DecodeString(receipt)
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(string(raw), " ")
	return id
}
