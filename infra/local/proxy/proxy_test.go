package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/template"
)

// enough bounds every wait of these tests; nothing is asserted about time.
const enough = 30 * time.Second

const editKey = "LOCALrapportNotesEditFunction"

func stack() *template.Stack {
	return &template.Stack{Region: "us-east-1", AccountID: "000000000000", Functions: []template.Function{
		{Folder: "notes/edit", Name: "rapport-Notes-EditFunction"},
	}}
}

func newProxy(tb testing.TB, engine string, middleware ...Middleware) *Proxy {
	tb.Helper()
	d, err := New(Options{Engine: engine, Stack: stack(), Middleware: middleware, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(d.Close)
	return d
}

// open gives the client of a proxy before an engine.
func open(tb testing.TB, engine string, middleware ...Middleware) *Transport {
	tb.Helper()
	return newProxy(tb, engine, middleware...).Tables()
}

// notes are what a layer or an engine saw.
type notes[T any] struct {
	mu  sync.Mutex
	all []T
}

func (n *notes[T]) add(one T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, one)
}

// take gives the notes and begins anew.
func (n *notes[T]) take() []T {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

// engine is a table engine that a handler plays.
func engine(t *testing.T, answer http.HandlerFunc) string {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Amzn-Requestid", "engine")
	w.Header().Set("X-Target", r.Header.Get("X-Amz-Target"))
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(body)
}

// request is a call of a function as its SDK makes it.
func request(tb testing.TB, operation, body string) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "http://tables.invalid", strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+editKey+"/20260101/us-east-1/dynamodb/aws4_request, Signature=0")
	return r
}

func call(t *testing.T, tables *Transport, operation, body string) (*http.Response, string, error) {
	t.Helper()
	response, err := tables.Do(request(t, operation, body))
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response, string(answer), err
}

func TestCallsPassThrough(t *testing.T) {
	var seen notes[Call]
	watch := func(ctx context.Context, c *Call, next Handler) (Response, error) {
		seen.add(Call{Service: c.Service, Function: c.Function, Key: c.Key, Operation: c.Operation, Actions: c.Actions, Body: bytes.Clone(c.Body)})
		return next(ctx, c)
	}
	tables := open(t, engine(t, echo), watch)
	const body = `{"TableName":"Data","Key":{"PK":{"S":"a"}}}`
	for range 3 {
		response, answer, err := call(t, tables, "GetItem", body)
		if err != nil || response.StatusCode != 200 || answer != body {
			t.Fatalf("%v %s %v", response, answer, err)
		}
		if got := response.Header.Get("X-Target"); got != "DynamoDB_20120810.GetItem" {
			t.Errorf("the engine was asked for %q", got)
		}
		if got := response.Header.Get("X-Amzn-Requestid"); got != "engine" {
			t.Errorf("request id %q", got)
		}
	}
	want := Call{
		Service: Tables, Function: "notes/edit", Key: editKey, Operation: "GetItem", Body: []byte(body),
		Actions: []Action{{"dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/Data"}},
	}
	if diff := cmp.Diff([]Call{want, want, want}, seen.take(), cmp.Comparer(func(a, b Call) bool {
		return a.Service == b.Service && a.Function == b.Function && a.Key == b.Key && a.Operation == b.Operation &&
			cmp.Equal(a.Actions, b.Actions) && bytes.Equal(a.Body, b.Body)
	})); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsOfTheEnginePassThrough(t *testing.T) {
	const said = `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no"}`
	tables := open(t, engine(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, said)
	}))
	response, answer, err := call(t, tables, "PutItem", `{"TableName":"Data"}`)
	if err != nil || response.StatusCode != 400 || answer != said {
		t.Errorf("%v %s %v", response, answer, err)
	}
}

func TestBodiesOfManySizes(t *testing.T) {
	tables := open(t, engine(t, echo))
	for _, size := range []int{0, 1, 16 << 10, 1 << 20, MaxBody - 100} {
		body := `{"TableName":"Data","Item":{"x":{"S":"` + strings.Repeat("x", size) + `"}}}`
		if response, answer, err := call(t, tables, "PutItem", body); err != nil || response.StatusCode != 200 || answer != body {
			t.Errorf("%d bytes: %v, %d bytes came back, %v", size, response, len(answer), err)
		}
	}
	response, answer, err := call(t, tables, "PutItem", strings.Repeat("x", MaxBody+1))
	if err != nil || response.StatusCode != 413 || !strings.Contains(answer, "larger than 16 MB") {
		t.Errorf("above the bound: %v %s %v", response, answer, err)
	}
}

func TestManyAtOnceGetTheirOwnAnswers(t *testing.T) {
	tables := open(t, engine(t, echo))
	var all sync.WaitGroup
	for caller := range 20 {
		all.Go(func() {
			for i := range 25 {
				body := `{"TableName":"Data","n":"` + strings.Repeat(strconv.Itoa(caller), i*50) + `"}`
				if _, answer, err := call(t, tables, "PutItem", body); err != nil || answer != body {
					t.Errorf("caller %d got %d bytes for %d: %v", caller, len(answer), len(body), err)
				}
			}
		})
	}
	all.Wait()
}

func TestStepsAnswerAndCut(t *testing.T) {
	var reached notes[bool]
	target := engine(t, func(w http.ResponseWriter, r *http.Request) {
		reached.add(true)
		echo(w, r)
	})
	middleware := map[string]Middleware{
		"answer": func(context.Context, *Call, Handler) (Response, error) {
			return TableError(400, "ProvisionedThroughputExceededException", "slower"), nil
		},
		"cut": func(context.Context, *Call, Handler) (Response, error) { return Response{}, ErrCut },
		"lose": func(ctx context.Context, c *Call, next Handler) (Response, error) {
			if _, err := next(ctx, c); err != nil {
				return Response{}, err
			}
			return Response{}, ErrCut
		},
	}
	for name, test := range map[string]struct {
		reached int
		status  int
		answer  string
	}{
		"answer": {0, 400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slower"}`},
		"cut":    {0, 0, ""},
		"lose":   {1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tables := open(t, target, middleware[name])
			response, answer, err := call(t, tables, "PutItem", `{"TableName":"Data"}`)
			switch {
			case test.status == 0 && err == nil:
				t.Errorf("got %d %s, want a cut connection", response.StatusCode, answer)
			case test.status != 0 && (err != nil || response.StatusCode != test.status || answer != test.answer):
				t.Errorf("got %v %s %v", response, answer, err)
			}
			if got := len(reached.take()); got != test.reached {
				t.Errorf("the engine was asked %d times, want %d", got, test.reached)
			}
		})
	}
}

func TestStepsStandInOrder(t *testing.T) {
	var order notes[string]
	layer := func(name string) Middleware {
		return func(ctx context.Context, c *Call, next Handler) (Response, error) {
			order.add(name + " before")
			defer order.add(name + " after")
			return next(ctx, c)
		}
	}
	tables := open(t, engine(t, echo), layer("first"), layer("second"))
	if _, _, err := call(t, tables, "GetItem", `{"TableName":"Data"}`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"first before", "second before", "second after", "first after"}, order.take()); diff != "" {
		t.Error(diff)
	}
}

// TestAnEngineThatEnds wants callers to be cut, and the next ones served when an
// engine is there again.
func TestAnEngineThatEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	first := &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: enough}
	go func() { _ = first.Serve(l) }()
	tables := open(t, "http://"+address)
	const body = `{"TableName":"Data"}`
	if _, answer, err := call(t, tables, "GetItem", body); err != nil || answer != body {
		t.Fatalf("%s %v", answer, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if response, answer, err := call(t, tables, "GetItem", body); err == nil {
		t.Fatalf("without an engine: %d %s", response.StatusCode, answer)
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Skip("the engine's port is taken by another process:", err)
	}
	second := &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: enough}
	go func() { _ = second.Serve(l) }()
	t.Cleanup(func() { _ = second.Close() })
	if _, answer, err := call(t, tables, "GetItem", body); err != nil || answer != body {
		t.Errorf("with an engine again: %s %v", answer, err)
	}
}

func TestAnAnswerThatIsCutShort(t *testing.T) {
	tables := open(t, engine(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	}))
	if response, answer, err := call(t, tables, "GetItem", `{"TableName":"Data"}`); err == nil {
		t.Errorf("got %d %q, want a cut connection", response.StatusCode, answer)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8000", "https://dynamodb.us-east-1.amazonaws.com"} {
		if _, err := New(Options{Engine: address, Stack: stack(), Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestConnections(t *testing.T) {
	var seen notes[string]
	middleware := []Middleware{func(ctx context.Context, c *Call, next Handler) (Response, error) {
		seen.add(strings.Join([]string{string(c.Service), c.Function, c.Operation, c.Connection, c.Actions[0].Name, c.Actions[0].Resource, string(c.Body)}, " "))
		switch c.Connection {
		case "gone":
			return SocketError(410, "GoneException", "Gone"), nil
		case "cut":
			return Response{}, ErrCut
		}
		return next(ctx, c)
	}}
	d := newProxy(t, "http://127.0.0.1:1", middleware...)
	behind := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Behind", r.Method)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(append([]byte("behind:"), body...))
	})
	server := httptest.NewServer(d.Connections("arn:x/ws", behind))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		method, path string
		signed       bool
		status       int
		answer       string
		seen         string
	}{
		{"POST", "/@connections/a=", true, 202, "behind:frame", "execute-api notes/edit PostToConnection a= execute-api:ManageConnections arn:x/ws/POST/@connections/a= frame"},
		{"GET", "/@connections/a=", true, 202, "behind:frame", "execute-api notes/edit GetConnection a= execute-api:ManageConnections arn:x/ws/GET/@connections/a= frame"},
		{"DELETE", "/ws/@connections/a=", true, 202, "behind:frame", "execute-api notes/edit DeleteConnection a= execute-api:ManageConnections arn:x/ws/DELETE/@connections/a= frame"},
		{"POST", "/@connections/gone", true, 410, `{"message":"Gone"}`, "execute-api notes/edit PostToConnection gone execute-api:ManageConnections arn:x/ws/POST/@connections/gone frame"},
		{"POST", "/@connections/cut", true, 0, "", "execute-api notes/edit PostToConnection cut execute-api:ManageConnections arn:x/ws/POST/@connections/cut frame"},
		{"POST", "/@connections/a=", false, 202, "behind:frame", ""},
		{"GET", "/", true, 202, "behind:frame", ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, strings.NewReader("frame"))
		if err != nil {
			t.Fatal(err)
		}
		if test.signed {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+editKey+"/20260101/us-east-1/execute-api/aws4_request, Signature=0")
		}
		status, answer := 0, ""
		if response, err := http.DefaultClient.Do(r); err == nil {
			body, err := io.ReadAll(response.Body)
			if closing := response.Body.Close(); err != nil || closing != nil {
				t.Error(errors.Join(err, closing))
			}
			status, answer = response.StatusCode, string(body)
		}
		if got := strings.Join(seen.take(), "|"); status != test.status || answer != test.answer || got != test.seen {
			t.Errorf("%s %s: %d %s, seen %q", test.method, test.path, status, answer, got)
		}
	}
}
