package testkit

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/errs"
)

// Answer is what a request got.
type Answer struct {
	// Request is the request's first line, for messages.
	Request string
	Status  int
	Header  http.Header
	Body    []byte
}

// Expect ends the test unless the answer has the status.
func (a Answer) Expect(t testing.TB, status int) Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: status %d, want %d: %s", a.Request, a.Status, status, a.Body)
	}
	return a
}

// JSON reads the body into what v points to, which must know all its fields.
func (a Answer) JSON(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%s: status %d, its body is not as expected: %v: %s", a.Request, a.Status, err, a.Body)
	}
}

// As reads the body of an answer that succeeded.
func As[T any](t testing.TB, a Answer) T {
	t.Helper()
	if a.Status < 200 || a.Status > 299 {
		t.Fatalf("%s: status %d: %s", a.Request, a.Status, a.Body)
	}
	var v T
	a.JSON(t, &v)
	return v
}

// Problem is a refusal's body as the contract has it.
type Problem struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail"`
	Code      errs.Kind         `json:"code"`
	RequestID string            `json:"requestId"`
	Errors    []errs.FieldError `json:"errors"`
	Oldest    *int64            `json:"oldest"`
	Epoch     string            `json:"epoch"`
	Retryable *bool             `json:"retryable"`
}

// statuses are the contract's, said here once more on purpose.
func statuses() map[errs.Kind]int {
	return map[errs.Kind]int{
		errs.Unauthorized: 401, errs.Forbidden: 403, errs.NotFound: 404, errs.MethodNotAllowed: 405,
		errs.Validation: 400, errs.PayloadTooLarge: 413, errs.UnsupportedMediaType: 415, errs.Conflict: 409,
		errs.MeetingNotActive: 409, errs.HistoryGone: 410, errs.RateLimited: 429, errs.Provider: 502, errs.Internal: 500,
	}
}

// Refused fails the test unless the answer is a refusal of the kind, in the
// contract's form, with problems at exactly these locations, in this order.
func (a Answer) Refused(t testing.TB, kind errs.Kind, locations ...string) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(a.Body, &p); err != nil || a.Status != statuses()[kind] || p.Code != kind {
		t.Errorf("%s: status %d, want %d %s: %s", a.Request, a.Status, statuses()[kind], kind, a.Body)
		return p
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: a refusal of type %q", a.Request, got)
	}
	if p.Status != a.Status || p.Type == "" || p.Title == "" || p.Detail == "" || p.RequestID == "" || p.Retryable == nil {
		t.Errorf("%s: a refusal lacks what the contract names: %s", a.Request, a.Body)
	}
	if again := a.Status == http.StatusTooManyRequests || a.Status >= http.StatusInternalServerError; p.Retryable != nil && kind != errs.Conflict && *p.Retryable != again {
		t.Errorf("%s: retryable is %v: %s", a.Request, *p.Retryable, a.Body)
	}
	if kind == errs.RateLimited && a.Header.Get("Retry-After") == "" {
		t.Errorf("%s: RATE_LIMITED without Retry-After", a.Request)
	}
	var at []string
	for _, problem := range p.Errors {
		at = append(at, problem.Location)
		if problem.Detail == "" {
			t.Errorf("%s: nothing is said about %s", a.Request, problem.Location)
		}
	}
	if !slices.Equal(at, locations) {
		t.Errorf("%s: problems at other places (-want +got):\n%s%s", a.Request, cmp.Diff(locations, at), a.Body)
	}
	return p
}
