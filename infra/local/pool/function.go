package pool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

// function is one function with its instances.
type function struct {
	declared endpoint.FunctionSpec
	spec     template.Function
	env      config.Env
	slots    chan struct{}
	log      *slog.Logger

	mu   sync.Mutex
	idle []*instance
	seen counters
}

func newFunction(declared endpoint.FunctionSpec, spec template.Function, env config.Env, log *slog.Logger) *function {
	bound := DefaultConcurrency
	if spec.Reserved != nil {
		bound = *spec.Reserved
	}
	return &function{declared: declared, spec: spec, env: env, slots: make(chan struct{}, bound), log: log}
}

// acquire takes a place in the function's bound, waiting briefly for one.
func (f *function) acquire(ctx context.Context) error {
	select {
	case f.slots <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(throttleAfter)
	defer patience.Stop()
	select {
	case f.slots <- struct{}{}:
		return nil
	case <-patience.C:
		f.count(func(c *counters) { c.throttles++ })
		return &Throttled{Folder: f.spec.Folder, Limit: cap(f.slots)}
	case <-ctx.Done():
		return fmt.Errorf("invoke %s: %w", f.spec.Folder, ctx.Err())
	}
}

// invocation is one event under way.
type invocation struct {
	f       *function
	id      string
	ctx     context.Context
	payload []byte
	// answer and err are set before the caller is told that it is done.
	answer []byte
	err    error
}

// begin gives the event its request id and a context that outlives the caller's.
func (f *function) begin(ctx context.Context, payload []byte) *invocation {
	run := &invocation{f: f, id: requestID(), payload: payload}
	run.ctx = lambdacontext.NewContext(context.WithoutCancel(ctx), &lambdacontext.LambdaContext{
		AwsRequestID:       run.id,
		InvokedFunctionArn: f.spec.ARN,
	})
	return run
}

// serve runs the event on an instance, closes done when the caller may have the
// answer, and returns once the handler has: only then is its place free again.
func (run *invocation) serve(done chan<- struct{}) {
	f := run.f
	defer func() { <-f.slots }()
	start := time.Now()
	f.count(func(c *counters) { c.running++ })
	serving, err := f.instance(run.ctx)
	if err != nil {
		run.err = err
		run.finish(start)
		close(done)
		return
	}
	ctx, cancel := context.WithTimeout(run.ctx, f.spec.Timeout)
	defer cancel()
	returned := serving.serve(ctx, run.payload)
	select {
	case out := <-returned:
		run.answer, run.err = out.answer, out.err
		if _, panicked := errors.AsType[*Panicked](out.err); panicked {
			serving.end()
		} else {
			f.release(serving)
		}
		run.finish(start)
		close(done)
	case <-ctx.Done():
		run.err = &TimedOut{Folder: f.spec.Folder, RequestID: run.id, After: f.spec.Timeout}
		run.finish(start)
		close(done)
		<-returned
		serving.end()
	}
}

// instance is an idle one, the most recently used first, or a new one.
func (f *function) instance(ctx context.Context) (*instance, error) {
	f.mu.Lock()
	if last := len(f.idle) - 1; last >= 0 {
		warm := f.idle[last]
		f.idle[last] = nil
		f.idle = f.idle[:last]
		f.mu.Unlock()
		return warm, nil
	}
	f.seen.opens++
	f.mu.Unlock()
	handler, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return newInstance(f.spec.Folder, handler), nil
}

// open starts an instance. Its context ends with the instance, not with the
// event that first needed it; Open itself is bounded as Lambda's init phase.
func (f *function) open(ctx context.Context) (lambda.Handler, error) {
	type opened struct {
		handler lambda.Handler
		err     error
	}
	result := make(chan opened, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				result <- opened{err: &Panicked{Folder: f.spec.Folder, Reason: reason, Stack: debug.Stack()}}
			}
		}()
		handler, err := f.declared.Open(ctx, f.env, endpoint.Overrides{})
		result <- opened{handler, err}
	}()
	late := time.NewTimer(initTimeout)
	defer late.Stop()
	select {
	case o := <-result:
		if o.err != nil {
			return nil, &Failed{Folder: f.spec.Folder, Type: "Runtime.InitError", Err: o.err}
		}
		return o.handler, nil
	case <-late.C:
		return nil, &TimedOut{Folder: f.spec.Folder, After: initTimeout, Init: true}
	}
}

func (f *function) release(free *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, free)
}

// end ends the idle instances: nothing is invoked any more.
func (f *function) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, free := range f.idle {
		free.end()
	}
	f.idle = nil
}

// finish counts the invocation, and logs one that failed.
func (run *invocation) finish(start time.Time) {
	took := time.Since(start)
	run.f.count(func(c *counters) { c.add(took, run.err) })
	if run.err == nil {
		return
	}
	line := run.f.log.With("function", run.f.spec.Folder, "requestId", run.id, "error", run.err.Error())
	if panicked, ok := errors.AsType[*Panicked](run.err); ok {
		line = line.With("stack", string(panicked.Stack))
	}
	line.Error("invocation failed")
}

// requestID is a random UUID, version 4 (RFC 9562), as Lambda's.
func requestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Environment is what a function sees: the laptop's base values, the function's
// own from the templates, and what Lambda adds. Its access key id is made from
// its name, so that a request can be told to be this function's; the secret
// means nothing.
func Environment(spec template.Function, base config.Env) config.Env {
	region := base["AWS_REGION"]
	if region == "" {
		region = "us-east-1"
	}
	return base.With(spec.Env).With(config.Env{
		"AWS_REGION":                      region,
		"AWS_DEFAULT_REGION":              region,
		"AWS_LAMBDA_FUNCTION_NAME":        spec.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(spec.MemoryMB),
		"AWS_ACCESS_KEY_ID":               AccessKeyID(spec),
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
	})
}

// AccessKeyID is the access key id of a function: LOCAL and the letters and
// digits of its physical name.
func AccessKeyID(spec template.Function) string {
	id := []byte("LOCAL")
	for i := range len(spec.Name) {
		if b := spec.Name[i]; 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' {
			id = append(id, b)
		}
	}
	return string(id)
}
