package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/rapport/rapport/shared/testkit/secrets"
)

// maxSecretRequest is what is read of a call of Secrets Manager, in bytes.
const maxSecretRequest = 64 << 10

// Secrets puts the same middleware before Secrets Manager.
func (p *Proxy) Secrets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSecretRequest))
		if err != nil {
			SecretError(http.StatusBadRequest, "InvalidRequestException", "The request can't be read.").write(w)
			return
		}
		key := accessKey(r.Header.Get("Authorization"))
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		p.pass(w, r, next, Call{
			Service: Secrets, Key: key, Function: p.signers[key], Operation: operation, Body: body, header: r.Header,
			Actions: []Action{{"secretsmanager:" + operation, p.secretARN(body)}},
		})
	})
}

// secretARN is the secret that a call names, by name or ARN; `*` where it names none.
func (p *Proxy) secretARN(body []byte) string {
	var named struct {
		ID string `json:"SecretId"`
	}
	// What can't be read is on everything, which only a policy of everything allows.
	if json.Unmarshal(body, &named) != nil || named.ID == "" {
		return "*"
	}
	return secrets.ARN(p.secrets, named.ID)
}

// SecretError is an error as Secrets Manager words it: 400 AccessDeniedException, 500
// InternalServiceError.
func SecretError(status int, code, message string) Response {
	w := recorder{header: http.Header{}}
	secrets.Fail(&w, status, code, message)
	return Response{Status: w.status, Header: w.header, Body: w.body}
}
