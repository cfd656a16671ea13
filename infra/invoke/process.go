package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/config"
)

// build makes the bootstrap of a function with the flags of a deployment, for
// this machine's processor; where this machine runs no Linux binaries, for its
// own system.
func build(ctx context.Context, root, folder, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	compile := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w",
		"-o", target, "./"+folder)
	compile.Dir = root
	compile.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	if text, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", folder, err, text)
	}
	return nil
}

// ran is what came of one event.
type ran struct {
	outcome
	start    time.Duration
	duration time.Duration
	log      []byte
}

// runOnce starts a bootstrap with an environment, gives it one event, and ends
// it. The error carries the process's last words.
func runOnce(ctx context.Context, bootstrap string, fn template.Function, env config.Env, requestID string, event []byte) (r ran, err error) {
	api, err := startRuntimeAPI(ctx, fn.ARN, requestID, event, fn.Timeout)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, api.close()) }()

	var words bytes.Buffer
	process := exec.CommandContext(ctx, bootstrap)
	process.Dir = filepath.Dir(bootstrap)
	process.Stdout, process.Stderr = &words, &words
	process.WaitDelay = time.Second
	process.Env = []string{}
	for name, value := range env.With(config.Env{
		"AWS_LAMBDA_RUNTIME_API": api.address, "LAMBDA_TASK_ROOT": filepath.Dir(bootstrap), "_HANDLER": "bootstrap",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "TZ": ":UTC",
	}) {
		process.Env = append(process.Env, name+"="+value)
	}
	started := time.Now()
	if err := process.Start(); err != nil {
		return r, fmt.Errorf("start %s: %w", bootstrap, err)
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
