package runner

import (
	"crypto/rand"
	"net/http"

	"github.com/rapport/rapport/infra/local/dev"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

// startSecrets keeps the secrets that the templates name.
func (r *Runner) startSecrets() {
	r.Secrets = secrets.New(r.Stack.Region, r.Stack.AccountID, r.clock)
	r.Secrets.Put(apiKeySecret, workosKey)
	r.Secrets.Put(webhookSecret, r.config.WebhookSecret)
}

// RotateWebhookSecret gives webhooks another secret, in the order of the runbook: the
// functions can read it before anything is signed with it.
func (r *Runner) RotateWebhookSecret() {
	value := rand.Text()
	r.Secrets.Put(webhookSecret, value)
	r.Issuer.SignWith(value)
}

// Rotated names the secret that has another value.
type Rotated struct {
	Secret string `json:"secret"`
}

// withRotation serves POST /dev/rotate, which rotates the webhooks' secret, and all else
// as before.
func withRotation(rotate func(), others http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/dev/rotate", dev.Only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) {
		var in struct{}
		if !dev.Read(w, r, &in) {
			return
		}
		rotate()
		dev.WriteJSON(w, Rotated{webhookSecret})
	}))
	mux.Handle("/", others)
	return mux
}
