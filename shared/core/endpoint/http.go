package endpoint

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

const (
	maxBody    = 256 << 10
	maxKey     = 255
	bearer     = "bearer "
	adminPath  = "/v1/admin/"
	onceHeader = "Idempotency-Key"
)

// HTTP declares a function behind `METHOD /path`. The method's input says by
// its tags what comes from the path, the query, the headers and the body; an
// output of struct{} answers 204. Nobody but the caller hears of such a call.
func HTTP[S, In, Out any](
	route, summary string,
	method func(S, context.Context, caller.Caller, In) (Out, error),
	options ...Option,
) Function[S] {
	return Mutation(route, summary, func(service S, ctx context.Context, c caller.Caller, _ *idempotency.Execution, in In) (Out, effect.Effects, error) {
		out, err := method(service, ctx, c, in)
		return out, nil, err
	}, options...)
}

// Mutation declares a function as HTTP does, whose method changes something: it
// returns, beside its answer, what is to be sent of it. It records its answer
// together with the change in the execution that it gets, which the
// Idempotency-Key of its request stands for, or nil; a method that finds its own
// retry leaves the execution alone.
func Mutation[S, In, Out any](
	route, summary string,
	method func(S, context.Context, caller.Caller, *idempotency.Execution, In) (Out, effect.Effects, error),
	options ...Option,
) Function[S] {
	verb, _, _ := strings.Cut(route, " ")
	d := Declaration{
		Trigger: TriggerHTTP, Route: route, Summary: summary, Class: Users, Status: http.StatusOK,
		MaxBody: maxBody, Mutates: verb != http.MethodGet, Input: shapeOf(reflect.TypeFor[In]()),
	}
	if reflect.TypeFor[Out]() == reflect.TypeFor[struct{}]() {
		d.Status = http.StatusNoContent
	} else {
		d.Output = &Shape{Type: reflect.TypeFor[Out](), Body: schemaOf(reflect.TypeFor[Out]())}
	}
	for _, option := range options {
		option(&d)
	}
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &httpHandler{
			name: name, declaration: d, around: app.Runtime,
			method: func(ctx context.Context, c caller.Caller, e *idempotency.Execution, in any) (any, effect.Effects, error) {
				return method(app.Service, ctx, c, e, *in.(*In))
			},
			newInput: func() any { return new(In) },
		}
	}}
}

// Webhook declares a function behind `POST /path` that a provider calls. signed
// holds the raw body against the headers before anything else is looked at:
// UNAUTHORIZED where the signature doesn't hold. What the body has beside the
// declared input is the provider's affair and left out; sending it again must do
// no harm, so it takes no Idempotency-Key.
func Webhook[S, In, Out any](
	route, summary string,
	signed func(service S, ctx context.Context, header func(name string) string, body []byte) error,
	method func(S, context.Context, caller.Caller, In) (Out, effect.Effects, error),
	options ...Option,
) Function[S] {
	fn := Mutation(route, summary, func(service S, ctx context.Context, c caller.Caller, _ *idempotency.Execution, in In) (Out, effect.Effects, error) {
		return method(service, ctx, c, in)
	}, append([]Option{For(Webhooks)}, options...)...)
	fn.Mutates, fn.Input.Body = false, fn.Input.Body.opened()
	plain, declaration := fn.handler, fn.Declaration
	fn.handler = func(name string, app App[S]) lambda.Handler {
		h := plain(name, app).(*httpHandler)
		h.declaration = declaration
		h.signed = func(ctx context.Context, header func(string) string, body []byte) error {
			return signed(app.Service, ctx, header, body)
		}
		return h
	}
	return fn
}

// NoRoute declares the function behind `$default`: whatever the request is, it
// is refused as NOT_FOUND.
func NoRoute[S any](summary string) Function[S] {
	d := Declaration{Trigger: TriggerHTTP, Route: "$default", Summary: summary, Class: Public, Input: &Shape{}}
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &httpHandler{name: name, declaration: d, around: app.Runtime, noRoute: true}
	}}
}

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

// answerOnce runs the method at most once for an Idempotency-Key. A refusal
// frees the key. After an unknown outcome the next request with the key may
// take it over at once: it finds what was committed, and what this one may
// still commit late is refused.
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
	// Others hear of it while the answer is kept: neither needs the other.
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

// run runs the method, and gives its answer as it is sent.
func (h *httpHandler) run(ctx context.Context, call *call, e *idempotency.Execution, in any) (given answer, err error) {
	out, err := h.around.run(ctx, call, func() (any, effect.Effects, error) { return h.method(ctx, call.caller, e, in) })
	if err != nil {
		return answer{}, err
	}
	return h.encode(out)
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
// nevertheless: a request with the key is then as one after a death.
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

// failed tells a failure, after which anything may have happened, from a
// refusal.
func failed(err error) bool {
	kind := errs.KindOf(err)
	return kind == errs.Internal || kind == errs.Provider
}

func bearerToken(headers map[string]string) string {
	value := headers["authorization"]
	if len(value) > len(bearer) && strings.EqualFold(value[:len(bearer)], bearer) {
		return strings.TrimSpace(value[len(bearer):])
	}
	return ""
}

// rawBody gives a request's body as it was sent.
func rawBody(event events.APIGatewayV2HTTPRequest) ([]byte, error) {
	if !event.IsBase64Encoded {
		return []byte(event.Body), nil
	}
	raw, err := base64.StdEncoding.DecodeString(event.Body)
	if err != nil {
		return nil, errs.Invalid("body", "can't be read")
	}
	return raw, nil
}

// body gives a request's body within its limit and of its type.
func (h *httpHandler) body(event events.APIGatewayV2HTTPRequest, raw []byte) ([]byte, error) {
	if len(raw) > h.declaration.MaxBody {
		return nil, errs.New(errs.PayloadTooLarge, "A body may have at most %d bytes.", h.declaration.MaxBody)
	}
	if err := checkFields(raw, h.declaration.MaxFields); err != nil {
		return nil, err
	}
	if len(raw) == 0 && h.declaration.Input.Body == nil {
		return nil, nil
	}
	if event.Headers["content-encoding"] != "" {
		return nil, errs.New(errs.UnsupportedMediaType, "Send the body without a Content-Encoding.")
	}
	mediaType, _, err := mime.ParseMediaType(event.Headers["content-type"])
	if err != nil || mediaType != "application/json" {
		return nil, errs.New(errs.UnsupportedMediaType, "Send the body as application/json.")
	}
	return raw, nil
}

func (h *httpHandler) decode(event events.APIGatewayV2HTTPRequest, body []byte) (any, error) {
	in := h.newInput()
	shape := h.declaration.Input
	if shape.Body != nil {
		if err := decodeBody(body, shape.Body, in); err != nil {
			return nil, err
		}
	} else if len(body) > 0 {
		if err := decodeBody(body, emptyObject, &struct{}{}); err != nil {
			return nil, err
		}
	}
	from := parameters{path: event.PathParameters, query: event.QueryStringParameters, header: event.Headers}
	if err := decodeParameters(from, shape, reflect.ValueOf(in).Elem()); err != nil {
		return nil, err
	}
	return in, validated(in)
}

// emptyObject is what a request without declared body may carry: `{}`.
var emptyObject = &Schema{Type: "object"}

func (h *httpHandler) encode(out any) (answer, error) {
	if h.declaration.Output == nil {
		return answer{Status: h.declaration.Status}, nil
	}
	// The members of a map have one order, so that an answer given again is the same.
	body, err := json.Marshal(out, json.Deterministic(true))
	if err != nil {
		return answer{}, fmt.Errorf("encode answer: %w", err)
	}
	return answer{Status: h.declaration.Status, Body: body}, nil
}

func (h *httpHandler) refuse(call *call) ([]byte, error) {
	problem := problemOf(call.err, call.requestID)
	body, err := json.Marshal(problem)
	if err != nil {
		return nil, fmt.Errorf("encode problem: %w", err)
	}
	headers := map[string]string{}
	if problem.Code == errs.RateLimited {
		headers["retry-after"] = strconv.Itoa(retryAfter(call.err))
	}
	if problem.Code == errs.Unauthorized && h.declaration.Class.SignedIn() {
		headers["www-authenticate"] = "Bearer"
	}
	return respond(answer{Status: problem.Status, Body: body}, "application/problem+json", call.requestID, headers)
}

func respond(a answer, contentType, requestID string, headers map[string]string) ([]byte, error) {
	if headers == nil {
		headers = map[string]string{}
	}
	headers["cache-control"] = "no-store"
	headers["x-content-type-options"] = "nosniff"
	headers["x-request-id"] = requestID
	if len(a.Body) > 0 {
		headers["content-type"] = contentType
	}
	return json.Marshal(events.APIGatewayV2HTTPResponse{
		StatusCode: a.Status, Headers: headers, Body: string(a.Body),
	})
}
