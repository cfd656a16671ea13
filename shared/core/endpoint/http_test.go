package endpoint

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo, Answers(http.StatusCreated)))
	got := invoke(t, handler, post(`{"text":"hello"}`))
	if got.StatusCode != 201 || got.Body != `{"text":"hello"}` {
		t.Errorf("answered %d %s", got.StatusCode, got.Body)
	}
	want := map[string]string{
		"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": "request-1",
	}
	if diff := cmp.Diff(want, got.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestHTTPNoContent(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("DELETE /box/{box}", "Empty.",
		func(struct{}, context.Context, caller.Caller, struct{}) (struct{}, error) { return struct{}{}, nil }))
	event := post("")
	for _, name := range []string{"without key", "with a key", "again"} {
		got := invoke(t, handler, event)
		if got.StatusCode != 204 || got.Body != "" || got.Headers["content-type"] != "" {
			t.Errorf("%s: %d %q of type %q", name, got.StatusCode, got.Body, got.Headers["content-type"])
		}
		if event.Headers["idempotency-key"] != "" {
			f.replays.first = []byte(`{}`)
		}
		event.Headers["idempotency-key"] = "k"
	}
}

func TestHTTPGatesInOrder(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo))
	event := post(`{"text":7,` + strings.Repeat(" ", maxBody))
	event.Headers = map[string]string{"content-type": "text/plain", "idempotency-key": strings.Repeat("k", maxKey+1)}
	event.PathParameters["box"] = strings.Repeat("b", maxStep+1)
	event.QueryStringParameters = map[string]string{"x": "1"}
	steps := []struct {
		mended string
		mend   func()
		want   errs.Kind
		at     string
	}{
		{"nothing", func() {}, errs.Unauthorized, ""},
		{"the token", func() { event.Headers["authorization"] = "Bearer good" }, errs.PayloadTooLarge, ""},
		{"the size", func() { event.Body = `{"text":7,` }, errs.UnsupportedMediaType, ""},
		{"the type", func() { event.Headers["content-type"] = "application/json" }, errs.Validation, "body"},
		{"the JSON", func() { event.Body = `{"text":7}` }, errs.Validation, "body.text"},
		{"the body", func() { event.Body = `{"text":"x"}` }, errs.Validation, "path.box"},
		{"the path", func() { event.PathParameters["box"] = "1" }, errs.Validation, "query.x"},
		{"the query", func() { event.QueryStringParameters = nil }, errs.Validation, "header.Idempotency-Key"},
	}
	for _, step := range steps {
		step.mend()
		got := problem(t, invoke(t, handler, event))
		if got.Code != step.want || (step.at != "" && (len(got.Errors) == 0 || got.Errors[0].Location != step.at)) {
			t.Errorf("with %s mended: %s at %v, want %s at %s", step.mended, got.Code, got.Errors, step.want, step.at)
		}
	}
	if len(f.replays.asked) != 0 {
		t.Errorf("a refused shape used the key: %v", f.replays.asked)
	}
	event.Headers["idempotency-key"] = strings.Repeat("k", maxKey)
	if got := invoke(t, handler, event); got.StatusCode != 200 {
		t.Errorf("all mended: %d %s", got.StatusCode, got.Body)
	}
}

func TestHTTPBodyLimit(t *testing.T) {
	t.Parallel()
	for _, in64 := range []bool{false, true} {
		for extra, want := range map[int]int{0: 200, 1: 413} {
			var f fixture
			handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo))
			body := `{"text":"x"}`
			body += strings.Repeat(" ", 256<<10-len(body)+extra)
			event := post(body)
			if in64 {
				event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
			}
			if got := invoke(t, handler, event); got.StatusCode != want {
				t.Errorf("%d bytes, in base64: %t: status %d, want %d", len(body), in64, got.StatusCode, want)
			}
		}
	}
}

func TestHTTPMediaType(t *testing.T) {
	t.Parallel()
	var f fixture
	letters := f.open(t, HTTP("POST /box/{box}", "Write.", echo))
	nothing := f.open(t, HTTP("POST /box/{box}", "Ring.",
		func(struct{}, context.Context, caller.Caller, struct{}) (struct{}, error) { return struct{}{}, nil }))
	tests := []struct {
		name     string
		noBody   bool
		media    string
		encoding string
		body     string
		want     int
	}{
		{name: "plain", media: "application/json", body: `{"text":"x"}`, want: 200},
		{name: "with parameter", media: "application/json; charset=utf-8", body: `{"text":"x"}`, want: 200},
		{name: "in capitals", media: "Application/JSON", body: `{"text":"x"}`, want: 200},
		{name: "none", body: `{"text":"x"}`, want: 415},
		{name: "text", media: "text/plain", body: `{"text":"x"}`, want: 415},
		{name: "a form", media: "application/x-www-form-urlencoded", body: `text=x`, want: 415},
		{name: "a relative", media: "application/problem+json", body: `{"text":"x"}`, want: 415},
		{name: "two", media: "application/json,application/json", body: `{"text":"x"}`, want: 415},
		{name: "no media type at all", media: ";;", body: `{"text":"x"}`, want: 415},
		{name: "compressed", media: "application/json", encoding: "gzip", body: `{"text":"x"}`, want: 415},
		{name: "said to be as it is", media: "application/json", encoding: "identity", body: `{"text":"x"}`, want: 415},
		{name: "a body is needed", media: "application/json", want: 400},
		{name: "a body and its type are needed", want: 415},
		{name: "none is needed", noBody: true, want: 204},
		{name: "an empty object will do", noBody: true, media: "application/json", body: `{}`, want: 204},
		{name: "a field where none is", noBody: true, media: "application/json", body: `{"a":1}`, want: 400},
		{name: "a list where nothing is", noBody: true, media: "application/json", body: `[]`, want: 400},
		{name: "text where nothing is", noBody: true, media: "text/plain", body: `x`, want: 415},
	}
	for _, tt := range tests {
		event := post(tt.body)
		event.Headers["content-type"] = tt.media
		if tt.encoding != "" {
			event.Headers["content-encoding"] = tt.encoding
		}
		handler := letters
		if tt.noBody {
			handler = nothing
		}
		if got := invoke(t, handler, event); got.StatusCode != tt.want {
			t.Errorf("%s: status %d, want %d: %s", tt.name, got.StatusCode, tt.want, got.Body)
		}
	}
}

func TestHTTPBearer(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo))
	for header, want := range map[string]int{
		"Bearer good": 200, "bearer good": 200, "BEARER good": 200, "Bearer   good": 200,
		"": 401, "Bearer": 401, "Bearer ": 401, "good": 401, "Basic good": 401, "Bearer bad": 401, "Bearergood": 401, "Token good": 401,
	} {
		event := post(`{"text":"x"}`)
		event.Headers["authorization"] = header
		got := invoke(t, handler, event)
		if got.StatusCode != want || (want == 401) != (got.Headers["www-authenticate"] == "Bearer") {
			t.Errorf("%q: status %d, want %d, WWW-Authenticate %q", header, got.StatusCode, want, got.Headers["www-authenticate"])
		}
	}
}

func TestHTTPKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[errs.Kind]int{
		errs.Unauthorized: 401, errs.Forbidden: 403, errs.NotFound: 404, errs.MethodNotAllowed: 405, errs.Validation: 400,
		errs.PayloadTooLarge: 413, errs.UnsupportedMediaType: 415, errs.Conflict: 409, errs.MeetingNotActive: 409,
		errs.HistoryGone: 410, errs.RateLimited: 429, errs.Provider: 502, errs.Internal: 500,
	} {
		var f fixture
		err := fmt.Errorf("write: %w", &errs.Error{Kind: kind, Message: "For people.", Err: errSecret, RetryAfter: 1200 * time.Millisecond})
		response := invoke(t, f.open(t, failing(err)), post(`{"text":"x"}`))
		got := problem(t, response)
		if response.StatusCode != want || got.Code != kind || got.Detail != "For people." || got.RequestID != "request-1" || got.Title == "" {
			t.Errorf("%s: %d %+v", kind, response.StatusCode, got)
		}
		if strings.Contains(response.Body, "secret") {
			t.Errorf("%s tells its cause: %s", kind, response.Body)
		}
		if after := response.Headers["retry-after"]; (kind == errs.RateLimited) != (after == "2") {
			t.Errorf("%s: Retry-After %q", kind, after)
		}
		if (got.Oldest != nil) != (kind == errs.HistoryGone) {
			t.Errorf("%s: oldest %v", kind, got.Oldest)
		}
		if passes := want == 429 || want >= 500; got.Retryable != passes {
			t.Errorf("%s: retryable is %v", kind, got.Retryable)
		}
	}
}

func TestHTTPUnknownErrors(t *testing.T) {
	t.Parallel()
	var f fixture
	response := invoke(t, f.open(t, failing(errSecret)), post(`{"text":"x"}`))
	if got := problem(t, response); got.Code != errs.Internal || strings.Contains(response.Body, "secret") {
		t.Errorf("answered %s", response.Body)
	}
	lines := f.lines(t)
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || !strings.Contains(fmt.Sprint(lines[0]["error"]), "secret") {
		t.Errorf("logged %v", lines)
	}
}

// What a refusal hides, such as a denial that couldn't be audited, is logged.
func TestHTTPRefusalsWithACause(t *testing.T) {
	t.Parallel()
	for kind, level := range map[errs.Kind]string{errs.Forbidden: "ERROR", errs.Conflict: "ERROR", errs.Unauthorized: "INFO", errs.RateLimited: "INFO"} {
		for _, cause := range []error{nil, errSecret} {
			var f fixture
			response := invoke(t, f.open(t, failing(fmt.Errorf("write: %w", &errs.Error{Kind: kind, Message: "No.", Err: cause}))), post(`{"text":"x"}`))
			if strings.Contains(response.Body, "secret") {
				t.Errorf("%s tells its cause: %s", kind, response.Body)
			}
			lines := f.lines(t)
			want := map[bool]string{true: level, false: "INFO"}[cause != nil]
			if reason := lines[0]["reason"]; len(lines) != 1 || lines[0]["level"] != want || (cause != nil) != (reason == "a secret detail") {
				t.Errorf("%s with cause %v logs %v, want level %s", kind, cause, lines, want)
			}
		}
	}
}

func TestHTTPPanic(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "k"} {
		var f fixture
		handler := f.open(t, HTTP("POST /box/{box}", "Write.",
			func(_ struct{}, _ context.Context, _ caller.Caller, in request) (receipt, error) {
				if in.Text == "boom" {
					panic("a secret detail")
				}
				return receipt{in.Text}, nil
			}))
		event := post(`{"text":"boom"}`)
		if key != "" {
			event.Headers["idempotency-key"] = key
		}
		response := invoke(t, handler, event)
		if got := problem(t, response); got.Code != errs.Internal || strings.Contains(response.Body, "secret") {
			t.Errorf("a panic gives %s", response.Body)
		}
		lines := f.lines(t)
		if len(lines) != 1 || lines[0]["code"] != "INTERNAL" || !strings.Contains(fmt.Sprint(lines[0]["stack"]), "http_test.go") {
			t.Errorf("a panic logs %v", lines)
		}
		if got := invoke(t, handler, post(`{"text":"x"}`)); got.StatusCode != 200 {
			t.Errorf("after a panic: %d", got.StatusCode)
		}
	}
}

func TestHTTPLog(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo))
	for body, code := range map[string]string{`{"text":"whisper"}`: "OK", `{"text":"whisper too long to be taken"}`: "VALIDATION_ERROR", `whisper`: "VALIDATION_ERROR"} {
		f.log.Reset()
		event := post(body)
		event.Headers["idempotency-key"] = "hush"
		event.Headers["cookie"] = "hush"
		invoke(t, handler, event)
		lines := f.lines(t)
		if len(lines) != 1 {
			t.Fatalf("%d lines for one call", len(lines))
		}
		for name, want := range map[string]any{"function": "sample/write", "requestId": "request-1", "userId": "user_ada", "code": code, "level": "INFO"} {
			if lines[0][name] != want {
				t.Errorf("%s of %s: %v, want %v", name, body, lines[0][name], want)
			}
		}
		if _, ok := lines[0]["ms"].(float64); !ok {
			t.Errorf("the line lacks the duration: %v", lines[0])
		}
		for _, secret := range []string{"whisper", "good", "hush", "Bearer"} {
			if strings.Contains(f.log.String(), secret) {
				t.Errorf("the log has %q: %s", secret, f.log.String())
			}
		}
	}
}

func TestHTTPOnce(t *testing.T) {
	t.Parallel()
	begun := `begin user_ada POST /box/1 k {"Box":"1","text":"x"}`
	write := HTTP("POST /box/{box}", "Write.", echo, Answers(http.StatusCreated))
	dying := HTTP("POST /box/{box}", "Die.", func(struct{}, context.Context, caller.Caller, request) (receipt, error) { panic(errSecret) })
	read := HTTP("GET /box/{box}", "Read.", func(struct{}, context.Context, caller.Caller, struct{}) (receipt, error) { return receipt{}, nil })
	echoing := HTTP("POST /box/{box}", "Write.", echo)
	ring := HTTP("POST /box/{box}", "Ring.", func(struct{}, context.Context, caller.Caller, request) (struct{}, error) { return struct{}{}, nil })
	half := Mutation("POST /box/{box}", "Half.", func(_ struct{}, _ context.Context, _ caller.Caller, e *idempotency.Execution, _ request) (receipt, effect.Effects, error) {
		e.Recorded = true
		return receipt{}, nil, errs.New(errs.Conflict, "No.")
	})
	died := replays{first: []byte(`{"text":"first"}`), died: true}
	tests := []struct {
		name    string
		fn      Function[struct{}]
		replays replays
		want    int
		asked   []string
	}{
		{name: "the first time", fn: write, want: 201, asked: []string{begun, `finish {"text":"x"}`}},
		{name: "again", fn: write, replays: replays{first: []byte(`{"text":"first"}`)}, want: 201, asked: []string{begun}},
		{name: "with another body", fn: write, replays: replays{begin: errs.New(errs.Conflict, "No.")}, want: 409, asked: []string{begun}},
		{name: "refused", fn: failing(errs.New(errs.Forbidden, "No.")), want: 403, asked: []string{begun, "abandon"}},
		{name: "too often", fn: failing(errs.New(errs.RateLimited, "No.")), want: 429, asked: []string{begun, "abandon"}},
		{name: "failed", fn: failing(errSecret), want: 500, asked: []string{begun, "release"}},
		{name: "died", fn: dying, want: 500, asked: []string{begun, "release"}},
		{name: "failed elsewhere", fn: failing(errs.New(errs.Provider, "No.")), want: 502, asked: []string{begun, "release"}},
		{name: "failed, and can't be let go", fn: failing(errs.New(errs.Provider, "No.")), replays: replays{fails: errSecret}, want: 502, asked: []string{begun, "release"}},
		{name: "refused, and can't be freed", fn: failing(errs.New(errs.Forbidden, "No.")), replays: replays{fails: errSecret}, want: 500, asked: []string{begun, "abandon"}},
		{name: "done, and can't be recorded", fn: echoing, replays: replays{fails: errSecret}, want: 200, asked: []string{begun, `finish {"text":"x"}`}},
		{name: "after a death, done already", fn: failing(errs.New(errs.Conflict, "No.")), replays: died, want: 200, asked: []string{begun, `finish {"text":"first"}`}},
		{name: "after a death, done once more", fn: echoing, replays: died, want: 200, asked: []string{begun, `finish {"text":"first"}`}},
		{name: "after a death, with nothing to answer", fn: ring, replays: died, want: 204, asked: []string{begun, `finish {"text":"first"}`}},
		{name: "after a death, failed once more", fn: failing(errSecret), replays: died, want: 500, asked: []string{begun, "release"}},
		{name: "after a death, died once more", fn: dying, replays: died, want: 500, asked: []string{begun, "release"}},
		{name: "refused behind its effect", fn: half, want: 409, asked: []string{begun, "release"}},
		{name: "reading needs no key", fn: read, want: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fixture{replays: tt.replays}
			event := post(`{"text":"x"}`)
			event.Headers["idempotency-key"] = "k"
			if tt.fn.Input.Body == nil {
				event.Body = ""
			}
			got := invoke(t, f.open(t, tt.fn), event)
			if got.StatusCode != tt.want {
				t.Errorf("status %d, want %d: %s", got.StatusCode, tt.want, got.Body)
			}
			if tt.replays.first != nil && got.StatusCode < 300 && tt.fn.Output != nil && got.Body != string(tt.replays.first) {
				t.Errorf("not the first answer: %s", got.Body)
			}
			if diff := cmp.Diff(tt.asked, f.replays.asked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTTPNoRoute(t *testing.T) {
	t.Parallel()
	var f fixture
	event := post(strings.Repeat("x", maxBody+1))
	event.Headers = nil
	if got := problem(t, invoke(t, f.open(t, NoRoute[struct{}]("None.")), event)); got.Code != errs.NotFound {
		t.Errorf("got %+v", got)
	}
}

func TestHTTPOtherEvents(t *testing.T) {
	t.Parallel()
	var f fixture
	handler := f.open(t, HTTP("POST /box/{box}", "Write.", echo))
	for _, payload := range []string{``, `7`, `[]`, `{"headers":7}`} {
		if got, err := handler.Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%q is answered %s", payload, got)
		}
	}
	// An empty event is one of nobody.
	if got, err := handler.Invoke(t.Context(), []byte(`{}`)); err != nil || !strings.Contains(string(got), "UNAUTHORIZED") {
		t.Errorf("an empty event: %s, %v", got, err)
	}
}
