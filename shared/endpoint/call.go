package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/table"
)

// call is one execution of a function, for its log line.
type call struct {
	function  string
	requestID string
	caller    caller.Caller
	started   time.Time
	meter     *table.Meter
	err       error
}

// begin starts a call's clock and its count of capacity units.
func (s Surroundings) begin(ctx context.Context, function, requestID string) (context.Context, *call) {
	ctx, meter := table.WithMeter(ctx)
	return ctx, &call{function: function, requestID: requestID, started: s.Clock.Now(), meter: meter}
}

// end writes the call's one log line. It names the function, the caller, the
// duration and the code; never what people wrote, and never a token.
func (s Surroundings) end(ctx context.Context, c *call) {
	kind := errs.KindOf(c.err)
	attributes := []slog.Attr{
		slog.String("function", c.function),
		slog.String("requestId", c.requestID),
		slog.String("userId", c.caller.UserID),
		slog.Float64("ms", float64(s.Clock.Now().Sub(c.started).Microseconds())/1000),
		slog.String("code", codeOrOK(kind)),
		slog.Float64("readUnits", c.meter.Read()),
		slog.Float64("writeUnits", c.meter.Write()),
	}
	level := slog.LevelInfo
	if kind == errs.Internal || kind == errs.Provider {
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", c.err.Error()))
		if died, ok := errors.AsType[*panicError](c.err); ok {
			attributes = append(attributes, slog.String("stack", string(died.stack)))
		}
	}
	if refused, ok := errors.AsType[*errs.Error](c.err); ok && level == slog.LevelInfo && refused.Err != nil {
		if kind != errs.Unauthorized && kind != errs.RateLimited {
			// A refusal with a cause is one that didn't go as it should: a denial
			// that couldn't be audited.
			level = slog.LevelError
		}
		// Of UNAUTHORIZED it is the only trace: there is no identity to audit it under.
		attributes = append(attributes, slog.String("reason", refused.Err.Error()))
	}
	s.Log.LogAttrs(ctx, level, "call", attributes...)
}

func codeOrOK(kind errs.Kind) string {
	if kind == "" {
		return "OK"
	}
	return string(kind)
}

// panicError is what a panic inside a method becomes.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// guard runs f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value: value, stack: debug.Stack()}
		}
	}()
	return f()
}

// follow does the work behind an answer. It can't fail the call any more, so a
// panic in it is logged here.
func (s Surroundings) follow(ctx context.Context, function string, answer any) {
	follower, ok := answer.(Follower)
	if !ok {
		return
	}
	err := guard(func() error { follower.Follow(ctx); return nil })
	if died, ok := errors.AsType[*panicError](err); ok {
		s.Log.ErrorContext(ctx, "follow", "function", function, "error", died.Error(), "stack", string(died.stack))
	}
}

// validated runs the rules of a request that span several of its fields.
func validated(in any) error {
	if v, ok := in.(validator); ok {
		return v.Validate()
	}
	return nil
}

// requestID is the invocation's own id, where there is no request with one.
func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}
