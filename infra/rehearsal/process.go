package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// wordsShown bounds how much of what a failed program said is shown, in bytes.
const wordsShown = 6 << 10

// program is one that the rehearsal runs, in a process group of its own, so that
// what it starts ends with it. Its output goes to log as it comes.
func program(ctx context.Context, log io.Writer, env map[string]string, path string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, path, args...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return endGroup(command.Process.Pid) }
	command.WaitDelay = 5 * time.Second
	command.Stdout, command.Stderr = log, log
	command.Env = environment(env)
	return command
}

// output runs a program to its end and gives what it said.
func output(ctx context.Context, env map[string]string, path string, args ...string) (string, error) {
	var said bytes.Buffer
	command := program(ctx, &said, env, path, args...)
	if err := command.Run(); err != nil {
		words := said.Bytes()
		words = words[max(0, len(words)-wordsShown):]
		return said.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(path), strings.Join(args, " "), errors.Join(err, ctx.Err()), words)
	}
	return said.String(), nil
}

// environment is what programs get: where other programs are, and what env says.
// Whoever runs the rehearsal may have AWS credentials; those stay out.
func environment(env map[string]string) []string {
	all := []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return all
}

// endGroup kills a process that program started, and what it started.
func endGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
