package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
)

// ran is what came of one event.
type ran struct {
	outcome
	start    time.Duration
	duration time.Duration
	log      []byte
}

// runOnce starts a binary with an environment, gives it one event, and ends it.
// The error carries the process's last words.
func runOnce(ctx context.Context, b binary, fn template.Function, env config.Env, requestID string, event []byte) (r ran, err error) {
	api, err := startRuntimeAPI(ctx, fn.ARN, requestID, event, fn.Timeout)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, api.close()) }()

	var words bytes.Buffer
	process := exec.CommandContext(ctx, b.path, b.args...)
	process.Dir = filepath.Dir(b.path)
	process.Stdout, process.Stderr = &words, &words
	process.WaitDelay = time.Second
	process.Env = []string{}
	for name, value := range env.With(config.Env{
		"AWS_LAMBDA_RUNTIME_API": api.address, "LAMBDA_TASK_ROOT": filepath.Dir(b.path), "_HANDLER": "bootstrap",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "TZ": ":UTC",
	}) {
		process.Env = append(process.Env, name+"="+value)
	}
	started := time.Now()
	if err := process.Start(); err != nil {
		return r, fmt.Errorf("start %s: %w", b.path, err)
	}
	ended := make(chan error, 1)
	go func() {
		err := process.Wait()
		if err == nil {
			err = errors.New("exit code 0")
		}
		ended <- err
		close(ended)
	}()
	r.outcome, err = api.wait(ctx, ended)
	// Lambda ends a process without asking, too; an error says that it is gone.
	if killed := process.Process.Kill(); killed != nil && !errors.Is(killed, os.ErrProcessDone) {
		err = errors.Join(err, killed)
	}
	for range ended {
	}
	r.log = words.Bytes()
	if err != nil {
		return r, fmt.Errorf("%w\n%s", err, r.log)
	}
	if !api.askedAt.IsZero() {
		r.start, r.duration = api.askedAt.Sub(started), r.at.Sub(api.askedAt)
	}
	return r, nil
}
