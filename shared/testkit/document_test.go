package testkit

import (
	"net/http"
	"slices"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func TestAnswersAreHeldAgainstTheDocument(t *testing.T) {
	t.Parallel()
	all := functions.All()
	d := newDocument(all)
	list := all[slices.IndexFunc(all, func(u endpoint.FunctionSpec) bool { return u.Name == "meetings/listparticipants" })]
	const ben = `{"userId":"u","displayName":"B","role":"observer","invitedAt":"2026-11-23T16:00:00Z"}`
	tests := []struct {
		name, body string
		status     int
		media      string
		want       bool
	}{
		{"as described", `{"items":[` + ben + `],"nextCursor":null,"revision":4}`, 200, "application/json", true},
		{"with a cursor", `{"items":[],"nextCursor":"x","revision":4}`, 200, "application/json", true},
		{"without a cursor", `{"items":[],"revision":4}`, 200, "application/json", false},
		{"with more", `{"items":[],"nextCursor":null,"revision":4,"total":7}`, 200, "application/json", false},
		{"items of another form", `{"items":[{"userId":"u"}],"nextCursor":null,"revision":4}`, 200, "application/json", false},
		{"of another type", `{"items":[],"nextCursor":7,"revision":4}`, 200, "application/json", false},
		{"as text", `{"items":[],"nextCursor":null,"revision":4}`, 200, "text/plain", false},
		{"of another status", `{"items":[],"nextCursor":null,"revision":4}`, 201, "application/json", false},
		{"no JSON", `items`, 200, "application/json", false},
		{"a refusal", `{"type":"about:blank","title":"T","status":403,"detail":"D","code":"FORBIDDEN","requestId":"r","retryable":false}`, 403, "application/problem+json", true},
		{"a refusal of no known code", `{"type":"about:blank","title":"T","status":403,"detail":"D","code":"NO","requestId":"r","retryable":false}`, 403, "application/problem+json", false},
	}
	for _, tt := range tests {
		err := d.check(list, Answer{Status: tt.status, Body: []byte(tt.body), Header: http.Header{"Content-Type": {tt.media}}})
		if (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
