package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/testkit/frames"
)

// person is somebody with windows.
type person struct {
	// name is what the person is called in the trace, id what the functions made.
	name, id string
	token    string
	windows  []*client
}

// client is one window: a socket that comes back, and topics that it follows,
// by the rules of docs/realtime.md. All of it is guarded by the run's lock.
type client struct {
	sim    *simulation
	person *person
	name   string

	connection *connection
	opening    bool
	// gone is true for a window that was closed for good.
	gone     bool
	attempts int
	sockets  int
	asked    int
	spoken   int
	puts     int
	// waiting are the frames without an answer, by id.
	waiting map[string]*question
	topics  map[string]topic
}

// topic is what a client follows.
type topic interface {
	// from is the position to subscribe from, -1 for from now on; false where the
	// topic isn't to be followed, or not yet.
	from() (position int64, ready bool)
	// event takes an event in, head a newest position; asked is true where it is
	// part of an answer.
	event(e event)
	head(position int64, hash string, asked bool)
	// ended gets that the stream is over, for good or until it is subscribed
	// again.
	ended(reason string, forGood bool)
}

// question is a frame that waits for its answer.
type question struct {
	id, topic string
	raw       []byte
	sends     int
	answered  func(frame)
}

const (
	// answerWithin is when a frame is sent again.
	answerWithin = 10 * time.Second
	// headWait is how long a client waits after an unprompted head.
	headWait = 500 * time.Millisecond
	// replayWait is how long a client waits for what follows a `subscribed`.
	replayWait = 3 * time.Second
)

func newClient(sim *simulation, who *person, name string) *client {
	return &client{sim: sim, person: who, name: name, waiting: map[string]*question{}, topics: map[string]topic{}}
}

func (c *client) note(format string, args ...any) { c.sim.noteLocked(c.name, format, args...) }

// after runs f later, under the run's lock, unless the run is over.
func (c *client) after(d time.Duration, f func()) {
	time.AfterFunc(d, func() {
		c.sim.mu.Lock()
		defer c.sim.mu.Unlock()
		if !c.sim.over() {
			f()
		}
	})
}

// open gets a socket, and comes back as long as it has none.
func (c *client) open() {
	if c.connection != nil || c.opening || c.gone || c.sim.over() {
		return
	}
	c.opening = true
	c.sockets++
	id := fmt.Sprintf("%s/%d", c.name, c.sockets)
	c.sim.beside(func() {
		conn, ok := c.handshake(id)
		c.sim.mu.Lock()
		defer c.sim.mu.Unlock()
		c.opening = false
		if !ok || !conn.open {
			c.attempts++
			c.after(c.pause(), c.open)
			return
		}
		c.attempts, c.connection = 0, conn
		c.note("connected as %s", id)
		for _, name := range slices.Sorted(maps.Keys(c.topics)) {
			c.subscribe(name)
			c.present(name)
		}
	})
}

// pause is how long to wait before the next attempt.
func (c *client) pause() time.Duration {
	o := c.sim.operation(fmt.Sprintf("%s pause %d", c.name, c.sockets), "")
	return pace{low: 50 * time.Millisecond, high: 500 * time.Millisecond << min(c.attempts, 4)}.of(o.number("length"))
}

func (c *client) handshake(id string) (*connection, bool) {
	r := c.sim.request(id+" ticket", c.person, "POST /v1/realtime/tickets", nil, "")
	if r.status != http.StatusOK {
		return nil, false
	}
	var ticket struct{ Ticket string }
	if err := json.Unmarshal(r.body, &ticket); err != nil {
		c.sim.t.Errorf("%s: %v", id, err)
		return nil, false
	}
	o := c.sim.operation(id+" connect", "")
	if o.sleep(c.sim.ctx, "to the function", c.sim.paces.network) != nil {
		return nil, false
	}
	return c.sim.handshake(o, c, id, ticket.Ticket)
}

// lost gets that the socket has ended.
func (c *client) lost() {
	c.note("lost its socket")
	c.connection = nil
	clear(c.waiting)
	for _, name := range slices.Sorted(maps.Keys(c.topics)) {
		c.topics[name].ended("lost", false)
	}
	c.after(c.pause(), c.open)
}

// request sends a frame over the socket that there is, and again until it is answered
// for good, or the socket is lost. id is empty for a new one.
func (c *client) request(id, about string, fields map[string]any, answered func(frame)) *question {
	if id == "" {
		c.asked++
		id = fmt.Sprint(c.asked)
	}
	raw, err := frames.Encode(id, fields)
	if err != nil {
		c.sim.t.Errorf("%s: %v", c.name, err)
	}
	q := &question{id: id, topic: about, raw: raw, answered: answered}
	c.waiting[id] = q
	c.put(q)
	return q
}

// put sends a question's frame, and again when no answer has come.
func (c *client) put(q *question) {
	q.sends++
	conn, sends := c.connection, q.sends
	c.sim.sendLocked(conn, q.raw)
	c.puts++
	// Those that are sent at one moment don't give up at one moment.
	c.after(answerWithin+time.Duration(c.puts)*time.Microsecond, func() {
		if c.connection == conn && c.waiting[q.id] == q && q.sends == sends {
			c.note("%s again: no answer", q.id)
			c.put(q)
		}
	})
}

// receive takes a frame that has arrived.
func (c *client) receive(f frame) {
	switch f.Type {
	case "event":
		if t := c.topics[f.Topic]; t != nil {
			for _, e := range f.Events {
				t.event(e)
			}
		}
	case "head":
		if t := c.topics[f.Topic]; t != nil {
			t.head(f.Position, f.Hash, false)
		}
	case "revoked":
		if t := c.topics[f.Topic]; t != nil {
			t.ended(f.Reason, f.Reason != "role_changed")
			if f.Reason == "role_changed" {
				c.subscribe(f.Topic)
			}
		}
	case "":
		// API Gateway's own error: the frame is sent again when its time has come.
		c.note("API Gateway says %s", f.Message)
	case "presence", "reconnect":
	default:
		c.answer(f)
	}
}

// answer takes the answer to a frame.
func (c *client) answer(f frame) {
	q := c.waiting[f.ID]
	if q == nil {
		return // a second answer, to a frame that was sent twice
	}
	if f.Again() {
		conn, sends := c.connection, q.sends
		c.after(c.pauseOf(q), func() {
			if c.connection == conn && c.waiting[q.id] == q && q.sends == sends {
				c.put(q)
			}
		})
		return
	}
	delete(c.waiting, f.ID)
	q.answered(f)
}

func (c *client) pauseOf(q *question) time.Duration {
	o := c.sim.operation(fmt.Sprintf("%s again %s %d", c.name, q.id, q.sends), "")
	return pace{low: 100 * time.Millisecond, high: 400 * time.Millisecond << min(q.sends, 3)}.of(o.number("length"))
}

// follow begins to follow a topic.
func (c *client) follow(name string, t topic) {
	c.topics[name] = t
	c.subscribe(name)
	c.present(name)
}

// subscribing reports whether a subscribe for a topic is under way.
func (c *client) subscribing(name string) bool {
	for _, q := range c.waiting {
		if q.topic == name {
			return true
		}
	}
	return false
}

// subscribe asks for a topic's events from the client's own position, unless it
// is asking already.
func (c *client) subscribe(name string) {
	t := c.topics[name]
	if t == nil || c.connection == nil || c.subscribing(name) {
		return
	}
	position, ready := t.from()
	if !ready {
		return
	}
	fields := map[string]any{"action": "subscribe", "topic": name}
	if position >= 0 {
		fields["from"] = position
	}
	c.request("", name, fields, func(f frame) {
		switch {
		case f.Type == "subscribed":
			c.note("follows %s at %d", name, f.Position)
			t.head(f.Position, "", true)
		case f.Code == "FORBIDDEN" || f.Code == "MEETING_NOT_ACTIVE":
			c.note("may not follow %s: %s", name, f.Code)
			t.ended(strings.ToLower(string(f.Code)), true)
		case f.Code == "UNAUTHORIZED":
			c.over()
		default:
			c.sim.breakLocked("%s was refused %s: %s %s", c.name, name, f.Code, f.Detail)
			t.ended("refused", true)
		}
	})
}

// over leaves a socket that the server says is over, whatever it looks like.
func (c *client) over() {
	if c.connection != nil {
		id := c.connection.id
		c.sim.beside(func() { c.sim.cut(id, "left by its client") })
	}
}

// unsubscribe ends the stream of a topic; it can be followed again.
func (c *client) unsubscribe(name string) {
	t := c.topics[name]
	if t == nil || c.connection == nil || c.subscribing(name) {
		return
	}
	c.request("", name, map[string]any{"action": "unsubscribe", "topic": name}, func(f frame) {
		if f.Type == "unsubscribed" {
			t.ended("unsubscribed", true)
		}
	})
}
