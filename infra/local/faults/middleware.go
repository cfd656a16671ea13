package faults

import (
	"context"
	"net/http"
	"time"

	"github.com/rapport/rapport/infra/local/proxy"
)

// Middleware lets faults fall on the calls of functions: of tables, queues, blobs and
// secrets, and posts, after which cut ends a socket that a post was told is gone.
func (i *Injector) Middleware(cut func(connectionID string)) proxy.Middleware {
	return func(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
		switch {
		case i == nil || c.Function == "":
			return next(ctx, c)
		case c.Service == proxy.Tables:
			return i.tableCall(ctx, c, next)
		case c.Service == proxy.Queues:
			return i.queueCall(ctx, c, next)
		case c.Service == proxy.Blobs:
			return i.blobCall(ctx, c, next)
		case c.Service == proxy.Secrets:
			return i.secretCall(ctx, c, next)
		case c.Operation == "PostToConnection":
			return i.post(ctx, c, next, cut)
		}
		return next(ctx, c)
	}
}

func (i *Injector) tableCall(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	switch i.Table(c.Function, c.Operation) {
	case TableThrottled:
		return proxy.TableError(http.StatusBadRequest, "ProvisionedThroughputExceededException",
			"The level of configured provisioned throughput for the table was exceeded."), nil
	case TableFailed:
		return proxy.TableError(http.StatusInternalServerError, "InternalServerError", "Internal server error"), nil
	case TableAnswerLost:
		return lost(ctx, c, next)
	}
	return next(ctx, c)
}

func (i *Injector) post(ctx context.Context, c *proxy.Call, next proxy.Handler, cut func(string)) (proxy.Response, error) {
	switch i.Post(c.Function) {
	case PostFailed:
		return proxy.SocketError(http.StatusInternalServerError, "InternalServerErrorException", "Internal server error"), nil
	case PostHangs:
		<-ctx.Done()
		return proxy.Response{}, proxy.ErrCut
	case PostGone:
		cut(c.Connection)
		return proxy.SocketError(http.StatusGone, "GoneException", "Gone"), nil
	}
	return next(ctx, c)
}

// Batch decides about one batch of stream records for a reader, as the local
// stream readers ask.
func (i *Injector) Batch(reader string) (repeat bool, delay time.Duration) {
	fault := i.Stream(reader)
	return fault.Repeat, fault.Delay
}
