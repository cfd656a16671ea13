package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Of the tree's own configuration nothing but staging's issuer changes.
func TestWithIssuer(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "samconfig.toml"))
	if err != nil {
		t.Fatal(err)
	}
	config := string(raw)
	got, err := withIssuer(config, "https://localhost:1/dev")
	if err != nil {
		t.Fatal(err)
	}
	back := strings.Replace(got, "https://localhost:1/dev/jwks", stagingKeys, 1)
	if back = strings.Replace(back, "https://localhost:1/dev", stagingIssuer, 1); back != config || got == config {
		t.Errorf("more or less than the issuer has changed:\n%s", got)
	}
	if _, err := withIssuer(strings.ReplaceAll(config, stagingIssuer, "https://example.com"), "https://localhost:1/dev"); err == nil {
		t.Error("a configuration without staging's issuer is taken")
	}
}
