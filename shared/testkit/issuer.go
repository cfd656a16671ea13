package testkit

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// SigningKey is an RSA key under its id.
type SigningKey struct {
	ID      string
	Private *rsa.PrivateKey
}

// NewSigningKey makes a key of 2048 bits.
func NewSigningKey(t testing.TB, id string) SigningKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return SigningKey{id, private}
}

// firstKey is made once for all tests of a binary, because it takes a while.
var firstKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// JWK is a key's public part in a JSON Web Key Set (RFC 7517).
func (k SigningKey) JWK() map[string]string {
	return map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": k.ID,
		"n": base64.RawURLEncoding.EncodeToString(k.Private.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.Private.E)).Bytes()),
	}
}

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
	private, err := firstKey()
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{keys: []SigningKey{{"key-1", private}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { i.serve(w) }))
	t.Cleanup(server.Close)
	i.Name, i.URL = "https://issuer.test/", server.URL+"/jwks"
	return i
}

func (i *Issuer) serve(w http.ResponseWriter) {
	i.mu.Lock()
	i.fetches++
	answer, keys := i.answer, []map[string]string{}
	for _, key := range i.keys {
		keys = append(keys, key.JWK())
	}
	i.mu.Unlock()
	if answer != nil {
		answer(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// Strings always encode, and a client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
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
	return SignWith(t, jwt.SigningMethodRS256, i.Key().Private, claims, map[string]any{"kid": i.Key().ID})
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

func (i *Issuer) claims(userID, session string) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": i.Name, "sub": userID, "sid": session, "org_id": "org_test", "role": "member",
		"permissions": []string{}, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}
