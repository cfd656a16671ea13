package users_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/secret"
	"github.com/rapport/rapport/shared/testkit"
)

const (
	// senders send at once, sent by each of them.
	senders = 8
	each    = 40
	// rotation comes after so many were sent.
	rotation = senders * each / 3
)

// load sends at once, and rotates in the midst of it, once.
func load(rotate func(), send func(sender, number int)) {
	var sent atomic.Int64
	testkit.AtOnce(senders, func(sender int) struct{} {
		for number := range each {
			if sent.Add(1) == rotation {
				rotate()
			}
			send(sender, number)
		}
		return struct{}{}
	})
}

// The webhook's secret rotates while webhooks that are signed with either arrive: none
// is refused. An hour later the old one is.
func TestWebhookSecretRotatesUnderLoad(t *testing.T) {
	t.Parallel()
	const old, next = testkit.WebhookSecret, "whsec_next"
	now := clock.NewManual(time.Now())
	all := functions.All()
	for i, f := range all {
		if f.Name == "users/webhook" {
			all[i] = f.With(endpoint.Overrides{Clock: now})
		}
	}
	w := testkit.New(t, all)
	send := func(secret string) testkit.Answer {
		body := []byte(`{"id":"event_1","event":"user.updated","data":{"id":"user_1"}}`)
		return w.Webhook(t, body, testkit.Header(workos.SignatureHeader, workos.Sign(secret, now.Now(), body)))
	}
	var rotated atomic.Bool
	var byOld, byNext, refused atomic.Int64
	load(func() {
		w.Secrets.Put(testkit.WebhookSecretName, next)
		rotated.Store(true)
	}, func(_, number int) {
		signedWith, count := old, &byOld
		if rotated.Load() && number%2 == 0 {
			signedWith, count = next, &byNext
		}
		count.Add(1)
		if answer := send(signedWith); answer.Status != 200 {
			refused.Add(1)
			t.Errorf("webhook %d: %d %s", number, answer.Status, answer.Body)
		}
	})
	t.Logf("%d by the old secret, %d by the new one: %d refused", byOld.Load(), byNext.Load(), refused.Load())
	if byOld.Load() == 0 || byNext.Load() == 0 {
		t.Error("the secret did not rotate in the midst")
	}

	now.Advance(secret.Life)
	send(old).Expect(t, 200)
	send(next).Expect(t, 200)
	now.Advance(secret.Overlap)
	for range senders {
		send(next).Expect(t, 200)
		send(old).Refused(t, errs.Unauthorized)
	}
}

// Forged webhooks don't make the function ask for its secret at each of them, and those
// of no form at none.
func TestForgedWebhooksAskSeldom(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	for range 50 {
		w.Webhook(t, "{}", testkit.Header(workos.SignatureHeader, "t=1, v1=00")).Refused(t, errs.Unauthorized)
	}
	if got := w.Secrets.Reads(); got != 0 {
		t.Errorf("%d reads by signatures of no form", got)
	}
	body := []byte("{}")
	begun := time.Now()
	for range 50 {
		w.Webhook(t, body, testkit.Header(workos.SignatureHeader, workos.Sign("whsec_other", time.Now(), body))).Refused(t, errs.Unauthorized)
	}
	// Each reading asks for two values; the first is the function's own.
	readings := 2 + int(time.Since(begun)/secret.RefreshInterval)
	if got := w.Secrets.Reads(); got > 2*readings {
		t.Errorf("%d values were asked for by 50 forgeries, want at most %d", got, 2*readings)
	}
}

// The provider's API key rotates while newcomers come: the new one is stored first, and
// the provider takes it alone a while later.
func TestAPIKeyRotatesUnderLoad(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	const next = "sk_test_next"
	var stored atomic.Bool
	load(func() {
		w.Secrets.Put(testkit.APIKeyName, next)
		stored.Store(true)
	}, func(sender, number int) {
		if stored.Load() && number == each*3/4 {
			w.Directory.TakeKey(next)
		}
		w.Newcomer(fmt.Sprintf("p%dn%d", sender, number)).Call(t, "GET /v1/me", nil).Expect(t, 200)
	})
	if !stored.Load() {
		t.Error("the key did not rotate")
	}
}
