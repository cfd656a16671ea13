//go:build !unix

package engine

import (
	"errors"
	"os/exec"
)

type process struct {
	cmd   *exec.Cmd
	words *words
	done  chan struct{}
}

func spawn([]string) (*process, error) {
	return nil, errors.New("an engine can't be started on this system: name a running one by DYNAMODB_ENDPOINT")
}

func (*process) stop() error { return nil }
