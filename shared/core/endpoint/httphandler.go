package endpoint

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

// httpHandler answers API Gateway's HTTP events, payload format 2.0.
type httpHandler struct {
	name        string
	declaration Declaration
	around      Runtime
	newInput    func() any
	method      func(context.Context, caller.Caller, *idempotency.Execution, any) (any, effect.Effects, error)
	noRoute     bool
	// signed checks a webhook's signature; nil where there is none.
	signed func(ctx context.Context, header func(name string) string, body []byte) error
}

// Invoke implements lambda.Handler.
func (h *httpHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%s: not an HTTP event: %w", h.name, err)
	}
	ctx, call := h.around.begin(ctx, h.name, event.RequestContext.RequestID)
	defer h.around.end(ctx, call)

	var given answer
	call.err = guard(func() (err error) {
		given, err = h.answer(ctx, call, event)
		return err
	})
	h.around.send(ctx, h.name, call.effects, effect.After)
	if call.err != nil {
		return h.refuse(call)
	}
	return respond(given, "application/json", call.requestID, nil)
}

// answer passes the gates in the contract's order, runs the method and tells
// others of it.
func (h *httpHandler) answer(ctx context.Context, call *call, event events.APIGatewayV2HTTPRequest) (answer, error) {
	if h.noRoute {
		return answer{}, errs.New(errs.NotFound, "There is nothing at this path and method.")
	}
	if h.declaration.Class.SignedIn() {
		c, err := h.around.Authenticator.Bearer(ctx, bearerToken(event.Headers))
		if err != nil {
			return answer{}, err
		}
		call.caller = c
	}
	call.caller.RequestID = call.requestID
	raw, err := rawBody(event)
	if h.signed != nil {
		// A body that can't be read has no signature that holds.
		header := func(name string) string { return event.Headers[strings.ToLower(name)] }
		if err := h.signed(ctx, header, raw); err != nil {
			return answer{}, err
		}
	}
	if err != nil {
		return answer{}, err
	}
	body, err := h.body(event, raw)
	if err != nil {
		return answer{}, err
	}
	in, err := h.decode(event, body)
	if err != nil {
		return answer{}, err
	}
	if h.declaration.Class == Admins {
		resource := strings.TrimPrefix(event.RawPath, adminPath)
		if err := h.around.Operators.Admit(ctx, call.caller, h.declaration.Action, resource); err != nil {
			return answer{}, err
		}
	}
	key, keyed := event.Headers[strings.ToLower(onceHeader)]
	if !h.declaration.Mutates || !keyed {
		given, err := h.run(ctx, call, nil, in)
		h.around.send(ctx, h.name, call.effects, effect.Beside)
		return given, err
	}
	if len(key) == 0 || len(key) > maxKey {
		return answer{}, errs.Invalid("header."+onceHeader, "must have 1 to %d characters", maxKey)
	}
	return h.answerOnce(ctx, call, event, key, body, in)
}

// run runs the method, and gives its answer as it is sent.
func (h *httpHandler) run(ctx context.Context, call *call, e *idempotency.Execution, in any) (given answer, err error) {
	out, err := h.around.run(ctx, call, func() (any, effect.Effects, error) { return h.method(ctx, call.caller, e, in) })
	if err != nil {
		return answer{}, err
	}
	return h.encode(out)
}
