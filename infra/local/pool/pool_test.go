package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
)

type handlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// one is a pool with one function, whose instances open makes.
func one(t *testing.T, change func(*template.Function), open func(env config.Env) (lambda.Handler, error)) *Pool {
	t.Helper()
	spec := template.Function{Folder: "a/b", Name: "rapport-Meetings-BFunction", ARN: "arn:b", Timeout: 5 * time.Second, MemoryMB: 256}
	if change != nil {
		change(&spec)
	}
	declared := endpoint.FunctionSpec{Name: "a/b", Open: func(_ context.Context, env config.Env, _ endpoint.Overrides) (lambda.Handler, error) {
		return open(env)
	}}
	p, err := New([]endpoint.FunctionSpec{declared}, []template.Function{spec}, config.Env{"STAGE": "base", "AWS_REGION": "eu-west-1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func always(h handlerFunc) func(config.Env) (lambda.Handler, error) {
	return func(config.Env) (lambda.Handler, error) { return h, nil }
}

func TestConcurrentEventsUseDifferentInstances(t *testing.T) {
	var opens atomic.Int64
	var met sync.WaitGroup
	met.Add(3)
	p := one(t, nil, func(config.Env) (lambda.Handler, error) {
		id := opens.Add(1)
		var busy atomic.Bool
		return handlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
			if busy.Swap(true) {
				return nil, fmt.Errorf("instance %d serves two events", id)
			}
			defer busy.Store(false)
			if string(payload) == `"together"` {
				met.Done()
				met.Wait()
			}
			return payload, nil
		}), nil
	})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := p.Invoke(t.Context(), "a/b", []byte(`"together"`)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for range 20 {
		if _, err := p.Invoke(t.Context(), "a/b", []byte(`"alone"`)); err != nil {
			t.Fatal(err)
		}
	}
	if got := opens.Load(); got != 3 {
		t.Errorf("%d instances opened, want 3: an idle one is used again", got)
	}
	s := p.Snapshot()[0]
	if s.Invocations != 23 || s.Opens != 3 || s.Idle != 3 || s.Running != 0 || s.Errors != 0 {
		t.Errorf("statistics %+v", s)
	}
}

func TestEnvironmentAndContextAreTheFunctionsOwn(t *testing.T) {
	var env config.Env
	p := one(t, func(f *template.Function) { f.Env = map[string]string{"STAGE": "own"} },
		func(e config.Env) (lambda.Handler, error) {
			env = e
			return handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
				lc, _ := lambdacontext.FromContext(ctx)
				_, hasDeadline := ctx.Deadline()
				return json.Marshal([]any{len(lc.AwsRequestID), lc.InvokedFunctionArn, hasDeadline})
			}), nil
		})
	answer, err := p.Invoke(t.Context(), "a/b", nil)
	if err != nil || string(answer) != `[36,"arn:b",true]` {
		t.Errorf("answer %s, %v", answer, err)
	}
	want := config.Env{
		"STAGE": "own", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
		"AWS_LAMBDA_FUNCTION_NAME": "rapport-Meetings-BFunction", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_ACCESS_KEY_ID": "LOCALrapportMeetingsBFunction",
		"AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local",
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Error(diff)
	}
}

func TestLateHandlerIsATimeoutAndItsInstanceIsThrownAway(t *testing.T) {
	var opens atomic.Int64
	p := one(t, func(f *template.Function) { f.Timeout = 20 * time.Millisecond }, func(config.Env) (lambda.Handler, error) {
		first := opens.Add(1) == 1
		return handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			if first {
				<-ctx.Done()
				return []byte("late"), nil
			}
			return []byte("fine"), nil
		}), nil
	})
	_, err := p.Invoke(t.Context(), "a/b", nil)
	if late, ok := errors.AsType[*TimedOut](err); !ok || late.After != 20*time.Millisecond || late.RequestID == "" {
		t.Fatalf("got %v, want a timeout", err)
	}
	if answer, err := p.Invoke(t.Context(), "a/b", nil); string(answer) != "fine" || err != nil {
		t.Errorf("after the timeout: %s, %v; want another instance", answer, err)
	}
	if s := p.Snapshot()[0]; s.Timeouts != 1 || s.Errors != 1 || s.Idle != 1 {
		t.Errorf("statistics %+v", s)
	}
}

func TestPanicIsAnErrorOfThatInvocationAlone(t *testing.T) {
	var opens atomic.Int64
	p := one(t, nil, func(config.Env) (lambda.Handler, error) {
		opens.Add(1)
		return handlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
			if string(payload) == "bad" {
				panic("boom")
			}
			return payload, nil
		}), nil
	})
	_, err := p.Invoke(t.Context(), "a/b", []byte("bad"))
	if panicked, ok := errors.AsType[*Panicked](err); !ok || panicked.Reason != "boom" || len(panicked.Stack) == 0 {
		t.Fatalf("got %v, want a panic", err)
	}
	if answer, err := p.Invoke(t.Context(), "a/b", []byte("good")); string(answer) != "good" || err != nil {
		t.Errorf("%s, %v", answer, err)
	}
	if opens.Load() != 2 {
		t.Errorf("%d instances, want 2: one that panicked is not used again", opens.Load())
	}
}

func TestErrorsOfHandlerAndOpen(t *testing.T) {
	cause := errors.New("cause")
	p := one(t, nil, always(func(context.Context, []byte) ([]byte, error) { return nil, cause }))
	if _, err := p.Invoke(t.Context(), "a/b", nil); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	tries := 0
	p = one(t, nil, func(config.Env) (lambda.Handler, error) {
		if tries++; tries == 1 {
			return nil, cause
		}
		return handlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, nil }), nil
	})
	_, err := p.Invoke(t.Context(), "a/b", nil)
	if failed, ok := errors.AsType[*Failed](err); !ok || failed.Type != "Runtime.InitError" || !errors.Is(err, cause) {
		t.Errorf("got %v, want an init error", err)
	}
	if _, err := p.Invoke(t.Context(), "a/b", nil); err != nil {
		t.Errorf("a later Open is tried anew: %v", err)
	}
	if _, err := p.Invoke(t.Context(), "a/c", nil); err == nil {
		t.Error("an unknown function answered")
	}
}

func TestFunctionWithoutPlaceIsThrottled(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 1)
	bound := 1
	p := one(t, func(f *template.Function) { f.Reserved = &bound }, always(func(context.Context, []byte) ([]byte, error) {
		entered <- struct{}{}
		<-release
		return nil, nil
	}))
	first := make(chan error, 1)
	go func() {
		_, err := p.Invoke(context.Background(), "a/b", nil)
		first <- err
	}()
	<-entered
	_, err := p.Invoke(t.Context(), "a/b", nil)
	if throttled, ok := errors.AsType[*Throttled](err); !ok || throttled.Limit != 1 {
		t.Errorf("got %v, want a throttle", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if s := p.Snapshot()[0]; s.Throttles != 1 || s.Invocations != 1 {
		t.Errorf("statistics %+v", s)
	}
}

func TestInvocationOutlivesItsCallerAndCloseWaitsForIt(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{})
	var finished atomic.Bool
	p := one(t, nil, always(func(ctx context.Context, _ []byte) ([]byte, error) {
		close(entered)
		<-release
		finished.Store(ctx.Err() == nil)
		return nil, nil
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if _, err := p.Invoke(ctx, "a/b", nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := p.Close(ended); err == nil {
		t.Error("Close did not wait")
	}
	close(release)
	if err := p.Close(t.Context()); err != nil || !finished.Load() {
		t.Errorf("Close: %v; finished undisturbed: %v", err, finished.Load())
	}
	if _, err := p.Invoke(t.Context(), "a/b", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestNewNamesFunctionsWithoutUnit(t *testing.T) {
	_, err := New(nil, []template.Function{{Folder: "x/y", LogicalID: "YFunction"}}, nil, slog.New(slog.DiscardHandler))
	if err == nil || err.Error() != "x/y (YFunction) is in the templates but not among the declared functions" {
		t.Errorf("got %v", err)
	}
}
