package endpoint

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
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
// output of struct{} answers 204. Nobody but the caller learns of such a call.
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
