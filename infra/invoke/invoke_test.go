package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/issuer"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
)

func TestBootstrapAgainstTheRuntimeAPI(t *testing.T) {
	mirror := binary{path: filepath.Join(t.TempDir(), "mirror", "bootstrap")}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := build(t.Context(), root, []string{"-o", mirror.path, "./infra/invoke/testdata/mirror"}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		mode    string
		timeout time.Duration
		answer  string
		failure string
		err     string
	}{
		{mode: "mirror", answer: `{"arn":"arn:mirror","environment":9,"event":{"a":1},"home":"","left":true,"requestId":"request-1"}`},
		{mode: "error", failure: `"errorMessage":"boom"`},
		{mode: "panic", failure: `"errorMessage":"boom"`},
		{mode: "gone", err: "NAME is missing"},
		{mode: "idle", err: "ended before it asked for an event"},
		{mode: "slow", timeout: 50 * time.Millisecond, err: "task timed out after 50ms"},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			fn := template.Function{ARN: "arn:mirror", Timeout: 10 * time.Second}
			if test.timeout > 0 {
				fn.Timeout = test.timeout
			}
			env := config.Env{"MODE": test.mode, "AWS_LAMBDA_FUNCTION_NAME": "mirror", "AWS_REGION": "us-east-1"}
			got, err := runOnce(t.Context(), mirror, fn, env, "request-1", []byte(`{"a":1}`))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.answer, string(got.answer)); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(string(got.failure), test.failure) {
				t.Errorf("failure %s, want %s", got.failure, test.failure)
			}
			if test.mode == "mirror" && (got.start <= 0 || got.duration <= 0 || string(got.log) != "{\"msg\":\"call\"}\n") {
				t.Errorf("start %s, duration %s, log %q", got.start, got.duration, got.log)
			}
		})
	}
}

func TestRuntimeAPIRefusesAnotherRequestsAnswer(t *testing.T) {
	api, err := startRuntimeAPI(t.Context(), "arn", "mine", []byte(`{}`), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.close(); err != nil {
			t.Error(err)
		}
	})
	response, err := http.Post("http://"+api.address+"/2018-06-01/runtime/invocation/other/response", "application/json", strings.NewReader("1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, %v", response.StatusCode, err)
	}
	select {
	case o := <-api.done:
		t.Errorf("taken: %+v", o)
	default:
	}
}

func TestLocalUsersBecomeTokens(t *testing.T) {
	local, err := issuer.New(issuer.Options{URL: "http://localhost/dev", Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	w := &environment{issuer: local}
	event, signed, err := w.sign([]byte(`{"headers":{"authorization":"Bearer local:ada"},"body":"x"}`))
	if err != nil || !signed {
		t.Fatal(signed, err)
	}
	var e struct{ Headers map[string]string }
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatal(err)
	}
	if token := e.Headers["authorization"]; strings.Count(token, ".") != 2 || strings.Contains(token, "local:") {
		t.Errorf("authorization %q", token)
	}
	if same, signed, err := w.sign([]byte(`{"a":"Bearer abc"}`)); string(same) != `{"a":"Bearer abc"}` || signed || err != nil {
		t.Errorf("an event without a local user changed: %s", same)
	}
}

func TestVerdicts(t *testing.T) {
	tests := []struct {
		name string
		give result
		bad  bool
	}{
		{"success", result{Answer: json.RawMessage(`{"statusCode":201}`), signed: true}, false},
		{"forbidden is an answer", result{Answer: json.RawMessage(`{"statusCode":403}`), signed: true}, false},
		{"token refused", result{Answer: json.RawMessage(`{"statusCode":401}`), signed: true}, true},
		{"no token", result{Answer: json.RawMessage(`{"statusCode":401}`)}, false},
		{"internal", result{Answer: json.RawMessage(`{"statusCode":500}`)}, true},
		{"function error", result{Error: json.RawMessage(`{"errorType":"x"}`)}, true},
		{"records taken", result{Answer: json.RawMessage(`{"batchItemFailures":[]}`)}, false},
		{"records failed", result{Answer: json.RawMessage(`{"batchItemFailures":[{"itemIdentifier":"1"}]}`)}, true},
	}
	for _, test := range tests {
		if err := test.give.verdict(); (err != nil) != test.bad {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestPostsAreKeptPerSocket(t *testing.T) {
	p := &posts{}
	for _, frame := range []string{`{"type":"pong"}`, `text`} {
		r := httptest.NewRequest(http.MethodPost, "/@connections/a%2Fb%3D", strings.NewReader(frame))
		p.ServeHTTP(httptest.NewRecorder(), r)
	}
	if diff := cmp.Diff([]json.RawMessage{[]byte(`{"type":"pong"}`), []byte(`"text"`)}, p.take("a/b=")); diff != "" {
		t.Error(diff)
	}
	if p.take("a/b=") != nil {
		t.Error("not forgotten")
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{}, {"-fn", "a/b", "-all"}, {"-all", "more"}, {"-what"}} {
		var problems bytes.Buffer
		if code := run(t.Context(), args, os.Stdout, &problems); code != 2 || problems.Len() == 0 {
			t.Errorf("%v: code %d, %q", args, code, problems.String())
		}
	}
}
