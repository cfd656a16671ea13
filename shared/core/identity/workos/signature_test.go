package workos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/workos/workos-go/v4/pkg/webhooks"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

func TestSignatures(t *testing.T) {
	const secret, body = "whsec_test", `{"event":"session.revoked"}`
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	sign := func(secret string, at time.Time, body string) string { return workos.Sign(secret, at, []byte(body)) }
	good := sign(secret, now, body)
	tests := []struct {
		name, secret, header, body string
		ok                         bool
	}{
		{"WorkOS's own", secret, good, body, true},
		{"without a space", secret, strings.Replace(good, ", ", ",", 1), body, true},
		{"four minutes old", secret, sign(secret, now.Add(-4*time.Minute), body), body, true},
		{"six minutes old", secret, sign(secret, now.Add(-6*time.Minute), body), body, false},
		{"from the future", secret, sign(secret, now.Add(6*time.Minute), body), body, false},
		{"another body", secret, good, body + " ", false},
		{"another time", secret, strings.Replace(good, "t=1", "t=2", 1), body, false},
		{"another secret", secret, sign("whsec_other", now, body), body, false},
		{"none", secret, "", body, false},
		{"too short", secret, "t,v", body, false},
		{"cut", secret, good[:len(good)-2], body, false},
		{"upper case", secret, strings.ToUpper(good), body, false},
		{"with more", secret, good + ", v1=00", body, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := workos.NewSignatures(workostest.Secret(tt.secret), clock.NewManual(now)).Check(t.Context(), tt.header, []byte(tt.body))
			if tt.ok != (err == nil) || (err != nil && errs.KindOf(err) != errs.Unauthorized) {
				t.Errorf("got %v", err)
			}
		})
	}
	// The SDK takes what we sign, so we take what WorkOS signs.
	sdk := webhooks.NewClient(secret)
	sdk.SetNow(func() time.Time { return now })
	if _, err := sdk.ValidatePayload(good, body); err != nil {
		t.Errorf("the SDK refuses %s: %v", good, err)
	}
}
