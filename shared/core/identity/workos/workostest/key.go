package workostest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

const keyBits = 2048

// Key is an RSA key under its id.
type Key struct {
	ID      string
	Private *rsa.PrivateKey
}

// NewKey makes a key, which takes a while.
func NewKey() (Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Key{}, fmt.Errorf("make key: %w", err)
	}
	return Named(private), nil
}

// Named gives a key its thumbprint (RFC 7638) as id.
func Named(private *rsa.PrivateKey) Key {
	k := Key{Private: private}
	public := k.JWK()
	sum := sha256.Sum256(fmt.Appendf(nil, `{"e":"%s","kty":"RSA","n":"%s"}`, public["e"], public["n"]))
	k.ID = base64.RawURLEncoding.EncodeToString(sum[:])
	return k
}

// JWK is a key's public part in a JSON Web Key Set (RFC 7517).
func (k Key) JWK() map[string]string {
	return map[string]string{
		"kty": "RSA", "use": "sig", "alg": jwt.SigningMethodRS256.Alg(), "kid": k.ID,
		"n": base64.RawURLEncoding.EncodeToString(k.Private.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.Private.E)).Bytes()),
	}
}

// KeySet is the JSON Web Key Set of keys.
func KeySet(keys ...Key) ([]byte, error) {
	set := make([]map[string]string, len(keys))
	for i, key := range keys {
		set[i] = key.JWK()
	}
	return json.Marshal(map[string]any{"keys": set})
}

// Sign signs claims.
func (k Key) Sign(claims jwt.MapClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = k.ID
	return token.SignedString(k.Private)
}
