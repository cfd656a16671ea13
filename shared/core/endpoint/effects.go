package endpoint

import (
	"context"
	"errors"

	"github.com/rapport/rapport/shared/core/effect"
)

// run runs a method and sends what goes before its answer. What else the method
// has returned to be sent is the call's, also where the method or the sending
// failed.
func (r Runtime) run(ctx context.Context, c *call, method func() (any, effect.Effects, error)) (out any, err error) {
	err = guard(func() (err error) {
		out, c.effects, err = method()
		return r.promised(ctx, c.effects, err)
	})
	return out, err
}

// promised sends what goes before the answer, and gives the first failure, or
// else the method's own error.
func (r Runtime) promised(ctx context.Context, effects effect.Effects, err error) error {
	for e := range effects.At(effect.Before) {
		if failed := r.Effects.Dispatch(ctx, e); failed != nil {
			return failed
		}
	}
	return err
}

// send sends what goes at another moment. It can't fail the call any more, so what
// fails is logged here, and so is a panic.
func (r Runtime) send(ctx context.Context, function string, effects effect.Effects, moment effect.When) {
	for e := range effects.At(moment) {
		err := guard(func() error { return r.Effects.Dispatch(ctx, e) })
		if died, ok := errors.AsType[*panicError](err); ok {
			r.Log.ErrorContext(ctx, "effect", "function", function, "error", died.Error(), "stack", string(died.stack))
		} else if err != nil {
			r.Log.WarnContext(ctx, "effect", "function", function, "error", err.Error())
		}
	}
}

// sendAll sends all effects of a method that has no caller to answer.
func (r Runtime) sendAll(ctx context.Context, function string, effects effect.Effects, err error) error {
	err = guard(func() error { return r.promised(ctx, effects, err) })
	r.send(ctx, function, effects, effect.Beside)
	r.send(ctx, function, effects, effect.After)
	return err
}
