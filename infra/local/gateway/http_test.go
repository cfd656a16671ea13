package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rapport/rapport/shared/core/clock"
)

type invokerFunc func(ctx context.Context, folder string, payload []byte) ([]byte, error)

func (f invokerFunc) Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error) {
	return f(ctx, folder, payload)
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serveHTTP starts an HTTP API of two routes over invoke.
func serveHTTP(t *testing.T, cors CORS, invoke invokerFunc) *httptest.Server {
	t.Helper()
	return serve(t, HTTPOptions{CORS: cors, Invoker: invoke})
}

func serve(t *testing.T, o HTTPOptions) *httptest.Server {
	t.Helper()
	o.Routes = []Route{{"POST /v1/meetings/{meetingId}/notes", "notes/append"}, {"GET /v1/me", "users/get"}}
	o.Clock, o.Log = clock.NewManual(time.UnixMilli(1700000000123)), silent()
	h, err := NewHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func answering(text string) invokerFunc {
	return func(context.Context, string, []byte) ([]byte, error) { return []byte(text), nil }
}

func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func request(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestHTTPEventIsPayload2(t *testing.T) {
	var folder string
	var event events.APIGatewayV2HTTPRequest
	server := serveHTTP(t, CORS{}, func(_ context.Context, f string, payload []byte) ([]byte, error) {
		folder = f
		return []byte(`{"statusCode":201}`), json.Unmarshal(payload, &event)
	})
	response, _ := do(t, request(t, "POST", server.URL+"/v1/meetings/m%201/notes?a=1&b=x%20y&a=2&c", `{"text":"ü"}`,
		"Content-Type", "application/json; charset=utf-8", "X-Many", "one", "X-Many", "two",
		"Cookie", "a=1; b=2", "User-Agent", "test/1", "Authorization", "Bearer t"))
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("status %d", response.StatusCode)
	}
	if folder != "notes/append" {
		t.Errorf("function %s", folder)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST /v1/meetings/{meetingId}/notes",
		RawPath: "/v1/meetings/m 1/notes", RawQueryString: "a=1&b=x%20y&a=2&c",
		Cookies: []string{"a=1", "b=2"},
		Headers: map[string]string{
			"accept-encoding": "gzip", "authorization": "Bearer t", "content-length": "13",
			"content-type": "application/json; charset=utf-8", "host": host, "user-agent": "test/1", "x-many": "one,two",
			"x-forwarded-for": "127.0.0.1", "x-forwarded-port": host[len("127.0.0.1:"):], "x-forwarded-proto": "http",
		},
		QueryStringParameters: map[string]string{"a": "1,2", "b": "x y", "c": ""},
		PathParameters:        map[string]string{"meetingId": "m 1"},
		Body:                  `{"text":"ü"}`,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST /v1/meetings/{meetingId}/notes", AccountID: "000000000000", Stage: "$default", APIID: "local",
			DomainName: "127.0.0.1", DomainPrefix: "local", Time: "14/Nov/2023:22:13:20 +0000", TimeEpoch: 1700000000123,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: "/v1/meetings/m 1/notes", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "test/1",
			},
		},
	}
	random := cmp.Options{
		cmpopts.IgnoreFields(events.APIGatewayV2HTTPRequestContext{}, "RequestID"),
		cmpopts.IgnoreMapEntries(func(name, _ string) bool { return name == "x-amzn-trace-id" }),
	}
	if diff := cmp.Diff(want, event, random); diff != "" {
		t.Error(diff)
	}
	if id := event.RequestContext.RequestID; len(id) != 16 || id != response.Header.Get("Apigw-Requestid") {
		t.Errorf("request id %q, answered %q", id, response.Header.Get("Apigw-Requestid"))
	}
}

func TestBodiesReachTheFunctionAsTheyAre(t *testing.T) {
	tests := []struct {
		name, contentType, encoding, give string
		wantBase64                        bool
	}{
		{"json", "application/json", "", `{"a":1}`, false},
		{"text", "text/plain", "", "héllo", false},
		{"json that is not UTF-8", "application/json", "", "{\"a\":\"\xff\xfe\"}", true},
		{"a lone surrogate in UTF-8's form", "application/json", "", "\"\xed\xa0\x80\"", true},
		{"compressed", "application/json", "gzip", "{}", true},
		{"binary", "application/octet-stream", "", "abc", true},
		{"a form", "application/x-www-form-urlencoded", "", "a=1", true},
		{"without a type", "", "", "abc", true},
		{"empty", "application/octet-stream", "", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var event events.APIGatewayV2HTTPRequest
			server := serveHTTP(t, CORS{}, func(_ context.Context, _ string, payload []byte) ([]byte, error) {
				return []byte(`{"statusCode":200}`), json.Unmarshal(payload, &event)
			})
			r := request(t, "POST", server.URL+"/v1/meetings/m/notes", test.give)
			r.Header.Set("Content-Type", test.contentType)
			r.Header.Set("Content-Encoding", test.encoding)
			do(t, r)
			got := event.Body
			if event.IsBase64Encoded {
				raw, err := base64.StdEncoding.DecodeString(event.Body)
				if err != nil {
					t.Fatal(err)
				}
				got = string(raw)
			}
			if got != test.give || event.IsBase64Encoded != test.wantBase64 {
				t.Errorf("body %q, base64 %v; want %q, %v", got, event.IsBase64Encoded, test.give, test.wantBase64)
			}
		})
	}
}

func TestHTTPAnswers(t *testing.T) {
	tests := []struct {
		name       string
		give       string
		err        error
		wantStatus int
		wantBody   string
		wantHeader http.Header
	}{
		{
			name: "all of it", give: `{"statusCode":409,"headers":{"content-type":"application/problem+json","X-A":"1"},"multiValueHeaders":{"X-B":["1","2"]},"cookies":["a=1","b=2"],"body":"{}"}`,
			wantStatus: 409, wantBody: "{}",
			wantHeader: http.Header{"Content-Type": {"application/problem+json"}, "X-A": {"1"}, "X-B": {"1", "2"}, "Set-Cookie": {"a=1", "b=2"}},
		},
		{name: "base64", give: `{"statusCode":200,"body":"AP8=","isBase64Encoded":true}`, wantStatus: 200, wantBody: "\x00\xff"},
		{name: "no type", give: `{"statusCode":200,"body":"x"}`, wantStatus: 200, wantBody: "x", wantHeader: http.Header{"Content-Type": {"text/plain;charset=UTF-8"}}},
		{name: "no status", give: `{"a":1}`, wantStatus: 200, wantBody: `{"a":1}`, wantHeader: http.Header{"Content-Type": {"application/json"}}},
		{name: "a list", give: `[1]`, wantStatus: 200, wantBody: `[1]`},
		{name: "no content", give: `{"statusCode":204}`, wantStatus: 204},
		{name: "not JSON", give: `oops`, wantStatus: 500, wantBody: `{"message":"Internal Server Error"}`},
		{name: "no status of HTTP's", give: `{"statusCode":7}`, wantStatus: 500, wantBody: `{"message":"Internal Server Error"}`},
		{name: "bad base64", give: `{"statusCode":200,"body":"%","isBase64Encoded":true}`, wantStatus: 500, wantBody: `{"message":"Internal Server Error"}`},
		{name: "too large", give: `"` + strings.Repeat("x", MaxAnswer) + `"`, wantStatus: 500, wantBody: `{"message":"Internal Server Error"}`},
		{name: "function error", err: errors.New("panic"), wantStatus: 500, wantBody: `{"message":"Internal Server Error"}`},
		{name: "throttled", err: fmt.Errorf("users/get: %w", ErrThrottled), wantStatus: 503, wantBody: `{"message":"Service Unavailable"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := serveHTTP(t, CORS{}, func(context.Context, string, []byte) ([]byte, error) { return []byte(test.give), test.err })
			response, body := do(t, request(t, "GET", server.URL+"/v1/me", ""))
			if response.StatusCode != test.wantStatus || body != test.wantBody {
				t.Errorf("got %d %q, want %d %q", response.StatusCode, body, test.wantStatus, test.wantBody)
			}
			for name, want := range test.wantHeader {
				if diff := cmp.Diff(want, response.Header[name]); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
}

func TestHTTPRefusalsOfItsOwn(t *testing.T) {
	server := serveHTTP(t, CORS{}, func(context.Context, string, []byte) ([]byte, error) {
		t.Error("a function ran")
		return nil, nil
	})
	response, body := do(t, request(t, "POST", server.URL+"/v1/meetings/m/notes", strings.Repeat("x", MaxHTTPBody+1), "Content-Type", "text/plain"))
	if response.StatusCode != 413 || body != `{"message":"Request Entity Too Large"}` {
		t.Errorf("too large a body: %d %s", response.StatusCode, body)
	}
	for _, line := range []string{"GET /nothing", "DELETE /v1/me", "OPTIONS /v1/me", "HEAD /v1/me"} {
		method, path, _ := strings.Cut(line, " ")
		response, _ := do(t, request(t, method, server.URL+path, ""))
		if response.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", line, response.StatusCode)
		}
	}
}

// What is too large is the function's to refuse, after it has seen who calls.
func TestHTTPLargestBodiesReachTheirFunction(t *testing.T) {
	for _, media := range []string{"text/plain", "application/octet-stream"} {
		var got int
		server := serveHTTP(t, CORS{}, func(_ context.Context, _ string, payload []byte) ([]byte, error) {
			got = len(payload)
			return []byte(`{"statusCode":401}`), nil
		})
		response, _ := do(t, request(t, "POST", server.URL+"/v1/meetings/m/notes", strings.Repeat("\x01", MaxHTTPBody), "Content-Type", media))
		if response.StatusCode != 401 || got < MaxHTTPBody {
			t.Errorf("%s: status %d, an event of %d bytes", media, response.StatusCode, got)
		}
	}
}

func TestTheStagesThrottle(t *testing.T) {
	server := serve(t, HTTPOptions{Rate: 1e-9, Burst: 2, Invoker: answering(`{"statusCode":200}`)})
	for i, want := range []int{200, 200, 429} {
		response, body := do(t, request(t, "GET", server.URL+"/v1/me", ""))
		if response.StatusCode != want || want == 429 && body != `{"message":"Too Many Requests"}` {
			t.Errorf("request %d: %d %s", i, response.StatusCode, body)
		}
	}
}

func TestAFunctionRunsToItsEndWhenTheCallerIsGone(t *testing.T) {
	started, finished := make(chan struct{}), make(chan error, 1)
	proceed := make(chan struct{})
	server := serveHTTP(t, CORS{}, func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		close(started)
		<-proceed
		finished <- ctx.Err()
		return []byte(`{"statusCode":200}`), nil
	})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-started
		leave()
	}()
	if _, err := http.DefaultClient.Do(request(t, "GET", server.URL+"/v1/me", "").WithContext(ctx)); err == nil {
		t.Fatal("the request was answered")
	}
	close(proceed)
	if err := <-finished; err != nil {
		t.Errorf("the function's context: %v", err)
	}
}

func TestCORSIsTheConfigurations(t *testing.T) {
	cors := CORS{
		AllowOrigins: []string{"https://app.example"}, AllowMethods: []string{"GET", "POST"},
		AllowHeaders: []string{"authorization"}, ExposeHeaders: []string{"retry-after"}, MaxAge: 600,
	}
	server := serveHTTP(t, cors, answering(`{"statusCode":200,"body":"x"}`))
	preflight, _ := do(t, request(t, "OPTIONS", server.URL+"/v1/me", "", "Origin", "https://app.example", "Access-Control-Request-Method", "GET"))
	if preflight.StatusCode != 204 || preflight.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		preflight.Header.Get("Access-Control-Allow-Methods") != "GET,POST" || preflight.Header.Get("Access-Control-Max-Age") != "600" {
		t.Errorf("preflight: %d %v", preflight.StatusCode, preflight.Header)
	}
	foreign, _ := do(t, request(t, "OPTIONS", server.URL+"/v1/me", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET"))
	if got := foreign.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("a foreign origin is allowed: %s", got)
	}
	actual, _ := do(t, request(t, "GET", server.URL+"/v1/me", "", "Origin", "https://app.example"))
	if actual.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || actual.Header.Get("Access-Control-Expose-Headers") != "retry-after" {
		t.Errorf("answer: %v", actual.Header)
	}
}

func TestHostsThatAreNotThisMachine(t *testing.T) {
	handler := LoopbackOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	tests := map[string]int{
		"localhost": 200, "localhost:3000": 200, "LOCALHOST:3000": 200, "127.0.0.1:3000": 200, "127.1.2.3": 200,
		"[::1]:3000": 200, "[::1]": 200, "[::ffff:127.0.0.1]:3000": 200,
		"evil.example": 403, "localhost.evil.example:3000": 403, "127.0.0.1.evil.example": 403, "10.0.0.1": 403,
		"": 403, "localhost:3000:1": 403, "0.0.0.0:3000": 403, "[fe80::1]:3000": 403, "evil.example@localhost": 403,
	}
	for host, want := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
		if want == 403 && !bytes.Contains(w.Body.Bytes(), []byte(`"code":"FORBIDDEN"`)) {
			t.Errorf("Host %q: %s", host, w.Body)
		}
	}
}

func TestOriginsThatAreNotThisPage(t *testing.T) {
	handler := SameOriginOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	tests := []struct {
		name   string
		header http.Header
		want   int
	}{
		{"none", http.Header{}, 200},
		{"own", http.Header{"Origin": {"http://localhost:3000"}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"typed address", http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{"foreign", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"another port", http.Header{"Origin": {"http://localhost:8080"}}, 403},
		{"https", http.Header{"Origin": {"https://localhost:3000"}}, 403},
		{"null", http.Header{"Origin": {"null"}}, 403},
		{"two", http.Header{"Origin": {"http://localhost:3000", "https://evil.example"}}, 403},
		{"a script's address", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
	}
	for _, test := range tests {
		r := httptest.NewRequest("GET", "/dev/users", nil)
		r.Host, r.Header = "localhost:3000", test.header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", test.name, w.Code, test.want)
		}
	}
}
