package queues

import (
	"container/heap"
	"time"
)

// message is a message in a queue. Times are milliseconds since 1970.
type message struct {
	ID            string               `json:"id"`
	Body          string               `json:"body"`
	Attributes    map[string]Attribute `json:"attributes,omitempty"`
	SentAt        int64                `json:"sentAt"`
	VisibleAt     int64                `json:"visibleAt"`
	FirstReceived int64                `json:"firstReceived,omitempty"`
	Received      int                  `json:"received,omitempty"`
	Receipt       string               `json:"receipt,omitempty"`
	Source        string               `json:"source,omitempty"`

	// at is its place in the order, made a number that no other has.
	at   int
	made int64
}

func (m *message) size() int {
	n := len(m.Body)
	for name, a := range m.Attributes {
		n += len(name) + len(a.Type) + len(a.Text) + len(a.Binary)
	}
	return n
}

// state is what receiving changes of a message.
func (m *message) state() *message {
	return &message{ID: m.ID, VisibleAt: m.VisibleAt, FirstReceived: m.FirstReceived, Received: m.Received, Receipt: m.Receipt}
}

func (m *message) received() Message {
	return Message{
		ID: m.ID, Body: m.Body, Attributes: m.Attributes, Receipt: m.Receipt, Received: m.Received, Source: m.Source,
		SentAt: time.UnixMilli(m.SentAt).UTC(), FirstReceived: time.UnixMilli(m.FirstReceived).UTC(),
	}
}

// box is one queue's messages, in the order in which they become visible.
type box struct {
	spec     Spec
	messages map[string]*message
	order    order
	bytes    int
	buried   int64
	made     int64
	// changed closes when the order does.
	changed chan struct{}
}

func newBox(spec Spec) *box {
	return &box{spec: spec, messages: map[string]*message{}, changed: make(chan struct{})}
}

// next is the message that became visible first; nil where none is.
func (b *box) next(now int64) *message {
	if len(b.order) == 0 || b.order[0].VisibleAt > now {
		return nil
	}
	return b.order[0]
}

func (b *box) add(m *message) {
	if before := b.messages[m.ID]; before != nil {
		b.remove(before)
	}
	b.made++
	m.made = b.made
	b.messages[m.ID] = m
	b.bytes += m.size()
	heap.Push(&b.order, m)
	b.wake()
}

func (b *box) remove(m *message) {
	delete(b.messages, m.ID)
	b.bytes -= m.size()
	heap.Remove(&b.order, m.at)
	b.wake()
}

// moved puts a message at its place after it became visible at another time.
func (b *box) moved(m *message) {
	heap.Fix(&b.order, m.at)
	b.wake()
}

func (b *box) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *box) statistics(now time.Time) Statistics {
	s := Statistics{Queue: b.spec.Name, Buried: b.buried}
	for _, m := range b.order {
		switch {
		case m.VisibleAt <= now.UnixMilli():
			s.Visible++
		case m.Receipt != "":
			s.Hidden++
		default:
			s.Delayed++
		}
		s.Oldest = max(s.Oldest, now.Sub(time.UnixMilli(m.SentAt)))
	}
	return s
}

// order is a heap by the time of becoming visible.
type order []*message

// Len implements heap.Interface.
func (o order) Len() int { return len(o) }

// Less implements heap.Interface.
func (o order) Less(i, j int) bool {
	if o[i].VisibleAt != o[j].VisibleAt {
		return o[i].VisibleAt < o[j].VisibleAt
	}
	return o[i].made < o[j].made
}

// Swap implements heap.Interface.
func (o order) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].at, o[j].at = i, j
}

// Push implements heap.Interface.
func (o *order) Push(x any) {
	m := x.(*message)
	m.at = len(*o)
	*o = append(*o, m)
}

// Pop implements heap.Interface.
func (o *order) Pop() any {
	old := *o
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*o = old[:len(old)-1]
	return m
}
