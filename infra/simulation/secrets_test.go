package simulation

import (
	"bytes"
	"io"
	"net/http"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

const (
	apiKeyName        = "simulation/workos-api-key"
	webhookSecretName = "simulation/workos-webhook-secret"
)

// openSecrets keeps the secrets of a run, in the run's time.
func openSecrets() *secrets.Store {
	s := secrets.New("us-east-1", "123456789012", clock.System{})
	s.Put(apiKeyName, "sk_simulation")
	s.Put(webhookSecretName, "simulation")
	return s
}

// keys carries the calls of Secrets Manager: each takes its time, and faults fall.
type keys struct{ w *simulation }

// Do implements aws.HTTPClient.
func (k keys) Do(r *http.Request) (*http.Response, error) {
	o := operationOf(r.Context())
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c, err := parseCall(r.Header.Get("X-Amz-Target"), body)
	if err != nil {
		return nil, err
	}
	k.w.wire.settle(o, c, c.operation, r)
	if err := o.sleep(r.Context(), c.operation, k.w.paces.post); err != nil {
		return nil, err
	}
	given := &recorded{header: http.Header{}, status: http.StatusOK}
	fault := k.w.faults.Secret(o.function, c.operation)
	if fault == faults.SecretFailed {
		secrets.Fail(given, http.StatusInternalServerError, "InternalServiceError", "An error occurred on the server side.")
	} else {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		k.w.secrets.ServeHTTP(given, again)
	}
	k.w.wire.ended(o, c, c.operation)
	k.w.note(o, "%s: %d %s", c.operation, given.status, fault)
	return answer{status: given.status, header: given.header, body: given.body.Bytes()}.response(r), nil
}
