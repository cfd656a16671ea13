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
type posts struct{ sim *simulation }

var errPost = errors.New("post: 500 InternalServerErrorException")

// Post implements realtime.Poster.
func (p posts) Post(ctx context.Context, connectionID string, raw []byte) error {
	o := operationOf(ctx)
	// An operation posts several topics' frames to one socket at once: each has
	// delays of its own, whichever of them comes first.
	what := "post " + connectionID + " " + p.sim.subject(raw)
	if err := o.sleep(ctx, what, p.sim.paces.post); err != nil {
		return err
	}
	fault := p.sim.faults.Post(o.function)
	if fault != faults.None {
		p.sim.note(o, "%s: %s", what, fault)
	}
	switch fault {
	case faults.PostFailed:
		return errPost
	case faults.PostHangs:
		<-ctx.Done()
		return ctx.Err()
	case faults.PostGone:
		p.sim.cut(connectionID, "found gone")
	}
	if !p.sim.deliver(o, connectionID, raw) {
		return realtime.ErrGone
	}
	return o.sleep(ctx, what, p.sim.paces.post)
}

// subject names what a frame is about, alike in every replay.
func (s *simulation) subject(raw []byte) string {
	f, err := frames.Decode(raw)
	if err != nil {
		s.t.Errorf("a frame that is posted: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.Type + " " + s.namesLocked().Replace(f.Topic)
}

// Alive implements realtime.Gateway.
func (p posts) Alive(ctx context.Context, connectionID string) (bool, error) {
	o := operationOf(ctx)
	if err := o.sleep(ctx, "look at "+connectionID, p.sim.paces.post); err != nil {
		return false, err
	}
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	c := p.sim.connections[connectionID]
	return c != nil && c.open, nil
}

// Disconnect implements realtime.Gateway.
func (p posts) Disconnect(ctx context.Context, connectionID string) error {
	o := operationOf(ctx)
	if err := o.sleep(ctx, "hang up "+connectionID, p.sim.paces.post); err != nil {
		return err
	}
	p.sim.cut(connectionID, "hung up")
	return nil
}

// deliver puts a frame on its way to a client; false where the socket is closed.
// What is put on its way counts as having reached the client.
func (s *simulation) deliver(o *operation, connectionID string, raw []byte) bool {
	f, err := frames.Decode(raw)
	if err != nil {
		s.t.Errorf("%s: %v", o.name, err)
		return true
	}
	s.mu.Lock()
	c := s.connections[connectionID]
	if c == nil || !c.open {
		s.mu.Unlock()
		return false
	}
	if s.faults.Cut() {
		s.mu.Unlock()
		s.cut(connectionID, "cut in a frame")
		return true
	}
	defer s.mu.Unlock()
	d := delivery{seq: s.ledger.tick(), at: s.ledger.now(), connection: connectionID, topic: f.Topic, kind: f.Type, by: o}
	for _, e := range f.Events {
		d.positions = append(d.positions, e.Position)
	}
	s.deliveries = append(s.deliveries, d)
	s.noteLocked(o.name, "to %s: %s %s %s %d %v %s%s", connectionID, f.Type, f.ID, f.Topic, max(f.Position, f.Version), d.positions, f.Code, f.Reason)
	arrives := time.Now().Add(s.paces.network.of(o.number("to " + connectionID + " " + f.Type + " " + s.namesLocked().Replace(f.Topic))))
	if !arrives.After(c.arrives) {
		arrives = c.arrives.Add(time.Microsecond)
	}
	c.arrives = arrives
	time.AfterFunc(time.Until(arrives), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.client.connection == c {
			c.client.receive(f)
		}
	})
	return true
}

// cut ends a socket without a word to either side, but that its client notices
// after a while, and that $disconnect mostly runs.
func (s *simulation) cut(connectionID, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connections[connectionID]
	if c == nil || !c.open {
		return
	}
	c.open = false
	s.noteLocked(connectionID, "%s", why)
	o := s.operation(connectionID+" ends", "realtime/disconnect")
	time.AfterFunc(s.paces.network.of(o.number("to the client")), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.client.connection == c {
			c.client.lost()
		}
	})
	if o.number("is told")%4 == 0 {
		return
	}
	s.beside(func() {
		_ = o.sleep(s.ctx, "to the function", s.paces.network) // the run's end ends the sleep; it runs then too
		departed := s.dispatch(o, c, "$disconnect", "DISCONNECT", "")
		s.mu.Lock()
		defer s.mu.Unlock()
		c.departed = departed
	})
}

// handshake opens a socket with a ticket.
func (s *simulation) handshake(o *operation, c *client, id, ticket string) (*connection, bool) {
	conn := &connection{id: id, client: c, opened: time.Now(), open: true}
	s.mu.Lock()
	s.connections[id] = conn
	s.mu.Unlock()
	admitted := s.dispatch(o, conn, "$connect", "CONNECT", ticket)
	if !admitted {
		s.mu.Lock()
		conn.open = false
		s.mu.Unlock()
	}
	return conn, admitted
}

// send takes a frame from a client to its function, beside everything else.
func (s *simulation) sendLocked(conn *connection, raw []byte) {
	var head struct {
		Action string `json:"action"`
		ID     string `json:"id"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		s.t.Errorf("a client sent %s", raw)
		return
	}
	conn.frames++
	function, ok := s.function(endpoint.TriggerSocket, head.Action)
	if !ok {
		s.t.Errorf("no function takes %s", raw)
		return
	}
	o := s.operation(fmt.Sprintf("%s %d %s %s", conn.id, conn.frames, head.Action, head.ID), function.Name)
	s.beside(func() {
		if o.sleep(s.ctx, "to the function", s.paces.network) != nil {
			return
		}
		s.dispatch(o, conn, head.Action, "MESSAGE", string(raw))
	})
}

// dispatch runs the function of a route and reports whether it went well. A frame
// whose function fails is answered by API Gateway itself.
func (s *simulation) dispatch(o *operation, conn *connection, route, kind, body string) bool {
	function, ok := s.function(endpoint.TriggerSocket, route)
	if !ok {
		s.t.Errorf("no function has the route %s", route)
		return false
	}
	o.function = function.Name
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
	payload, _, err := s.invoke(o, function, e)
	if err != nil {
		if kind == "MESSAGE" {
			s.deliver(o, conn.id, []byte(`{"message":"Internal server error"}`))
		}
		return false
	}
	var given events.APIGatewayProxyResponse
	return json.Unmarshal(payload, &given) == nil && given.StatusCode == 200
}
