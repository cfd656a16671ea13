package testkit

import (
	"net/http/httptest"
	"testing"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

// The names of the secrets here.
const (
	APIKeyName        = "rapport/test/workos-api-key"
	WebhookSecretName = "rapport/test/workos-webhook-secret"
)

// openSecrets fills Secrets Manager and gives the address at which its protocol is
// spoken.
func (h *Harness) openSecrets(t testing.TB) string {
	t.Helper()
	h.Secrets = secrets.New(region, "123456789012", clock.System{})
	h.Secrets.Put(APIKeyName, workosKey)
	h.Secrets.Put(WebhookSecretName, WebhookSecret)
	server := httptest.NewServer(h.Secrets)
	t.Cleanup(server.Close)
	return server.URL
}
