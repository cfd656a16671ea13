package runner

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/infra/local/latency"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

// ProfileAWS as PROFILE adds the latencies of docs/latency-model.md.
const ProfileAWS = "aws"

// profile is the environment that the runner imitates: how long everything takes there.
// Its zero value adds nothing anywhere.
type profile struct{ *latency.Model }

// newProfile knows the profiles by their names.
func newProfile(name string, c clock.Clock) (profile, error) {
	switch name {
	case "":
		return profile{}, nil
	case ProfileAWS:
		return profile{latency.AWS(1, c)}, nil
	}
	return profile{}, fmt.Errorf("environment: PROFILE is %q; want %s, or nothing", name, ProfileAWS)
}

// none reports whether nothing is added.
func (p profile) none() bool { return p.Model == nil }

// coldStarts are functions whose instances start cold.
func (p profile) coldStarts(functions []endpoint.FunctionSpec) []endpoint.FunctionSpec {
	if p.none() {
		return functions
	}
	colder := make([]endpoint.FunctionSpec, len(functions))
	for i, function := range functions {
		open := function.Open
		function.Open = func(ctx context.Context, env config.Env, overrides endpoint.Overrides) (lambda.Handler, error) {
			p.Wait(ctx, p.ColdStart())
			return open(ctx, env, overrides)
		}
		colder[i] = function
	}
	return colder
}

// requests puts around the HTTP API what is on the way there and back.
func (p profile) requests(api http.Handler) http.Handler {
	if p.none() {
		return api
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Wait(r.Context(), p.Network()+p.HTTP()+p.Invoke())
		api.ServeHTTP(&delayedWriter{ResponseWriter: w, wait: func() { p.Wait(r.Context(), p.Network()) }}, r)
	})
}

// delayedWriter is a client whose answer is on its way for a while before it begins.
type delayedWriter struct {
	http.ResponseWriter
	once sync.Once
	wait func()
}

// WriteHeader implements http.ResponseWriter.
func (d *delayedWriter) WriteHeader(status int) {
	d.once.Do(d.wait)
	d.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (d *delayedWriter) Write(b []byte) (int, error) {
	d.once.Do(d.wait)
	return d.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (d *delayedWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// frames puts before the WebSocket API's functions what is on the way there.
func (p profile) frames(functions gateway.Invoker) gateway.Invoker {
	if p.none() {
		return functions
	}
	return delayedInvoker{functions, func(ctx context.Context) { p.Wait(ctx, p.Network()+p.Socket()+p.Invoke()) }}
}

// delayedInvoker invokes after a wait.
type delayedInvoker struct {
	gateway.Invoker
	wait func(context.Context)
}

// Invoke is the invoker's.
func (l delayedInvoker) Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error) {
	l.wait(ctx)
	return l.Invoker.Invoke(ctx, folder, payload)
}

// travel is a frame's way to a client; nil where it takes no time.
func (p profile) travel() func() time.Duration {
	if p.none() {
		return nil
	}
	return p.Network
}

// queueHop is a message's way to its function; nil where it takes no time.
func (p profile) queueHop() func() time.Duration {
	if p.none() {
		return nil
	}
	return p.QueueHop
}

// hop is a stream record's way to its reader; nil where it takes no time.
func (p profile) hop() func() time.Duration {
	if p.none() {
		return nil
	}
	return p.StreamHop
}
