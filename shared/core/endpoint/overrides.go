package endpoint

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
)

// Overrides replace the machine and the network around a function, where a runner
// keeps calls in its process, injects faults or simulates. A nil field is the real
// thing.
type Overrides struct {
	Clock clock.Clock
	// Tables carries the calls of tables. A request's context is that of the
	// invocation that makes it.
	Tables HTTPClient
	// Queues carries the calls of queues, Blobs those of the blob store, Secrets those of
	// Secrets Manager and Posts those of @connections, in the same way.
	Queues  HTTPClient
	Blobs   HTTPClient
	Secrets HTTPClient
	Posts   HTTPClient
	// Web carries the calls to identity providers.
	Web http.RoundTripper
	// Sockets reaches open sockets, instead of @connections.
	Sockets Sockets
	Log     *slog.Logger
}

// HTTPClient carries the calls of an SDK's client.
type HTTPClient interface {
	Do(request *http.Request) (*http.Response, error)
}

// Sockets posts to open sockets, reports which are open, and closes them.
type Sockets interface {
	Poster
	Alive(ctx context.Context, connectionID string) (bool, error)
	Disconnect(ctx context.Context, connectionID string) error
}

// Or takes from others what o leaves nil.
func (o Overrides) Or(others Overrides) Overrides {
	return Overrides{
		Clock: cmp.Or(o.Clock, others.Clock), Tables: cmp.Or(o.Tables, others.Tables), Queues: cmp.Or(o.Queues, others.Queues),
		Blobs: cmp.Or(o.Blobs, others.Blobs), Secrets: cmp.Or(o.Secrets, others.Secrets), Posts: cmp.Or(o.Posts, others.Posts), Web: cmp.Or(o.Web, others.Web),
		Sockets: cmp.Or(o.Sockets, others.Sockets), Log: cmp.Or(o.Log, others.Log),
	}
}

// With gives the function with overrides of its own, which go before those that it is
// opened with.
func (f FunctionSpec) With(own Overrides) FunctionSpec {
	open := f.Open
	f.Open = func(ctx context.Context, env config.Env, overrides Overrides) (lambda.Handler, error) {
		return open(ctx, env, own.Or(overrides))
	}
	return f
}
