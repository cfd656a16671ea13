package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/testkit/queues"
)

// openQueues makes the queues that functions take messages from, in memory and
// in the run's time.
func openQueues(t testing.TB, functions []endpoint.FunctionSpec) *queues.Queues {
	var specs []queues.Spec
	for _, function := range functions {
		if function.Trigger == endpoint.TriggerQueue {
			specs = append(specs, testkit.QueueSpecs(function.Route)...)
		}
	}
	q, err := queues.Open(queues.Options{Specs: specs, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// queueCalls carries the calls of queues: each takes its time, and faults fall.
type queueCalls struct{ w *simulation }

// Do implements aws.HTTPClient.
func (q queueCalls) Do(r *http.Request) (*http.Response, error) {
	o, c, err := q.w.receive(r)
	if err != nil {
		return nil, err
	}
	fault := q.w.faults.Queue(o.function, c.operation)
	given := &recorded{header: http.Header{}, status: http.StatusOK}
	if fault == faults.QueueFailed {
		(&queues.Failure{Status: http.StatusInternalServerError, Code: "InternalError", Query: "InternalError"}).Write(given)
	} else {
		q.w.queues.ServeHTTP(given, c.request(r))
	}
	q.w.note(o, "%s: %d %s", c.operation, given.status, fault)
	err = o.sleep(r.Context(), c.operation, q.w.paces.post)
	q.w.wire.ended(o, c, c.operation)
	if fault == faults.QueueAnswerLost {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err != nil {
		return nil, err
	}
	return answer{status: given.status, header: given.header, body: given.body.Bytes()}.response(r), nil
}

// worker takes messages from one queue to its function.
type worker struct {
	w        *simulation
	function endpoint.FunctionSpec
	taken    int
}

// run delivers messages until the run ends, each by itself, so that they
// overtake each other.
func (w *worker) run() {
	o := w.w.operation("queue "+w.function.Route, w.function.Name)
	for o.sleep(w.w.ctx, "look", w.w.paces.hop) == nil {
		messages, err := w.w.queues.Receive(w.function.Route, batchOf, time.Now(), nil)
		if err != nil {
			w.w.t.Errorf("queue %s: %v", w.function.Route, err)
		}
		for _, m := range messages {
			w.taken++
			name := fmt.Sprintf("%s message %d", w.function.Name, w.taken)
			w.w.beside(func() { w.deliver(name, m) })
		}
	}
}

// deliver gives a message to its function, late and twice where faults say so.
// One that fails comes again when the queue says so.
func (w *worker) deliver(name string, m queues.Message) {
	o := w.w.operation(name, w.function.Name)
	repeat, delay := w.w.faults.Messages(w.function.Name)
	if sleep(w.w.ctx, delay+w.w.paces.hop.of(o.number("hop"))) != nil {
		return
	}
	for times := 1; times == 1 || times == 2 && repeat; times++ {
		operation := w.w.operation(fmt.Sprintf("%s time %d", name, times), w.function.Name)
		w.w.note(operation, "delivered for the %d. time", m.Received)
		payload, _, err := w.w.invoke(operation, w.function, testkit.QueueEvent(w.function.Route, []queues.Message{m}))
		if err != nil {
			continue
		}
		failed, err := queues.Failed(payload, []queues.Message{m})
		if err == nil && len(failed) == 0 {
			err = w.w.queues.Delete(w.function.Route, m.Receipt)
		}
		if err != nil {
			w.w.t.Errorf("%s: %v", name, err)
		}
	}
}

// undelivered counts the messages that are not dead.
func (s *simulation) undelivered() int {
	dead := map[string]bool{}
	for _, function := range s.functions {
		if function.Trigger == endpoint.TriggerQueue {
			dead[testkit.QueueSpecs(function.Route)[0].DeadLetters] = true
		}
	}
	n := 0
	for _, counts := range s.queues.Snapshot() {
		if !dead[counts.Queue] {
			n += counts.Visible + counts.Hidden + counts.Delayed
		}
	}
	return n
}

// checkPresence holds presence against the sockets: no client is present by a
// socket whose $disconnect has run through, once all messages are delivered.
func (s *simulation) checkPresence(m *meeting) {
	page, err := table.List[struct {
		UserID string `json:"userId"`
		Owner  string `json:"owner"`
	}](context.Background(), table.New(s.direct(), s.env["REALTIME_TABLE"]), table.Query{PK: "PRESENCE#meetings/" + m.id, Limit: table.MaxLimit})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.breakLocked("presence of %s: %v", m.id, err)
		return
	}
	for _, row := range page.Items {
		id, ok := strings.CutPrefix(row.Value.Owner, "CONNECTION#")
		if c := s.connections[id]; !ok || c == nil || c.departed {
			s.breakLocked("%s is present in %s by the closed socket %s", row.Value.UserID, m.id, row.Value.Owner)
		}
	}
}

// leave closes every other window for good and reloads the others, and lets time
// pass until everybody has been told.
func (s *simulation) leave() {
	for i, c := range s.windowsOf() {
		s.mu.Lock()
		c.gone = i%2 == 0
		id := c.connection.id
		s.mu.Unlock()
		s.cut(id, "closed")
	}
	for waited := time.Duration(0); waited < settleWithin; waited += time.Second {
		time.Sleep(time.Second)
		s.mu.Lock()
		busy := s.busy
		s.mu.Unlock()
		if waited > departing && busy == 0 && s.undelivered() == 0 {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breakLocked("messages are not delivered")
}

// departing is enough for every $disconnect to have run.
const departing = 5 * time.Second

// present says that this window has a meeting open, once a socket.
func (c *client) present(topic string) {
	if _, ok := c.topics[topic].(*state); !ok || c.connection == nil {
		return
	}
	c.request("", "", map[string]any{
		"action": "presence", "topic": topic, "clientId": c.name, "seq": c.sockets, "status": "active",
	}, func(frame) {})
}
