package s3_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rapport/rapport/shared/core/blob/blobtest"
	"github.com/rapport/rapport/shared/core/blob/s3"
	"github.com/rapport/rapport/shared/testkit/blobs"
)

func open(t *testing.T, dir string) *s3.Store {
	t.Helper()
	store, err := blobs.Open(dir, "files")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(store.Handler())
	t.Cleanup(server.Close)
	return s3.New(s3.Config{Region: "us-east-1", AccessKeyID: "k", SecretAccessKey: "s", Endpoint: server.URL}, "files")
}

func TestConforms(t *testing.T) { blobtest.Conforms(t, open(t, t.TempDir())) }

// What was put is there after a restart, and half of what wasn't is not.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Put(t.Context(), "a/b", "text/plain", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "files", "half.new"), []byte(`{"key":"ha`), 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if got, err := again.Get(t.Context(), "a/b"); err != nil || string(got) != "kept" {
		t.Errorf("%q %v", got, err)
	}
	if page, err := again.List(t.Context(), "", "", 10); err != nil || len(page.Items) != 1 {
		t.Errorf("%+v %v", page, err)
	}
}
