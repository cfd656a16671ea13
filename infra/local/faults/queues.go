package faults

import (
	"context"
	"net/http"
	"time"

	"github.com/rapport/rapport/infra/local/proxy"
)

// Queue decides about one call of a queue: None, QueueFailed or QueueAnswerLost.
func (i *Injector) Queue(function, operation string) Kind {
	return i.choose(site{function, operation}, 1, QueueFailed, QueueAnswerLost)
}

// Blob decides about one call of the blob store: None, BlobFailed or
// BlobAnswerLost.
func (i *Injector) Blob(function, operation string) Kind {
	return i.choose(site{function, operation}, 1, BlobFailed, BlobAnswerLost)
}

// Secret decides about one call of Secrets Manager: None or SecretFailed.
func (i *Injector) Secret(function, operation string) Kind {
	return i.choose(site{function, operation}, 1, SecretFailed)
}

// Messages decides about one batch of messages for a function: how long it is
// held back, while others go on, and whether it comes again after it was taken.
func (i *Injector) Messages(function string) (repeat bool, delay time.Duration) {
	if i.choose(site{function, "messages delayed"}, 1, MessagesDelayed) != None {
		delay = time.Duration(i.number(site{function, "length of delay"}) % uint64(maxDelay))
	}
	repeat = i.choose(site{function, "messages repeated"}, 1, MessagesRepeated) != None
	return repeat, delay
}

func (i *Injector) queueCall(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	switch i.Queue(c.Function, c.Operation) {
	case QueueFailed:
		return proxy.QueueError(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."), nil
	case QueueAnswerLost:
		return lost(ctx, c, next)
	}
	return next(ctx, c)
}

func (i *Injector) blobCall(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	switch i.Blob(c.Function, c.Operation) {
	case BlobFailed:
		return proxy.BlobError(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."), nil
	case BlobAnswerLost:
		return lost(ctx, c, next)
	}
	return next(ctx, c)
}

func (i *Injector) secretCall(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	if i.Secret(c.Function, c.Operation) == SecretFailed {
		return proxy.SecretError(http.StatusInternalServerError, "InternalServiceError", "An error occurred on the server side."), nil
	}
	return next(ctx, c)
}

// lost lets a call happen and cuts its connection.
func lost(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	if _, err := next(ctx, c); err != nil {
		return proxy.Response{}, err
	}
	return proxy.Response{}, proxy.ErrCut
}
