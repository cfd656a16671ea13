package simulation

import (
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

// secretCalls carries the calls of Secrets Manager: each takes its time, and faults fall.
type secretCalls struct{ w *simulation }

// Do implements aws.HTTPClient.
func (s secretCalls) Do(r *http.Request) (*http.Response, error) {
	o, c, err := s.w.receive(r)
	if err != nil {
		return nil, err
	}
	given := &recorded{header: http.Header{}, status: http.StatusOK}
	fault := s.w.faults.Secret(o.function, c.operation)
	if fault == faults.SecretFailed {
		secrets.Fail(given, http.StatusInternalServerError, "InternalServiceError", "An error occurred on the server side.")
	} else {
		s.w.secrets.ServeHTTP(given, c.request(r))
	}
	s.w.wire.ended(o, c, c.operation)
	s.w.note(o, "%s: %d %s", c.operation, given.status, fault)
	return answer{status: given.status, header: given.header, body: given.body.Bytes()}.response(r), nil
}
