package check

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestLockFilesNameNoRegistry wants lock files to be good wherever packages are
// fetched from: versions and hashes, but no addresses. .npmrc has npm write them
// so.
func TestLockFilesNameNoRegistry(t *testing.T) {
	root := root(t)
	address := regexp.MustCompile(`"resolved": "[a-z+]+://[^"]*"`)
	for _, folder := range []string{"web", "infra/engine", "infra/oracle"} {
		name := filepath.Join(folder, "package-lock.json")
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if found := address.FindAll(text, -1); len(found) > 0 {
			t.Errorf("%s has %d addresses, such as %s", name, len(found), found[0])
		}
	}
}
