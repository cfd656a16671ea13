package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is the runner that is driven.
type server struct {
	base string
	// pid and engine are processes that can be looked at; 0 where they weren't
	// started here.
	pid, engine int

	command *exec.Cmd
	dataDir string
	log     *os.File
	exited  chan struct{}
}

const (
	readyWithin = 2 * time.Minute
	endWithin   = 15 * time.Second
)

// startServer starts a runner on free ports with data of its own, or takes the
// one that the scenario names.
func startServer(ctx context.Context, s Scenario, logPath string) (*server, error) {
	if s.URL != "" {
		return &server{base: strings.TrimSuffix(s.URL, "/")}, nil
	}
	dir, err := os.MkdirTemp("", "rapport-load-")
	if err != nil {
		return nil, err
	}
	sv := &server{dataDir: dir, exited: make(chan struct{})}
	if sv.log, err = os.Create(logPath); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// The context is not the command's: the runner ends in order, by stop.
	sv.command = exec.Command(s.Runner) //nolint:noctx // as the line above says
	sv.command.Env = append(os.Environ(), "PORT=0", "WS_PORT=0", "DATA_DIR="+filepath.Join(dir, "data"))
	sv.command.Stderr = sv.log
	// Ctrl-C in a terminal reaches the driver alone, which ends the runner.
	sv.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := sv.command.StdoutPipe()
	if err == nil {
		err = sv.command.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s (`make runner` builds it): %w", s.Runner, err), os.RemoveAll(dir))
	}
	sv.pid = sv.command.Process.Pid
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		said <- line
	}()
	select {
	case line := <-said:
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
		if !ok {
			return nil, errors.Join(fmt.Errorf("the runner did not get ready; see %s", logPath), sv.stop())
		}
		sv.base = url
	case <-time.After(readyWithin):
		return nil, errors.Join(fmt.Errorf("the runner was not ready within %v; see %s", readyWithin, logPath), sv.stop())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), sv.stop())
	}
	sv.engine = childOf(sv.pid)
	go func() {
		_ = sv.command.Wait()
		close(sv.exited)
	}()
	return sv, nil
}

// stop ends the runner that was started, in order if it can, and removes its
// data.
func (sv *server) stop() error {
	if sv.command == nil {
		return nil
	}
	err := sv.command.Process.Signal(syscall.SIGTERM)
	if sv.base == "" {
		_ = sv.command.Process.Kill()
		_ = sv.command.Wait()
	} else {
		select {
		case <-sv.exited:
			err = nil
		case <-time.After(endWithin):
			err = errors.Join(err, sv.command.Process.Kill())
			<-sv.exited
		}
	}
	return errors.Join(err, sv.log.Close(), os.RemoveAll(sv.dataDir))
}
