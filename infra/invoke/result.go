package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// result is what is printed of one invocation.
type result struct {
	Function string `json:"function"`
	// Bytes is the size of the bootstrap.
	Bytes int64 `json:"bootstrapBytes"`
	// StartMs is from the process's start to its first request for an event.
	StartMs    float64         `json:"startMs"`
	DurationMs float64         `json:"durationMs"`
	Answer     json.RawMessage `json:"answer,omitempty"`
	Error      json.RawMessage `json:"error,omitempty"`
	// Posted are the frames that the function sent to the event's socket.
	Posted []json.RawMessage `json:"posted,omitempty"`
	Log    []json.RawMessage `json:"log,omitempty"`
	signed bool
}

// status is the HTTP status in the answer, 0 where there is none.
func (r result) status() int {
	var answer struct {
		StatusCode int `json:"statusCode"`
	}
	if json.Unmarshal(r.Answer, &answer) != nil {
		return 0
	}
	return answer.StatusCode
}

// verdict is nil where the function did what a deployed one must.
func (r result) verdict() error {
	switch status := r.status(); {
	case r.Error != nil:
		return fmt.Errorf("%s failed: %s", r.Function, r.Error)
	case status >= http.StatusInternalServerError:
		return fmt.Errorf("%s answered %d: %s", r.Function, status, r.Answer)
	case status == http.StatusUnauthorized && r.signed:
		return fmt.Errorf("%s refused the local token: %s", r.Function, r.Answer)
	case failedItems(r.Answer):
		return fmt.Errorf("%s reported failed records: %s", r.Function, r.Answer)
	}
	return nil
}

func failedItems(answer []byte) bool {
	var response struct {
		Failures []any `json:"batchItemFailures"`
	}
	return json.Unmarshal(answer, &response) == nil && len(response.Failures) > 0
}

// line is the result in one line.
func (r result) line() string {
	status := "ok "
	if s := r.status(); s != 0 {
		status = fmt.Sprint(s)
	}
	return fmt.Sprintf("%-28s %s  start %6.1f ms  duration %6.1f ms  %5.1f MB", r.Function, status, r.StartMs, r.DurationMs, float64(r.Bytes)/1e6)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// asJSON is an answer as it is printed: what is no JSON becomes a string.
func asJSON(text []byte) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	if json.Valid(text) {
		return text
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return nil
	}
	return quoted
}

func lines(log []byte) []json.RawMessage {
	var all []json.RawMessage
	for line := range bytes.Lines(log) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			all = append(all, asJSON(line))
		}
	}
	return all
}

// connectionOf is the socket that an event is of, empty where it is of none.
func connectionOf(event []byte) string {
	var e struct {
		RequestContext struct {
			ConnectionID string `json:"connectionId"`
		} `json:"requestContext"`
	}
	if json.Unmarshal(event, &e) != nil {
		return ""
	}
	return e.RequestContext.ConnectionID
}

// posts takes the place of @connections: every socket is open, and what is
// posted to it is kept.
type posts struct {
	mu     sync.Mutex
	frames map[string][]json.RawMessage
}

// maxFrame is API Gateway's bound for a frame, in bytes.
const maxFrame = 128 << 10

func (p *posts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/@connections/"))
	if err != nil {
		http.Error(w, `{"message":"Invalid connectionId"}`, http.StatusBadRequest)
		return
	}
	switch r.Method {
	case http.MethodPost:
		frame, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFrame))
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			http.Error(w, `{"message":"Payload too large"}`, http.StatusRequestEntityTooLarge)
			return
		}
		p.add(id, asJSON(frame))
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet:
		w.Write([]byte(`{"connectedAt":"2025-01-01T00:00:00Z","identity":{"sourceIp":"127.0.0.1"}}`))
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

func (p *posts) add(id string, frame json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frames == nil {
		p.frames = map[string][]json.RawMessage{}
	}
	p.frames[id] = append(p.frames[id], frame)
}

// take gives what was posted to a socket, and forgets it.
func (p *posts) take(id string) []json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	frames := p.frames[id]
	delete(p.frames, id)
	return frames
}
