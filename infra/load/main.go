// Command load drives a local Rapport as many people would: meetings in which
// people write notes, speak and read, over their own sockets, at rates that do
// not wait for the server (an open loop). It measures how long it takes from the
// moment that an operation was due until everybody has it, checks at the end
// that nothing acknowledged is missing or doubled and that all clients agree,
// and writes a report. docs/load.md says how to use it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rapport/rapport/shared/core/config"
)

// Exit codes: 1 where something is wrong or an objective is missed, 2 where the
// driver could not do its work.
const (
	exitWrong  = 1
	exitBroken = 2
)

var errWrong = errors.New("the run did not meet what it should")

func main() {
	ctx, forget := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, config.Process(), os.Stdout)
	forget()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "load:", err)
	if errors.Is(err, errWrong) {
		os.Exit(exitWrong)
	}
	os.Exit(exitBroken)
}

func run(ctx context.Context, env config.Env, out io.Writer) error {
	s, err := fromEnvironment(env)
	if err != nil {
		return err
	}
	dir, err := newFolder(s.Out)
	if err != nil {
		return err
	}
	p := &program{scenario: s, dir: dir, out: out, began: time.Now()}
	p.printf("%v", s)
	if p.server, err = startServer(ctx, s, filepath.Join(dir, "runner.log")); err != nil {
		return err
	}
	p.printf("the runner is at %s", p.server.base)
	switch s.Mode {
	case "ceiling":
		err = p.ceiling(ctx)
	case "reconnect":
		err = p.reconnect(ctx)
	default:
		err = p.objective(ctx)
	}
	if ending := p.server.stop(); ending != nil {
		p.printf("the runner did not end in order: %v", ending)
	}
	return err
}
