package endpoint

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

// answerOnce runs the method at most once for an Idempotency-Key. A refusal
// frees the key. After an unknown outcome the next request with the key may
// take it over at once: that request finds what was committed, and a late commit
// of this one is refused.
func (h *httpHandler) answerOnce(
	ctx context.Context, call *call, event events.APIGatewayV2HTTPRequest, key string, body []byte, in any,
) (answer, error) {
	scope := call.caller.UserID + " " + event.RequestContext.HTTP.Method + " " + event.RawPath
	content, err := contentOf(in)
	if err != nil {
		return answer{}, err
	}
	e, first, err := h.around.Idempotency.Begin(ctx, scope, key, content, body)
	if err != nil {
		return answer{}, err
	}
	if e == nil {
		return h.again(first), nil
	}
	given, err := h.run(ctx, call, e, in)
	// The effects go while the answer is kept: neither needs the other.
	var sending sync.WaitGroup
	sending.Go(func() { h.around.send(ctx, h.name, call.effects, effect.Beside) })
	defer sending.Wait()
	switch {
	case first != nil:
		return h.resume(ctx, e, first, err)
	case err != nil:
		return answer{}, h.giveBack(ctx, e, err)
	}
	h.finish(ctx, e, given.Body)
	return given, nil
}

// again is the first answer, given again.
func (h *httpHandler) again(first []byte) answer {
	if h.declaration.Output == nil {
		first = nil
	}
	return answer{Status: h.declaration.Status, Body: first}
}

// resume ends what an earlier execution began and committed: the method has run
// once more, and said err. It can't commit again, so a refusal is what it
// mostly says, and the first answer is given; only where it failed, what comes
// after the effect may still be missing.
func (h *httpHandler) resume(ctx context.Context, e *idempotency.Execution, first []byte, err error) (answer, error) {
	if failed(err) {
		return answer{}, errors.Join(err, h.around.Idempotency.Release(ctx, e))
	}
	h.finish(ctx, e, first)
	return h.again(first), nil
}

// finish lets others have the answer. Where that fails the call has succeeded
// nevertheless: a request with the key then finds what a crash would leave.
func (h *httpHandler) finish(ctx context.Context, e *idempotency.Execution, body []byte) {
	if err := h.around.Idempotency.Finish(ctx, e, body); err != nil {
		h.around.Log.ErrorContext(ctx, "idempotent answer not kept", "function", h.name, "error", err.Error())
	}
}

// giveBack lets go of a key after an error, and gives the error on.
func (h *httpHandler) giveBack(ctx context.Context, e *idempotency.Execution, err error) error {
	if failed(err) || e.Recorded || e.Unsettled {
		return errors.Join(err, h.around.Idempotency.Release(ctx, e))
	}
	if abandoned := h.around.Idempotency.Abandon(ctx, e); abandoned != nil {
		return fmt.Errorf("free idempotency key: %w", abandoned)
	}
	return err
}

// failed distinguishes a failure, after which anything may have happened, from a
// refusal.
func failed(err error) bool {
	kind := errs.KindOf(err)
	return kind == errs.Internal || kind == errs.Provider
}
