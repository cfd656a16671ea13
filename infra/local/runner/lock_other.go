//go:build !unix

package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lock makes a data directory this process's own. Here nothing lets go of the
// lock when the process is killed: the message says which file to delete.
func lock(dir string) (release func() error, err error) {
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, &Locked{Dir: dir, PID: "unknown; if none runs, delete " + path}
	}
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return func() error { return errors.Join(file.Close(), os.Remove(path)) }, nil
}
