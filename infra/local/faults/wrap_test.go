package faults_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/table"
)

// tables answer every call with success, and count them by operation.
type tables map[string]int

func (n tables) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	n[operation]++
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader("{}")), Request: r,
	}, nil
}

type handler func(ctx context.Context) error

func (h handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	return []byte("answered"), h(ctx)
}

// function is one that runs f on an open platform.
func function(f func(context.Context, *platform.Platform) error) endpoint.FunctionSpec {
	return endpoint.FunctionSpec{Name: "sample/work", Open: func(_ context.Context, env config.Env, overrides endpoint.Overrides) (lambda.Handler, error) {
		p := platform.New(env, overrides)
		return handler(func(ctx context.Context) error { return f(ctx, p) }), nil
	}}
}

func environment() config.Env {
	return config.Env{
		"STAGE": "test", "DATA_TABLE": "d",
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
	}
}

// invoke opens a function among faults and runs it once; killed is what it ended
// with, if it was.
func invoke(t *testing.T, i *faults.Injector, n tables, f func(context.Context, *platform.Platform) error) (answer string, killed any) {
	t.Helper()
	instance, err := i.Wrap([]endpoint.FunctionSpec{function(f)})[0].Open(t.Context(), environment(), endpoint.Overrides{Tables: n})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { killed = recover() }()
	text, err := instance.Invoke(t.Context(), nil)
	if err != nil {
		t.Errorf("failed: %v", err)
	}
	return string(text), nil
}

// A function that is killed has written, does nothing afterwards whatever it
// tries, and gives no answer.
func TestKilled(t *testing.T) {
	t.Parallel()
	n := tables{}
	var afterwards []error
	answer, killed := invoke(t, every(1), n, func(ctx context.Context, p *platform.Platform) error {
		key := table.Key{PK: "P", SK: "S"}
		_ = p.Data().Put(ctx, key, struct{}{})
		_, err := table.Get[struct{}](ctx, p.Data(), key)
		// A context of its own makes no difference.
		afterwards = append(afterwards, err, p.Data().Delete(context.WithoutCancel(ctx), key), ctx.Err())
		return nil
	})
	if k, ok := killed.(faults.Killed); !ok || k.Function != "sample/work" || answer != "" {
		t.Errorf("ended with %v and %q", killed, answer)
	}
	for at, err := range afterwards {
		if err == nil {
			t.Errorf("step %d after its death went well", at+1)
		}
	}
	if n["PutItem"] != 1 || n["GetItem"]+n["DeleteItem"] != 0 {
		t.Errorf("calls that got through: %v", n)
	}
}

// Who only reads isn't killed, and an instance's clock is off for its whole life.
func TestReadersLiveWithAClockThatIsOff(t *testing.T) {
	t.Parallel()
	n := tables{}
	answer, killed := invoke(t, every(4), n, func(ctx context.Context, p *platform.Platform) error {
		_, _ = table.Get[struct{}](ctx, p.Data(), table.Key{PK: "P", SK: "S"}) // it isn't there
		off := time.Until(p.Clock.Now())
		if off > faults.MaxSkew || off < -faults.MaxSkew-time.Minute {
			t.Errorf("the clock is off by %v", off)
		}
		return nil
	})
	if killed != nil || answer != "answered" || n["GetItem"] != 1 {
		t.Errorf("ended with %v and %q after %v", killed, answer, n)
	}
}

// Without faults functions are as they were.
func TestWithoutFaults(t *testing.T) {
	t.Parallel()
	functions := []endpoint.FunctionSpec{{Name: "sample/work"}}
	var none *faults.Injector
	if got := none.Wrap(functions); &got[0] != &functions[0] {
		t.Error("the functions were changed")
	}
}
