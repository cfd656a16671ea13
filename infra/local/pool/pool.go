// Package pool runs functions in this process as Lambda runs them: an instance
// is one Open of the function and serves one event at a time; events that come
// together are served by different instances, an idle one or a new one; each
// function has its own environment and credentials, timeout and bound on
// concurrency. An instance whose handler panics or is late is thrown away.
//
// Two things differ from Lambda. A goroutine can't be killed, so a late handler
// goes on in the background until it notices its context, and it keeps its place
// in the bound until then. Memory is not limited.
package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

const (
	// DefaultConcurrency bounds a function that reserves none.
	DefaultConcurrency = 64
	// throttleAfter is how long an event waits for a free place: Lambda has many
	// more places than a laptop and doesn't wait, and clients wait ten seconds.
	throttleAfter = 3 * time.Second
	// initTimeout bounds Open, as Lambda's init phase.
	initTimeout = 10 * time.Second
	// maxPayload bounds an event, in bytes: a body of 10 MB, the most that the
	// HTTP API takes, in base64, and what is around it. Lambda's own bound of 6 MB
	// comes first on AWS.
	maxPayload = 14 << 20
)

// Pool holds the instances of every function. It is safe for concurrent use.
type Pool struct {
	functions map[string]*function

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New prepares the functions of a template. Each is found among those declared by its
// folder; one that is not declared is an error, a declared one that is not in the template can't
// be invoked. The base environment is what the laptop adds for every function,
// such as AWS_ENDPOINT_URL_DYNAMODB; see Environment.
func New(declared []endpoint.FunctionSpec, functions []template.Function, base config.Env, log *slog.Logger) (*Pool, error) {
	byFolder := make(map[string]endpoint.FunctionSpec, len(declared))
	for _, function := range declared {
		byFolder[function.Name] = function
	}
	p := &Pool{functions: make(map[string]*function, len(functions))}
	var errs []error
	for _, spec := range functions {
		function, ok := byFolder[spec.Folder]
		if !ok {
			errs = append(errs, fmt.Errorf("%s (%s) is in the templates but not among the declared functions", spec.Folder, spec.LogicalID))
			continue
		}
		p.functions[spec.Folder] = newFunction(function, spec, Environment(spec, base), log)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// Invoke gives an event to a function and waits for its answer. Errors are
// *UnknownFunction, *Throttled, *TimedOut, *Panicked or *Failed, ErrClosed, or
// the context's. An invocation that has begun goes on when ctx ends, as Lambda's
// does when its caller leaves.
func (p *Pool) Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error) {
	f, ok := p.functions[folder]
	if !ok {
		return nil, &UnknownFunction{Folder: folder}
	}
	if len(payload) > maxPayload {
		return nil, &Failed{Folder: folder, Type: "RequestEntityTooLargeException",
			Err: fmt.Errorf("event of %d bytes is above %d", len(payload), maxPayload)}
	}
	if !p.enter() {
		return nil, ErrClosed
	}
	if err := f.acquire(ctx); err != nil {
		p.running.Done()
		return nil, err
	}
	run := f.begin(ctx, payload)
	done := make(chan struct{})
	go func() {
		defer p.running.Done()
		run.serve(done)
	}()
	select {
	case <-done:
		return run.answer, run.err
	case <-ctx.Done():
		return nil, fmt.Errorf("invoke %s: %w", folder, ctx.Err())
	}
}

func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

// Close takes no more events and waits for those under way, at most until ctx
// ends.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		for _, f := range p.functions {
			f.end()
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close functions: invocations are still under way: %w", ctx.Err())
	}
}
