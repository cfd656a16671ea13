package issuer

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

const (
	keyFile = "issuer-key.pem"
	keyType = "PRIVATE KEY"
)

// loadKey reads a directory's key, or makes one. Without a directory the key
// lives as long as the process.
func loadKey(dir string) (workostest.Key, error) {
	if dir == "" {
		return workostest.NewKey()
	}
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := workostest.NewKey()
		if err != nil {
			return workostest.Key{}, err
		}
		return key, save(key, path)
	}
	if err != nil {
		return workostest.Key{}, fmt.Errorf("read key: %w", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return workostest.Key{}, fmt.Errorf("%s: %w; delete it to get a new one, which ends all tokens", path, err)
	}
	return key, nil
}

func parseKey(text []byte) (workostest.Key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyType {
		return workostest.Key{}, errors.New("not a private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return workostest.Key{}, fmt.Errorf("parse key: %w", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return workostest.Key{}, errors.New("not an RSA key")
	}
	return workostest.Named(private), nil
}

// save writes a key readable by its owner alone, whole or not at all.
func save(k workostest.Key, path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
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
