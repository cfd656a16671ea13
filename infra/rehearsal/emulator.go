package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	region = "us-east-1"
	// startLimit is how long the emulator may take to answer.
	startLimit = 60 * time.Second
	startPause = 100 * time.Millisecond
)

// emulator is an AWS account on this machine, which enforces IAM.
type emulator struct {
	url     string
	process *exec.Cmd
	log     *os.File
}

// startEmulator starts one whose functions find AWS, the issuer's API and the
// issuer's certificate where env says.
func startEmulator(ctx context.Context, python, tree, dir string, env map[string]string) (*emulator, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "emulator.log"))
	if err != nil {
		return nil, err
	}
	e := &emulator{url: "http://127.0.0.1:" + strconv.Itoa(port), log: log}
	all := maps.Clone(env)
	maps.Copy(all, e.account())
	maps.Copy(all, map[string]string{
		"AUTH": "true", "LAMBDA_EXECUTOR": "local", "MINISTACK_REGION": region,
		"MINISTACK_HOST": "127.0.0.1", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": strconv.Itoa(port),
		"HOME": dir, "TMPDIR": dir,
		// Functions get these. Each client has its own variable, as the SDK has.
		"AWS_ENDPOINT_URL_DYNAMODB": e.url, "AWS_ENDPOINT_URL_SQS": e.url, "AWS_ENDPOINT_URL_S3": e.url,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": e.url,
	})
	e.process = program(ctx, log, all, python, filepath.Join(tree, "infra", "rehearsal", "emulator.py"))
	if err := e.process.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the emulator: %w", err), log.Close())
	}
	if err := e.answers(ctx); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

// account is what a program needs to reach the account as its owner.
func (e *emulator) account() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": e.url, "AWS_DEFAULT_REGION": region,
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	}
}

func (e *emulator) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/_ministack/health", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = response.Body.Close()
		}
		if err == nil && response.StatusCode == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the emulator does not answer; see %s", e.log.Name())
		case <-time.After(startPause):
		}
	}
}

// stop ends the emulator and its functions.
func (e *emulator) stop() error {
	err := endGroup(e.process.Process.Pid)
	// It was killed, so how it ended says nothing.
	_ = e.process.Wait()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return errors.Join(err, e.log.Close())
}

// freePort is a port of loopback that nobody listens on now.
func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}
