package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"

	"github.com/golang-jwt/jwt/v5"
)

const (
	keyFile = "issuer-key.pem"
	keyBits = 2048
	keyType = "PRIVATE KEY"
)

// signingKey is an RSA key under its id.
type signingKey struct {
	private *rsa.PrivateKey
	id      string
}

// publicKey is a key of a JSON Web Key Set (RFC 7517).
type publicKey struct {
	Kty string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	N   string `json:"n"`
	E   string `json:"e"`
}

// loadKey reads a directory's key, or makes one. Without a directory the key
// lives as long as the process.
func loadKey(dir string) (signingKey, error) {
	if dir == "" {
		return makeKey()
	}
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := makeKey()
		if err != nil {
			return signingKey{}, err
		}
		return key, key.save(path)
	}
	if err != nil {
		return signingKey{}, fmt.Errorf("read key: %w", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return signingKey{}, fmt.Errorf("%s: %w; delete it to get a new one, which ends all tokens", path, err)
	}
	return key, nil
}

func makeKey() (signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return signingKey{}, fmt.Errorf("make key: %w", err)
	}
	return named(private), nil
}

func parseKey(text []byte) (signingKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyType {
		return signingKey{}, errors.New("not a private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return signingKey{}, fmt.Errorf("parse key: %w", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return signingKey{}, errors.New("not an RSA key")
	}
	return named(private), nil
}

// save writes the key readable by its owner alone, whole or not at all.
func (k signingKey) save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return writeWhole(path, pem.EncodeToMemory(&pem.Block{Type: keyType, Bytes: der}))
}

// writeWhole replaces a file so that a crash leaves the old or the new one.
func writeWhole(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// named gives a key its thumbprint (RFC 7638) as id.
func named(private *rsa.PrivateKey) signingKey {
	k := signingKey{private: private}
	public := k.public()
	sum := sha256.Sum256(fmt.Appendf(nil, `{"e":"%s","kty":"RSA","n":"%s"}`, public.E, public.N))
	k.id = base64.RawURLEncoding.EncodeToString(sum[:])
	return k
}

func (k signingKey) public() publicKey {
	exponent := big.NewInt(int64(k.private.E))
	return publicKey{
		Kty: "RSA", Use: "sig", Alg: jwt.SigningMethodRS256.Alg(), Kid: k.id,
		N: base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		E: base64.RawURLEncoding.EncodeToString(exponent.Bytes()),
	}
}

// set is the key's JSON Web Key Set.
func (k signingKey) set() ([]byte, error) {
	return json.Marshal(map[string][]publicKey{"keys": {k.public()}})
}

func (k signingKey) sign(claims jwt.MapClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = k.id
	return token.SignedString(k.private)
}
