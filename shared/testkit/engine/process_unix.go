//go:build unix

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// guard becomes the engine, and leaves a shell behind that waits on a pipe from
// the parent: a line means that the parent has seen the engine's end, the
// pipe's end that the parent is gone, however it went.
const guard = `exec 3<&0 </dev/null
( read -r _ <&3 || kill -9 $$ ) >/dev/null 2>&1 &
exec 3<&-
exec "$@"`

// process is a child that can't outlive this process.
type process struct {
	cmd   *exec.Cmd
	leash *os.File
	words *words
	// done is closed when the child has ended and was waited for.
	done chan struct{}
	once sync.Once
	err  error
}

func spawn(args []string) (*process, error) {
	// The engine outlives the context of its start.
	cmd := exec.CommandContext(context.Background(), "/bin/sh", append([]string{"-c", guard, "engine"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	far, leash, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, leash: leash, words: &words{}, done: make(chan struct{})}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, p.words, p.words
	err = cmd.Start()
	if err := errors.Join(err, far.Close()); err != nil {
		return nil, errors.Join(err, leash.Close())
	}
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	err := p.cmd.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		err = nil // how it ended stands among its words
	}
	fmt.Fprintf(p.words, "(%v)\n", p.cmd.ProcessState)
	// The guard may be gone with its group; then nobody reads the line.
	_, _ = p.leash.WriteString("\n")
	p.err = errors.Join(err, p.leash.Close())
	close(p.done)
}

// stop asks the child to end, and makes it after a while.
func (p *process) stop() error {
	p.once.Do(func() {
		// It may have ended already, which is no error here.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(downWithin):
			_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
			<-p.done
		}
	})
	return p.err
}
