package runner

import (
	"context"
	"slices"
	"time"

	"github.com/rapport/rapport/infra/local/iam"
	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/template"
)

// startProxy opens the proxy that functions reach the tables by. What stands before
// the tables stands before @connections too.
func (r *Runner) startProxy() error {
	middleware, err := r.middleware()
	if err != nil {
		return err
	}
	r.proxy, err = proxy.New(proxy.Options{Engine: r.Engine.Endpoint, Stack: r.Stack, Middleware: middleware, Log: r.log})
	if err != nil {
		return err
	}
	r.ends.push("connections to the table engine", time.Second, func(context.Context) error { r.proxy.Close(); return nil })
	return nil
}

// middleware are what a call goes through, in order: who watches, then what AWS does
// (latencies, permissions), then what goes wrong on the way.
func (r *Runner) middleware() ([]proxy.Middleware, error) {
	policies, err := iam.New(r.Stack, r.log)
	if err != nil {
		return nil, err
	}
	r.policies = policies
	middleware := slices.Clone(r.config.Calls)
	if !r.profile.none() {
		middleware = append(middleware, r.profile.Middleware)
	}
	return append(middleware, policies.Middleware, r.faults.Middleware(func(id string) { r.Sockets.Drop(id) })), nil
}

// connections is the stage that @connections belongs to, as IAM names it.
func connections(stack *template.Stack) string {
	return "arn:aws:execute-api:" + stack.Region + ":" + stack.AccountID + ":" + stack.Socket.ID + "/" + stack.Socket.Stage
}
