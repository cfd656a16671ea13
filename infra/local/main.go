// Command local runs all of Rapport on one machine: API, WebSocket, tables and
// console, as docs/guide.md describes. It prints `ready http://localhost:3000`
// when requests are served and ends in order on SIGINT and SIGTERM; a second
// signal ends it at once.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/local/runner"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/web/console"
)

// This process stands for hundreds of small ones, whose stacks and buffers are
// all looked through at each collection: with these it collects a fourth as often
// as usual, until it has this much memory.
const (
	gcPercent   = 400
	memoryLimit = 2 << 30
)

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(run(context.Background(), config.Process(), os.Stdout, os.Stderr))
}

// run serves until a signal comes or a part fails, and gives the exit code.
func run(ctx context.Context, env config.Env, stdout, stderr io.Writer) int {
	ctx, forget := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer forget()
	log := slog.New(slog.NewTextHandler(stderr, nil))
	refuse := func(err error) int {
		fmt.Fprintf(stderr, "rapport: %v\n", err)
		return 1
	}
	settings, err := runner.FromEnvironment(env)
	if err != nil {
		return refuse(err)
	}
	r, err := runner.Start(ctx, runner.Config{
		Settings: settings, Functions: functions.All(), Console: console.FS(), Log: log,
	})
	if err != nil {
		return refuse(err)
	}
	fmt.Fprintln(stdout, "ready "+r.URL)

	var failed error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case failed = <-r.Failed():
	}
	forget()
	if err := r.Stop(); err != nil {
		log.Warn("stopped, but not in order", "error", err.Error())
	}
	if failed != nil {
		return refuse(failed)
	}
	return 0
}
