package testkit

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit/frames"
)

// What a client gets.
type (
	Frame = frames.Frame
	Event = frames.Event
)

// Socket is a person's open WebSocket.
type Socket struct {
	// ID is the connection's id.
	ID string

	person    *Person
	connected time.Time
}

// Connect opens a socket with a new ticket.
func (p *Person) Connect(t testing.TB) *Socket {
	t.Helper()
	ticket := As[struct{ URL string }](t, p.Call(t, "POST /v1/realtime/tickets", nil))
	link, err := url.Parse(ticket.URL)
	if err != nil {
		t.Fatalf("the ticket's url: %v", err)
	}
	socket, status := p.Handshake(t, link.Query())
	if status != 200 {
		t.Fatalf("connect: status %d", status)
	}
	return socket
}

// Handshake tries to open a socket with a query, and gives the status.
func (p *Person) Handshake(t testing.TB, query url.Values) (*Socket, int) {
	t.Helper()
	s := &Socket{ID: "socket-" + p.harness.nextID(), person: p, connected: time.Now().UTC()}
	p.harness.Gateway.open(s.ID)
	event := s.event("$connect", "CONNECT")
	event.MultiValueQueryStringParameters = query
	event.QueryStringParameters = map[string]string{}
	for name, values := range query {
		event.QueryStringParameters[name] = values[len(values)-1]
	}
	status := s.dispatch(t.Context(), t, nil, event)
	if status != 200 {
		p.harness.Gateway.set(s.ID, lineGone)
	}
	return s, status
}

// Send sends a frame to the function that its action leads to, and returns
// when that function has ended. A frame that is a string or []byte goes as it
// is, all else is written as JSON.
func (s *Socket) Send(t testing.TB, frame any) {
	t.Helper()
	s.send(t.Context(), t, nil, frame)
}

// SendIn is Send with the context that the function runs in.
func (s *Socket) SendIn(ctx context.Context, t testing.TB, frame any) {
	t.Helper()
	s.send(ctx, t, nil, frame)
}

// SendWith is Send to an instance that is opened with overrides.
func (s *Socket) SendWith(t testing.TB, overrides endpoint.Overrides, frame any) {
	t.Helper()
	s.send(t.Context(), t, &overrides, frame)
}

func (s *Socket) send(ctx context.Context, t testing.TB, overrides *endpoint.Overrides, frame any) {
	t.Helper()
	raw, err := bodyOf(frame)
	if err != nil {
		t.Errorf("encode frame: %v", err)
		return
	}
	event := s.event(s.person.harness.action(raw), "MESSAGE")
	event.RequestContext.MessageID = event.RequestContext.RequestID
	event.Body = string(raw)
	if status := s.dispatch(ctx, t, overrides, event); status != 200 {
		t.Errorf("send %.100s: status %d", raw, status)
	}
}

// Ask sends a frame and gives the first new one that bears its id. A frame
// without an answer fails the test.
func (s *Socket) Ask(t testing.TB, frame any) Frame {
	t.Helper()
	raw, err := bodyOf(frame)
	if err != nil {
		t.Errorf("encode frame: %v", err)
		return Frame{}
	}
	var sent struct {
		ID string `json:"id"`
	}
	// A frame on purpose broken has no id.
	_ = json.Unmarshal(raw, &sent)
	before := len(s.Frames(t))
	s.Send(t, raw)
	for _, got := range s.Frames(t)[before:] {
		if got.ID == sent.ID && !got.Unasked() {
			return got
		}
	}
	t.Errorf("no answer to %.200s", raw)
	return Frame{}
}

// Frames are those that reached the socket so far, in their order.
func (s *Socket) Frames(t testing.TB) []Frame {
	t.Helper()
	raws, _ := s.person.harness.Gateway.snapshot(s.ID)
	all := make([]Frame, len(raws))
	for i, raw := range raws {
		var err error
		if all[i], err = frames.Decode(raw); err != nil {
			t.Error(err)
		}
		if len(raw) > endpoint.MaxFrame {
			t.Errorf("a frame of %d bytes", len(raw))
		}
	}
	return all
}

// Events are the events of a topic that reached the socket so far.
func (s *Socket) Events(t testing.TB, topic string) []Event {
	t.Helper()
	var all []Event
	for _, frame := range s.Frames(t) {
		if frame.Type == "event" && frame.Topic == topic {
			all = append(all, frame.Events...)
		}
	}
	return all
}

// Age makes the socket older: it was opened earlier by so much, by its events and
// by its row.
func (s *Socket) Age(t testing.TB, by time.Duration) {
	t.Helper()
	s.connected = s.connected.Add(-by)
	var key table.Key
	for _, item := range s.person.harness.Stored(t, "Realtime") {
		if pk := item["PK"].(string); item["SK"] == "CONNECTION" && strings.HasSuffix(pk, s.ID) {
			key = table.Key{PK: pk, SK: "CONNECTION"}
		}
	}
	err := s.person.harness.Tables.Realtime.Update(t.Context(), key, table.Update{
		Set: map[string]any{"connectedAt": s.connected}, If: table.Exists(),
	})
	if err != nil {
		t.Fatalf("age socket: %v", err)
	}
}

// Open reports whether the socket is open: nobody has closed it, and it is not
// gone.
func (s *Socket) Open() bool { return s.person.harness.Gateway.isOpen(s.ID) }

// Posts counts the posts to the socket, those that failed among them.
func (s *Socket) Posts() int {
	_, posts := s.person.harness.Gateway.snapshot(s.ID)
	return posts
}

// Vanish lets the socket be gone without a word: posts get 410.
func (s *Socket) Vanish() { s.person.harness.Gateway.set(s.ID, lineGone) }

// Hang lets posts wait for ever.
func (s *Socket) Hang() { s.person.harness.Gateway.set(s.ID, lineHanging) }

// Fail lets posts fail with 500.
func (s *Socket) Fail() { s.person.harness.Gateway.set(s.ID, lineFailing) }

// Recover lets posts get through again.
func (s *Socket) Recover() { s.person.harness.Gateway.set(s.ID, lineOpen) }

// Close closes the socket: posts get 410, and `$disconnect` runs.
func (s *Socket) Close(t testing.TB) {
	t.Helper()
	s.Vanish()
	if status := s.dispatch(t.Context(), t, nil, s.event("$disconnect", "DISCONNECT")); status != 200 {
		t.Errorf("disconnect: status %d", status)
	}
}

// event is an event about the socket, without what its type adds.
func (s *Socket) event(route, eventType string) events.APIGatewayWebsocketProxyRequest {
	id := s.person.harness.nextID()
	now := time.Now().UTC()
	return events.APIGatewayWebsocketProxyRequest{
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			AccountID: "123456789012", APIID: "sockets", Stage: "live", RouteKey: route, EventType: eventType,
			RequestID: id, ExtendedRequestID: id, MessageDirection: "IN", ConnectedAt: s.connected.UnixMilli(),
			ConnectionID: s.ID, DomainName: "sockets.test", RequestTime: now.Format(timeLayout), RequestTimeEpoch: now.UnixMilli(),
			Identity: events.APIGatewayRequestIdentity{SourceIP: "203.0.113.7"},
		},
	}
}

// dispatch hands the event to the function of its route and gives the status.
func (s *Socket) dispatch(ctx context.Context, t testing.TB, overrides *endpoint.Overrides, event events.APIGatewayWebsocketProxyRequest) int {
	t.Helper()
	function, ok := s.person.harness.socketFunction(event.RequestContext.RouteKey)
	if !ok {
		t.Errorf("no function has the route %s", event.RequestContext.RouteKey)
		return 0
	}
	payload, err := s.person.harness.invoke(ctx, function.Name, overrides, event)
	if err != nil {
		t.Errorf("%s failed: %v", function.Name, err)
		return 0
	}
	var answer events.APIGatewayProxyResponse
	if err := json.Unmarshal(payload, &answer); err != nil {
		t.Errorf("%s gave no answer: %v", function.Name, err)
	}
	return answer.StatusCode
}

// action picks a frame's route as API Gateway does, by `$request.body.action`:
// one of its own routes too, if the client says so.
func (h *Harness) action(raw []byte) string {
	var frame struct {
		Action any `json:"action"`
	}
	if json.Unmarshal(raw, &frame) != nil {
		return "$default"
	}
	name, ok := frame.Action.(string)
	if _, known := h.socketFunction(name); !ok || !known {
		return "$default"
	}
	return name
}

func (h *Harness) socketFunction(route string) (endpoint.FunctionSpec, bool) {
	for _, function := range h.functions {
		if function.Trigger == endpoint.TriggerSocket && function.Route == route {
			return function, true
		}
	}
	return endpoint.FunctionSpec{}, false
}
