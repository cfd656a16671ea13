package runner

import (
	"context"
	"slices"
	"time"

	"github.com/rapport/rapport/infra/local/door"
	"github.com/rapport/rapport/infra/local/iam"
	"github.com/rapport/rapport/infra/local/template"
)

// startDoor opens the door that functions reach the tables by. What stands before
// the tables stands before @connections too.
func (r *Runner) startDoor() error {
	steps, err := r.steps()
	if err != nil {
		return err
	}
	r.calls, err = door.New(door.Options{Engine: r.Engine.Endpoint, Stack: r.Stack, Steps: steps, Log: r.log})
	if err != nil {
		return err
	}
	r.ends.push("connections to the table engine", time.Second, func(context.Context) error { r.calls.Close(); return nil })
	return nil
}

// steps are what a call goes through, in order: who watches, then what AWS does
// (latencies, permissions), then what goes wrong on the way.
func (r *Runner) steps() ([]door.Step, error) {
	policies, err := iam.New(r.Stack, r.log)
	if err != nil {
		return nil, err
	}
	r.policies = policies
	steps := slices.Clone(r.config.Calls)
	if !r.profile.none() {
		steps = append(steps, r.profile.Step)
	}
	return append(steps, policies.Step, r.faults.Step(func(id string) { r.Sockets.Drop(id) })), nil
}

// connections is the stage that @connections belongs to, as IAM names it.
func connections(stack *template.Stack) string {
	return "arn:aws:execute-api:" + stack.Region + ":" + stack.AccountID + ":" + stack.Socket.ID + "/" + stack.Socket.Stage
}
