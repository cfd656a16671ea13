package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"github.com/rapport/rapport/shared/core/clock"
)

// deadline bounds every wait of these tests; nothing is asserted about time.
const deadline = 20 * time.Second

// functions are the functions behind a test's sockets. Events of all of them
// can be read from seen.
type functions struct {
	connect func(events.APIGatewayWebsocketProxyRequest) string
	message func(folder string, event events.APIGatewayWebsocketProxyRequest) error
	seen    chan events.APIGatewayWebsocketProxyRequest
}

func (f *functions) Invoke(_ context.Context, folder string, payload []byte) ([]byte, error) {
	var event events.APIGatewayWebsocketProxyRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	f.seen <- event
	switch {
	case folder == "realtime/connect" && event.RequestContext.EventType == "CONNECT" && f.connect != nil:
		return []byte(f.connect(event)), nil
	case event.RequestContext.EventType == "MESSAGE" && f.message != nil:
		return []byte(`{"statusCode":200}`), f.message(folder, event)
	}
	return []byte(`{"statusCode":200}`), nil
}

// front is a WebSocket API under test.
type front struct {
	*Sockets
	functions *functions
	url       string
	t         *testing.T
}

func serveSockets(t *testing.T, limits SocketLimits, f *functions) *front {
	t.Helper()
	f.seen = make(chan events.APIGatewayWebsocketProxyRequest, 10000)
	g, err := NewSockets(SocketOptions{
		Routes: []SocketRoute{
			{"$connect", "realtime/connect"}, {"$disconnect", "realtime/disconnect"},
			{"$default", "realtime/unknown"}, {"edit", "notes/edit"},
		},
		Limits: limits, Invoker: f, Clock: clock.System{}, Log: silent(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return &front{Sockets: g, functions: f, url: server.URL, t: t}
}

// dial opens a socket and gives its connection id.
func (f *front) dial(options *websocket.DialOptions) (*websocket.Conn, string) {
	f.t.Helper()
	conn, _, err := websocket.Dial(f.t.Context(), "ws"+strings.TrimPrefix(f.url, "http")+"/?ticket=t1", options)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	return conn, f.event("CONNECT").RequestContext.ConnectionID
}

// event waits for the next event and checks its type.
func (f *front) event(eventType string) events.APIGatewayWebsocketProxyRequest {
	f.t.Helper()
	select {
	case event := <-f.functions.seen:
		if got := event.RequestContext.EventType; got != eventType {
			f.t.Fatalf("event %s (%s), want %s", got, event.Body, eventType)
		}
		return event
	case <-time.After(deadline):
		f.t.Fatalf("no event; want %s", eventType)
		panic("unreachable")
	}
}

func (f *front) send(conn *websocket.Conn, frame string) {
	f.t.Helper()
	if err := conn.Write(f.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *front) receive(conn *websocket.Conn) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), deadline)
	defer cancel()
	_, frame, err := conn.Read(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(frame)
}

func (f *front) closed(conn *websocket.Conn) websocket.StatusCode {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), deadline)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func TestSocketLifecycle(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	conn, _, err := websocket.Dial(t.Context(), f.url+"/?ticket=a%20b&x=1&x=2", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}, "User-Agent": {"test/1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	connect := f.event("CONNECT")
	id := connect.RequestContext.ConnectionID
	if len(id) != 16 || !strings.HasSuffix(id, "=") {
		t.Errorf("connection id %q", id)
	}
	if connect.RequestContext.RouteKey != "$connect" || connect.QueryStringParameters["ticket"] != "a b" ||
		connect.QueryStringParameters["x"] != "2" || len(connect.MultiValueQueryStringParameters["x"]) != 2 ||
		connect.Headers["Origin"] != "https://elsewhere.example" || connect.RequestContext.Identity.UserAgent != "test/1" ||
		connect.RequestContext.ConnectedAt == 0 {
		t.Errorf("connect: %+v", connect)
	}

	f.send(conn, `{"action":"edit","id":"1"}`)
	message := f.event("MESSAGE")
	if message.RequestContext.RouteKey != "edit" || message.Body != `{"action":"edit","id":"1"}` || message.IsBase64Encoded ||
		message.RequestContext.ConnectionID != id || message.RequestContext.ConnectedAt != connect.RequestContext.ConnectedAt ||
		message.Headers != nil {
		t.Errorf("message: %+v", message)
	}
	f.send(conn, "no JSON at all")
	if key := f.event("MESSAGE").RequestContext.RouteKey; key != "$default" {
		t.Errorf("route %s", key)
	}
	f.send(conn, `{"action":"$disconnect"}`)
	if event := f.event("MESSAGE"); event.RequestContext.RouteKey != "$disconnect" {
		t.Errorf("a client's $disconnect: %+v", event.RequestContext)
	}

	if err := conn.Close(4001, "done"); err != nil {
		t.Fatal(err)
	}
	disconnect := f.event("DISCONNECT").RequestContext
	if disconnect.ConnectionID != id || disconnect.RouteKey != "$disconnect" ||
		disconnect.DisconnectStatusCode != 4001 || *disconnect.DisconnectReason != "done" {
		t.Errorf("disconnect: %+v", disconnect)
	}
}

func TestConnectDecidesAboutTheHandshake(t *testing.T) {
	tests := []struct {
		name, give string
		want       int
		wantBody   string
	}{
		{"unauthorized", `{"statusCode":401}`, 401, `"message":"Unauthorized"`},
		{"forbidden with words", `{"statusCode":403,"headers":{"content-type":"application/problem+json"},"body":"{\"code\":\"FORBIDDEN\"}"}`, 403, `{"code":"FORBIDDEN"}`},
		{"no status", `{}`, 500, `"message":"Internal server error"`},
		{"not JSON", `oops`, 500, `"connectionId"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := serveSockets(t, SocketLimits{}, &functions{connect: func(events.APIGatewayWebsocketProxyRequest) string { return test.give }})
			conn, response, err := websocket.Dial(t.Context(), f.url, nil)
			if err == nil {
				_ = conn.CloseNow()
				t.Fatal("let in")
			}
			body := make([]byte, 1024)
			n, _ := response.Body.Read(body)
			if response.StatusCode != test.want || !strings.Contains(string(body[:n]), test.wantBody) {
				t.Errorf("%d %s", response.StatusCode, body[:n])
			}
			if f.Open() != 0 {
				t.Error("a refused socket is open")
			}
			f.event("CONNECT")
			if len(f.functions.seen) != 0 {
				t.Error("$disconnect ran for a socket that never was")
			}
		})
	}
}

func TestOnlyAHandshakeRunsConnect(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	for _, header := range []http.Header{
		{},
		{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"12"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}},
		{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}},
	} {
		r := request(t, "GET", f.url+"/?ticket=t", "")
		r.Header = header
		response, _ := do(t, r)
		if response.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("%v: %d", header, response.StatusCode)
		}
	}
	if len(f.functions.seen) != 0 {
		t.Error("a function ran")
	}
}

func TestFramesOfOneSocketRunAtOnce(t *testing.T) {
	const inFlight = 4
	var started atomic.Int64
	all, proceed := make(chan struct{}), make(chan struct{})
	f := serveSockets(t, SocketLimits{InFlight: inFlight}, &functions{message: func(string, events.APIGatewayWebsocketProxyRequest) error {
		if started.Add(1) == inFlight {
			close(all)
		}
		<-proceed
		return nil
	}})
	conn, _ := f.dial(nil)
	for i := range 3 * inFlight {
		f.send(conn, fmt.Sprintf(`{"action":"edit","id":"%d"}`, i))
	}
	select {
	case <-all:
	case <-time.After(deadline):
		t.Fatal("frames of one socket wait for each other")
	}
	close(proceed)
	ids := map[string]bool{}
	for range 3 * inFlight {
		ids[f.event("MESSAGE").Body] = true
	}
	if len(ids) != 3*inFlight {
		t.Errorf("%d of %d frames arrived", len(ids), 3*inFlight)
	}
}

func TestTheCapStopsReading(t *testing.T) {
	const inFlight = 2
	proceed := make(chan struct{})
	var running atomic.Int64
	var over atomic.Bool
	f := serveSockets(t, SocketLimits{InFlight: inFlight}, &functions{message: func(string, events.APIGatewayWebsocketProxyRequest) error {
		defer running.Add(-1)
		if running.Add(1) > inFlight {
			over.Store(true)
		}
		<-proceed
		return nil
	}})
	conn, _ := f.dial(nil)
	for range 20 {
		f.send(conn, `{"action":"edit"}`)
	}
	for range inFlight {
		f.event("MESSAGE")
	}
	for range 18 {
		proceed <- struct{}{}
	}
	for range 18 {
		f.event("MESSAGE")
	}
	close(proceed)
	if over.Load() {
		t.Errorf("more than %d frames ran at once", inFlight)
	}
}

func TestFramesThatEndASocket(t *testing.T) {
	tests := []struct {
		name string
		kind websocket.MessageType
		give []byte
		want websocket.StatusCode
	}{
		{"too large", websocket.MessageText, []byte(strings.Repeat("x", 32<<10+1)), websocket.StatusMessageTooBig},
		{"much too large", websocket.MessageText, []byte(strings.Repeat("x", 1<<20)), websocket.StatusMessageTooBig},
		{"binary", websocket.MessageBinary, []byte("x"), websocket.StatusUnsupportedData},
		{"not UTF-8", websocket.MessageText, []byte("\"\xff\""), websocket.StatusInvalidFramePayloadData},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := serveSockets(t, SocketLimits{}, &functions{})
			conn, _ := f.dial(nil)
			f.send(conn, strings.Repeat(" ", 32<<10))
			f.event("MESSAGE")
			// The other side may close before all is written.
			_ = conn.Write(t.Context(), test.kind, test.give)
			if code := f.closed(conn); code != test.want {
				t.Errorf("closed with %d, want %d", code, test.want)
			}
			if code := f.event("DISCONNECT").RequestContext.DisconnectStatusCode; code != int64(test.want) {
				t.Errorf("$disconnect says %d", code)
			}
			if len(f.functions.seen) != 0 {
				t.Error("the frame reached a function")
			}
		})
	}
}

func TestAFunctionErrorIsAFrame(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{message: func(string, events.APIGatewayWebsocketProxyRequest) error { return errors.New("panic") }})
	conn, id := f.dial(nil)
	f.send(conn, `{"action":"edit"}`)
	requestID := f.event("MESSAGE").RequestContext.RequestID
	want := fmt.Sprintf(`{"connectionId":"%s","message":"Internal server error","requestId":"%s"}`, id, requestID)
	if got := f.receive(conn); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASocketEndsOfAgeAndOfSilence(t *testing.T) {
	for name, limits := range map[string]SocketLimits{
		"age": {Lifetime: 30 * time.Millisecond}, "silence": {Idle: 30 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			f := serveSockets(t, limits, &functions{})
			conn, _ := f.dial(nil)
			if code := f.closed(conn); code != websocket.StatusGoingAway {
				t.Errorf("closed with %d", code)
			}
			f.event("DISCONNECT")
		})
	}
}

func TestAClientThatVanishesIsDisconnectedOnce(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	conn, _ := f.dial(nil)
	if err := conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	if code := f.event("DISCONNECT").RequestContext.DisconnectStatusCode; code != 1006 {
		t.Errorf("code %d", code)
	}
	if len(f.functions.seen) != 0 {
		t.Error("another event")
	}
}

func TestShutdownSaysGoingAwayAndRunsDisconnect(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	conn, _ := f.dial(nil)
	codes := make(chan websocket.StatusCode, 1)
	go func() { codes <- f.closed(conn) }()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	f.event("DISCONNECT")
	if code := <-codes; code != websocket.StatusGoingAway {
		t.Errorf("closed with %d", code)
	}
	if _, response, err := websocket.Dial(t.Context(), f.url, nil); err == nil || response.StatusCode != http.StatusTooManyRequests {
		t.Error("a socket was let in after shutdown")
	}
}

func TestMoreSocketsThanMayBeOpen(t *testing.T) {
	f := serveSockets(t, SocketLimits{Sockets: 1}, &functions{})
	f.dial(nil)
	if _, response, err := websocket.Dial(t.Context(), f.url, nil); err == nil || response.StatusCode != http.StatusTooManyRequests {
		t.Error("let in")
	}
}

// smallReceiver dials with little room in the system for what isn't read.
func smallReceiver() *websocket.DialOptions {
	dialer := &net.Dialer{}
	return &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if tcp, ok := conn.(*net.TCPConn); ok {
				err = errors.Join(err, tcp.SetReadBuffer(8<<10))
			}
			return conn, err
		},
	}}}
}
