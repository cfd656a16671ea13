package system_test

import (
	"net/http"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/functions/system"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	if got := testkit.As[system.Healthy](t, h.Nobody().Call(t, "GET /healthz", nil).Expect(t, 200)); got != (system.Healthy{Status: "ok", Stage: "test"}) {
		t.Errorf("got %+v", got)
	}
	// Whoever it is, and whatever their token is worth.
	h.Nobody().Call(t, "GET /healthz", nil, testkit.Bearer("bad")).Expect(t, 200)
	h.Nobody().Call(t, "GET /healthz?x=1", nil).Refused(t, errs.Validation, "query.x")
	if got := h.Issuer.Fetches(); got != 0 {
		t.Errorf("%d fetches of the key set for nobody's health", got)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	h := testkit.New(t, functions.All())
	ada := h.User("ada")
	for _, request := range []string{
		"GET /", "GET /v1", "GET /v1/nowhere", "GET /v2/me", "POST /v1/me", "DELETE /v1/meetings", "PUT /v1/me", "OPTIONS /v1/me",
		"GET /v1/me/", "GET /v1//me", "GET /v1/meetings/", "GET /V1/me",
	} {
		h.ChangesNothing(t, func() {
			ada.Call(t, request, nil).Refused(t, errs.NotFound)
			h.Nobody().Call(t, request, `not JSON`).Refused(t, errs.NotFound)
		})
	}
	if got := ada.Call(t, "GET /v1/nowhere", nil); got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Status != http.StatusNotFound {
		t.Errorf("got %d %v", got.Status, got.Header)
	}
}
