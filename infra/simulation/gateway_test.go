package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/testkit/frames"
)

// connection is an open socket as API Gateway sees it.
type connection struct {
	id     string
	client *client
	opened time.Time
	open   bool
	// frames counts the frames from the client, arrives is when the last frame to
	// it arrives: their order is kept.
	frames  int
	arrives time.Time
	// departed is true when its $disconnect has run through.
	departed bool
}

// delivery is a frame that reached a socket.
type delivery struct {
	seq        int64
	at         time.Duration
	connection string
	topic      string
	kind       string
	positions  []int64
	by         *operation
}

// What a client gets.
type (
	frame = frames.Frame
	event = frames.Event
)

// posts is @connections, without the HTTP.
type posts struct{ w *world }

var errPost = errors.New("post: 500 InternalServerErrorException")

// Post implements realtime.Poster.
func (p posts) Post(ctx context.Context, connectionID string, raw []byte) error {
	o := operationOf(ctx)
	what := "post " + connectionID
	if err := o.sleep(ctx, what, p.w.paces.post); err != nil {
		return err
	}
	fault := p.w.faults.Post(o.function)
	if fault != faults.None {
		p.w.note(o, "%s: %s", what, fault)
	}
	switch fault {
	case faults.PostFailed:
		return errPost
	case faults.PostHangs:
		<-ctx.Done()
		return ctx.Err()
	case faults.PostGone:
		p.w.cut(connectionID, "found gone")
	}
	if !p.w.deliver(o, connectionID, raw) {
		return realtime.ErrGone
	}
	return o.sleep(ctx, what, p.w.paces.post)
}

// Alive implements realtime.Gateway.
func (p posts) Alive(ctx context.Context, connectionID string) (bool, error) {
	o := operationOf(ctx)
	if err := o.sleep(ctx, "look at "+connectionID, p.w.paces.post); err != nil {
		return false, err
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	c := p.w.connections[connectionID]
	return c != nil && c.open, nil
}

// HangUp implements realtime.Gateway.
func (p posts) HangUp(ctx context.Context, connectionID string) error {
	o := operationOf(ctx)
	if err := o.sleep(ctx, "hang up "+connectionID, p.w.paces.post); err != nil {
		return err
	}
	p.w.cut(connectionID, "hung up")
	return nil
}

// deliver puts a frame on its way to a client; false where the socket is closed.
// What is put on its way counts as having reached the client.
func (w *world) deliver(o *operation, connectionID string, raw []byte) bool {
	f, err := frames.Decode(raw)
	if err != nil {
		w.t.Errorf("%s: %v", o.name, err)
		return true
	}
	w.mu.Lock()
	c := w.connections[connectionID]
	if c == nil || !c.open {
		w.mu.Unlock()
		return false
	}
	if w.faults.Cut() {
		w.mu.Unlock()
		w.cut(connectionID, "cut in a frame")
		return true
	}
	defer w.mu.Unlock()
	d := delivery{seq: w.ledger.tick(), at: w.ledger.now(), connection: connectionID, topic: f.Topic, kind: f.Type, by: o}
	for _, e := range f.Events {
		d.positions = append(d.positions, e.Position)
	}
	w.deliveries = append(w.deliveries, d)
	w.noteLocked(o.name, "to %s: %s %s %s %d %v %s%s", connectionID, f.Type, f.ID, f.Topic, max(f.Position, f.Version), d.positions, f.Code, f.Reason)
	arrives := time.Now().Add(w.paces.network.of(o.number("to " + connectionID)))
	if !arrives.After(c.arrives) {
		arrives = c.arrives.Add(time.Microsecond)
	}
	c.arrives = arrives
	time.AfterFunc(time.Until(arrives), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if c.client.connection == c {
			c.client.receive(f)
		}
	})
	return true
}

// cut ends a socket without a word to either side, but that its client notices
// after a while, and that $disconnect mostly runs.
func (w *world) cut(connectionID, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.connections[connectionID]
	if c == nil || !c.open {
		return
	}
	c.open = false
	w.noteLocked(connectionID, "%s", why)
	o := w.operation(connectionID+" ends", "realtime/disconnect")
	time.AfterFunc(w.paces.network.of(o.number("to the client")), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if c.client.connection == c {
			c.client.lost()
		}
	})
	if o.number("is told")%4 == 0 {
		return
	}
	w.beside(func() {
		_ = o.sleep(w.ctx, "to the function", w.paces.network) // the world's end ends the sleep; it runs then too
		departed := w.dispatch(o, c, "$disconnect", "DISCONNECT", "")
		w.mu.Lock()
		defer w.mu.Unlock()
		c.departed = departed
	})
}

// handshake opens a socket with a ticket.
func (w *world) handshake(o *operation, c *client, id, ticket string) (*connection, bool) {
	conn := &connection{id: id, client: c, opened: time.Now(), open: true}
	w.mu.Lock()
	w.connections[id] = conn
	w.mu.Unlock()
	admitted := w.dispatch(o, conn, "$connect", "CONNECT", ticket)
	if !admitted {
		w.mu.Lock()
		conn.open = false
		w.mu.Unlock()
	}
	return conn, admitted
}

// send takes a frame from a client to its function, beside everything else.
func (w *world) sendLocked(conn *connection, raw []byte) {
	var head struct {
		Action string `json:"action"`
		ID     string `json:"id"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		w.t.Errorf("a client sent %s", raw)
		return
	}
	conn.frames++
	unit, ok := w.unit(endpoint.TriggerSocket, head.Action)
	if !ok {
		w.t.Errorf("no function takes %s", raw)
		return
	}
	o := w.operation(fmt.Sprintf("%s %d %s %s", conn.id, conn.frames, head.Action, head.ID), unit.Name)
	w.beside(func() {
		if o.sleep(w.ctx, "to the function", w.paces.network) != nil {
			return
		}
		w.dispatch(o, conn, head.Action, "MESSAGE", string(raw))
	})
}

// dispatch runs the function of a route and tells whether it went well. A frame
// whose function fails is answered by API Gateway itself.
func (w *world) dispatch(o *operation, conn *connection, route, kind, body string) bool {
	unit, ok := w.unit(endpoint.TriggerSocket, route)
	if !ok {
		w.t.Errorf("no function has the route %s", route)
		return false
	}
	o.function = unit.Name
	e := events.APIGatewayWebsocketProxyRequest{
		Body: body,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			AccountID: "123456789012", APIID: "sockets", Stage: "live", RouteKey: route, EventType: kind, RequestID: o.name,
			ConnectedAt: conn.opened.UnixMilli(), ConnectionID: conn.id, DomainName: "sockets.test", MessageDirection: "IN",
			RequestTimeEpoch: time.Now().UnixMilli(), Identity: events.APIGatewayRequestIdentity{SourceIP: "203.0.113.7"},
		},
	}
	if kind == "CONNECT" {
		e.Body, e.QueryStringParameters = "", map[string]string{"ticket": body}
	}
	payload, _, err := w.invoke(o, unit, e)
	if err != nil {
		if kind == "MESSAGE" {
			w.deliver(o, conn.id, []byte(`{"message":"Internal server error"}`))
		}
		return false
	}
	var given events.APIGatewayProxyResponse
	return json.Unmarshal(payload, &given) == nil && given.StatusCode == 200
}
