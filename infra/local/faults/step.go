package faults

import (
	"context"
	"net/http"
	"time"

	"github.com/rapport/rapport/infra/local/door"
)

// Step lets faults fall on the calls of functions: of tables, queues and blobs, and posts, after
// which cut ends a socket that a post was told is gone.
func (i *Injector) Step(cut func(connectionID string)) door.Step {
	return func(ctx context.Context, c *door.Call, next door.Next) (door.Answer, error) {
		switch {
		case i == nil || c.Function == "":
			return next(ctx, c)
		case c.Service == door.Tables:
			return i.tableCall(ctx, c, next)
		case c.Service == door.Queues:
			return i.queueCall(ctx, c, next)
		case c.Service == door.Blobs:
			return i.blobCall(ctx, c, next)
		case c.Operation == "PostToConnection":
			return i.post(ctx, c, next, cut)
		}
		return next(ctx, c)
	}
}

func (i *Injector) tableCall(ctx context.Context, c *door.Call, next door.Next) (door.Answer, error) {
	switch i.Table(c.Function, c.Operation) {
	case TableThrottled:
		return door.TableError(http.StatusBadRequest, "ProvisionedThroughputExceededException",
			"The level of configured provisioned throughput for the table was exceeded."), nil
	case TableFailed:
		return door.TableError(http.StatusInternalServerError, "InternalServerError", "Internal server error"), nil
	case TableAnswerLost:
		return lost(ctx, c, next)
	}
	return next(ctx, c)
}

func (i *Injector) post(ctx context.Context, c *door.Call, next door.Next, cut func(string)) (door.Answer, error) {
	switch i.Post(c.Function) {
	case PostFailed:
		return door.SocketError(http.StatusInternalServerError, "InternalServerErrorException", "Internal server error"), nil
	case PostHangs:
		<-ctx.Done()
		return door.Answer{}, door.ErrCut
	case PostGone:
		cut(c.Connection)
		return door.SocketError(http.StatusGone, "GoneException", "Gone"), nil
	}
	return next(ctx, c)
}

// Batch decides about one batch of stream records for a reader, as the local
// stream readers ask.
func (i *Injector) Batch(reader string) (repeat bool, delay time.Duration) {
	fault := i.Stream(reader)
	return fault.Repeat, fault.Delay
}
