package testkit

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

// SigningKey is an RSA key under its id.
type SigningKey = workostest.Key

// NewSigningKey makes a key under an id.
func NewSigningKey(t testing.TB, id string) SigningKey {
	t.Helper()
	key, err := workostest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key.ID = id
	return key
}

// firstKey is made once for all tests of a binary, because it takes a while.
var firstKey = sync.OnceValues(workostest.NewKey)

// Issuer signs tokens as WorkOS does, and publishes its keys.
type Issuer struct {
	// Name is the `iss` claim, URL where the key set is fetched.
	Name, URL string

	mu      sync.Mutex
	keys    []SigningKey
	answer  func(http.ResponseWriter)
	fetches int
}

// NewIssuer starts an issuer with one key, `key-1`.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	key, err := firstKey()
	if err != nil {
		t.Fatal(err)
	}
	key.ID = "key-1"
	i := &Issuer{keys: []SigningKey{key}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { i.serve(w) }))
	t.Cleanup(server.Close)
	i.Name, i.URL = "https://issuer.test/", server.URL+"/jwks"
	return i
}

func (i *Issuer) serve(w http.ResponseWriter) {
	i.mu.Lock()
	i.fetches++
	answer, keys := i.answer, i.keys
	i.mu.Unlock()
	if answer != nil {
		answer(w)
		return
	}
	set, err := workostest.KeySet(keys...)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that is gone needs no answer.
	_, _ = w.Write(set)
}

// Fetches counts how often the key set was asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// Publish replaces the key set. The first key is the one that signs.
func (i *Issuer) Publish(keys ...SigningKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// Key is the key that signs.
func (i *Issuer) Key() SigningKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0]
}

// Down answers every fetch with a status, until Up.
func (i *Issuer) Down(status int) {
	i.Answer(func(w http.ResponseWriter) { http.Error(w, http.StatusText(status), status) })
}

// Up answers fetches with the key set again.
func (i *Issuer) Up() { i.Answer(nil) }

// Answer answers every fetch with what f writes.
func (i *Issuer) Answer(f func(http.ResponseWriter)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = f
}

// Sign signs claims with the issuer's key.
func (i *Issuer) Sign(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := i.Key().Sign(claims)
	if err != nil {
		t.Error(fmt.Errorf("sign token: %w", err))
	}
	return signed
}

// SignWith signs claims with any method and key, under any headers beside the
// method's own; a header may replace that too.
func SignWith(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	maps.Copy(token.Header, header)
	signed, err := token.SignedString(key)
	if err != nil {
		t.Error(fmt.Errorf("sign token: %w", err))
	}
	return signed
}
