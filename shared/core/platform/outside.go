package platform

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/realtime"
)

// Outside stands in for the machine and the network around a function, where a
// runner injects faults or a simulation gives its own. What is nil is
// the real thing.
type Outside struct {
	Clock clock.Clock
	// Tables carries the calls of the tables. A request's context is that of the
	// invocation that makes it.
	Tables aws.HTTPClient
	// Queues carries the calls of queues, Blobs those of the blob store, in the same
	// way.
	Queues aws.HTTPClient
	Blobs  aws.HTTPClient
	// Posts carries the calls of @connections, in the same way.
	Posts aws.HTTPClient
	// Web carries the calls to identity providers; as with http.Client, nil is the
	// default transport.
	Web http.RoundTripper
	// Sockets posts to open sockets, instead of @connections.
	Sockets Sockets
	Log     *slog.Logger
}

// Sockets reaches open sockets.
type Sockets interface {
	realtime.Poster
	realtime.Gateway
}

// BlobCalls carries the calls of the blob store; nil where that is the network.
// Only who needs blobs opens them, for their client is large.
func BlobCalls(ctx context.Context) aws.HTTPClient { return outsideOf(ctx).Blobs }

type outsideKey struct{}

// WithOutside gives a context under which Open takes what is outside from o, and
// what o leaves nil from the context before. Nothing but Open looks at it.
func WithOutside(ctx context.Context, o Outside) context.Context {
	return context.WithValue(ctx, outsideKey{}, o.over(outsideOf(ctx)))
}

func outsideOf(ctx context.Context) Outside {
	o, _ := ctx.Value(outsideKey{}).(Outside)
	return o
}

// over takes from below what o leaves nil.
func (o Outside) over(below Outside) Outside {
	if o.Clock == nil {
		o.Clock = below.Clock
	}
	if o.Tables == nil {
		o.Tables = below.Tables
	}
	if o.Queues == nil {
		o.Queues = below.Queues
	}
	if o.Blobs == nil {
		o.Blobs = below.Blobs
	}
	if o.Posts == nil {
		o.Posts = below.Posts
	}
	if o.Web == nil {
		o.Web = below.Web
	}
	if o.Sockets == nil {
		o.Sockets = below.Sockets
	}
	if o.Log == nil {
		o.Log = below.Log
	}
	return o
}
