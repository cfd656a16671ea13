package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/queue/sqs"
	"github.com/rapport/rapport/shared/core/table"
)

// errKilled is what the calls of a killed function get.
var errKilled = errors.New("the function was killed")

// Killed is what an invocation panics with that was killed, so that its instance
// is thrown away like any that ended by itself.
type Killed struct{ Function string }

// Error says which function was killed.
func (k Killed) Error() string { return fmt.Sprintf("fault: %s was killed after a write", k.Function) }

// Wrap gives functions whose instances have clocks that are off, and may be
// killed right after one of their writes has happened: no later call of that
// invocation reaches a table, a queue or a socket, and its answer is thrown away.
func (i *Injector) Wrap(functions []endpoint.FunctionSpec) []endpoint.FunctionSpec {
	if i == nil {
		return functions
	}
	faulty := make([]endpoint.FunctionSpec, len(functions))
	for n, function := range functions {
		open := function.Open
		function.Open = func(ctx context.Context, env config.Env, overrides endpoint.Overrides) (lambda.Handler, error) {
			handler, err := open(ctx, env, i.overrides(function.Name, overrides))
			if err != nil {
				return nil, err
			}
			return mortal{name: function.Name, handler: handler}, nil
		}
		faulty[n] = function
	}
	return faulty
}

// overrides puts an instance's faults before what it is opened with.
func (i *Injector) overrides(function string, o endpoint.Overrides) endpoint.Overrides {
	if o.Tables == nil {
		o.Tables = table.NewHTTP()
	}
	if o.Queues == nil {
		o.Queues = sqs.NewHTTP()
	}
	o.Clock = skewed{off: i.Skew(function)}
	o.Tables = lethal{injector: i, function: function, behind: o.Tables}
	o.Queues = lethal{injector: i, function: function, behind: o.Queues}
	return o
}

// skewed is the machine's clock, off by a fixed amount.
type skewed struct {
	clock.System
	off time.Duration
}

// Now implements clock.Clock.
func (s skewed) Now() time.Time { return s.System.Now().Add(s.off) }

// life is the state of one invocation: alive, or killed.
type life struct {
	dead atomic.Bool
	end  context.CancelFunc
}

type lifeKey struct{}

// mortal is a handler whose invocations may be killed.
type mortal struct {
	name    string
	handler lambda.Handler
}

// Invoke implements lambda.Handler.
func (m mortal) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	l := &life{}
	ctx, l.end = context.WithCancel(ctx)
	defer l.end()
	answer, err := m.handler.Invoke(context.WithValue(ctx, lifeKey{}, l), payload)
	if l.dead.Load() {
		panic(Killed{m.name})
	}
	return answer, err
}

// lethal carries a function's calls of tables or queues and kills it after some
// writes. With
// the context of the invocation everything ends that it does elsewhere.
type lethal struct {
	injector *Injector
	function string
	behind   endpoint.HTTPClient
}

// Do implements aws.HTTPClient.
func (c lethal) Do(r *http.Request) (*http.Response, error) {
	l, _ := r.Context().Value(lifeKey{}).(*life)
	if l != nil && l.dead.Load() {
		return nil, errKilled
	}
	response, err := c.behind.Do(r)
	if err != nil || l == nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !writes(operation) || !c.injector.Kill(c.function, operation) {
		return response, nil
	}
	l.dead.Store(true)
	l.end()
	return nil, errors.Join(errKilled, response.Body.Close())
}

func writes(operation string) bool {
	switch operation {
	case "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessage", "SendMessageBatch":
		return true
	}
	return false
}
