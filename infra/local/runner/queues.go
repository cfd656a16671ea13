package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/infra/local/pollers"
	"github.com/rapport/rapport/infra/local/schedules"
	"github.com/rapport/rapport/shared/testkit/queues"
)

// startQueues makes the templates' queues, behind the steps that stand before
// everything that functions call.
func (r *Runner) startQueues() error {
	dir, err := r.config.dir("queues")
	if err != nil {
		return err
	}
	r.Queues, err = queues.Open(queues.Options{Specs: pollers.Specs(r.Stack), Dir: dir, Clock: r.clock, Log: r.log})
	if err != nil {
		return err
	}
	r.ends.push("queues", time.Second, func(context.Context) error { return r.Queues.Close() })
	return nil
}

// startPollers begins to hand messages to functions.
func (r *Runner) startPollers(ctx context.Context) {
	cfg := pollers.Config{
		Stack: r.Stack, Queues: r.Queues, Invoker: measured{r.Functions, r.metrics}, Clock: r.clock, Log: r.log, Hop: r.profile.queueHop(),
	}
	if r.faults != nil {
		cfg.Faults = r.faults
	}
	r.pollers = pollers.Start(ctx, cfg)
	r.ends.push("pollers", time.Second, func(context.Context) error { r.pollers.Close(); return nil })
}

// startSchedules begins to run functions by the clock.
func (r *Runner) startSchedules(ctx context.Context) error {
	dir, err := r.config.dir("")
	if err != nil {
		return err
	}
	r.schedules, err = schedules.Start(ctx, schedules.Config{
		Stack: r.Stack, Invoker: measured{r.Functions, r.metrics}, Dir: dir, Clock: r.clock, Log: r.log,
	})
	if err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	r.ends.push("schedules", time.Second, func(context.Context) error { r.schedules.Close(); return nil })
	return nil
}
