package engine

import (
	"runtime"
	"strings"
	"sync"
)

// maxWords is how many bytes of a process's output are kept.
const maxWords = 4096

// words keeps the last of what a process says.
type words struct {
	mu   sync.Mutex
	kept []byte
}

// Write never fails.
func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, p...)
	if extra := len(w.kept) - maxWords; extra > 0 {
		w.kept = append([]byte(nil), w.kept[extra:]...)
	}
	return len(p), nil
}

// String is the last few lines.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := strings.TrimSpace(string(w.kept))
	if said == "" {
		return "(none)"
	}
	return said
}

// platform is this machine in npm's words.
func platform() string {
	if runtime.GOARCH == "amd64" {
		return runtime.GOOS + "-x64"
	}
	return runtime.GOOS + "-" + runtime.GOARCH
}
