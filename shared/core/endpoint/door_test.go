package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

// house is what surrounds a function in these tests: it lets in whoever shows
// the token `good` or speaks over the socket `open`.
type house struct {
	log     bytes.Buffer
	posted  [][]byte
	posting error
	replays replays
	// sent are the texts of effects, order these and frames as they went.
	mu          sync.Mutex
	sent, order []string
	// handover is nil where nobody is asked to move over.
	handover Handover
}

// Bearer implements Authenticator.
func (*house) Bearer(_ context.Context, token string) (caller.Caller, error) {
	if token != "good" {
		return caller.Caller{}, errs.New(errs.Unauthorized, "No.")
	}
	return caller.Caller{UserID: "user_ada"}, nil
}

// Caller implements Connections.
func (*house) Caller(_ context.Context, id string) (caller.Caller, error) {
	if id != "open" {
		return caller.Caller{}, errs.New(errs.Unauthorized, "No.")
	}
	return caller.Caller{UserID: "user_ada"}, nil
}

// Acquainted implements Connections.
func (*house) Acquainted(id string) (caller.Caller, bool) {
	return caller.Caller{UserID: "user_grace", Unconfirmed: true}, id == "met"
}

// note is an effect of a moment: sending "boom" panics, and "fail" fails.
type note struct {
	when effect.When
	text string
}

// When implements effect.Effect.
func (n note) When() effect.When { return n.when }

// Dispatch implements Dispatcher.
func (h *house) Dispatch(_ context.Context, e effect.Effect) error {
	text := e.(note).text
	switch text {
	case "boom":
		panic("secret of the house")
	case "fail":
		return errSecret
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent, h.order = append(h.sent, text), append(h.order, text)
	return nil
}

// Post implements Poster.
func (h *house) Post(_ context.Context, _ string, frame []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.order = append(h.order, string(frame))
	if h.posting == nil {
		h.posted = append(h.posted, frame)
	}
	return h.posting
}

// replays remembers what it was asked for, in order.
type replays struct {
	first []byte
	// died is true where the first answer's execution did.
	died  bool
	begin error
	asked []string
	fails error
}

// Begin implements IdempotencyStore.
func (r *replays) Begin(_ context.Context, scope, key string, content, _ []byte) (*idempotency.Execution, []byte, error) {
	r.asked = append(r.asked, "begin "+scope+" "+key+" "+string(content))
	if r.begin != nil || (r.first != nil && !r.died) {
		return nil, r.first, r.begin
	}
	return &idempotency.Execution{Key: key, Owner: "me", Recorded: r.died}, r.first, nil
}

// Finish implements IdempotencyStore.
func (r *replays) Finish(_ context.Context, _ *idempotency.Execution, body []byte) error {
	r.asked = append(r.asked, "finish "+string(body))
	return r.fails
}

// Abandon implements IdempotencyStore.
func (r *replays) Abandon(context.Context, *idempotency.Execution) error {
	r.asked = append(r.asked, "abandon")
	return r.fails
}

// Release implements IdempotencyStore.
func (r *replays) Release(context.Context, *idempotency.Execution) error {
	r.asked = append(r.asked, "release")
	return r.fails
}

func (h *house) open(t *testing.T, fn Function[struct{}]) lambda.Handler {
	t.Helper()
	return h.openWith(t, fn, func(*Runtime) {})
}

// openWith opens a function in another runtime.
func (h *house) openWith(t *testing.T, fn Function[struct{}], change func(*Runtime)) lambda.Handler {
	t.Helper()
	open := func(context.Context, Declaration, config.Env, Overrides) (App[struct{}], error) {
		runtime := Runtime{
			Authenticator: h, Connections: h, Idempotency: &h.replays, Posts: h, Effects: h, Handover: h.handover, Log: slog.New(slog.NewJSONHandler(&h.log, nil)),
			Clock: clock.NewManual(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)),
		}
		change(&runtime)
		return App[struct{}]{Runtime: runtime}, nil
	}
	units := Domain("desk", open, map[string]Function[struct{}]{"write": fn})
	handler, err := units[0].Open(t.Context(), nil, Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// lines are what was logged so far.
func (h *house) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range bytes.Lines(h.log.Bytes()) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("a log line that isn't JSON: %s", line)
		}
		lines = append(lines, one)
	}
	return lines
}

// letter and receipt are what the functions of these tests take and give.
type letter struct {
	Box  string `path:"box"`
	Text string `json:"text" maxLength:"20"`
}

type receipt struct {
	Text string `json:"text"`
}

// post is an event with all that a good call needs.
func post(body string) events.APIGatewayV2HTTPRequest {
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST /box/{box}", RawPath: "/box/1", Body: body,
		Headers:        map[string]string{"authorization": "Bearer good", "content-type": "application/json"},
		PathParameters: map[string]string{"box": "1"},
	}
	event.RequestContext.RequestID = "request-1"
	event.RequestContext.HTTP.Method = "POST"
	return event
}

func invoke(t *testing.T, handler lambda.Handler, event events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	answered, err := handler.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("the function failed as a whole: %v", err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answered, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

func problem(t *testing.T, response events.APIGatewayV2HTTPResponse) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(response.Body), &p); err != nil {
		t.Fatalf("no problem: %d %s", response.StatusCode, response.Body)
	}
	if response.Headers["content-type"] != "application/problem+json" || p.Status != response.StatusCode {
		t.Errorf("the problem is of type %q, its status %d beside %d", response.Headers["content-type"], p.Status, response.StatusCode)
	}
	return p
}

// echo answers the text of a letter.
func echo(_ struct{}, _ context.Context, _ caller.Caller, in letter) (receipt, error) {
	return receipt{in.Text}, nil
}

// failing is a function whose method gives an error.
func failing(err error) Function[struct{}] {
	return HTTP("POST /box/{box}", "Fail.", func(struct{}, context.Context, caller.Caller, letter) (receipt, error) {
		return receipt{}, err
	})
}

var errSecret = errors.New("secret of the house")
