package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/metrics"
	"github.com/rapport/rapport/shared/core/table"
)

// What is measured of every call.
const (
	metricDuration   = "CallDuration"
	metricReadUnits  = "ReadUnits"
	metricWriteUnits = "WriteUnits"
	metricTableCalls = "TableCalls"
	// Failures are answers that are nobody's fault but ours or a provider's,
	// Refusals all other errors and batches that come again in part.
	metricFailures = "Failures"
	metricRefusals = "Refusals"
)

// call is one execution of a function, for its log line.
type call struct {
	function  string
	requestID string
	caller    caller.Caller
	started   time.Time
	meter     *table.Meter
	measured  *metrics.Recorder
	// effects are what the method has returned to be sent.
	effects effect.Effects
	err     error
}

// begin starts a call's clock, its count of capacity units and its measurements.
func (r Runtime) begin(ctx context.Context, function, requestID string) (context.Context, *call) {
	ctx, meter := table.WithMeter(ctx)
	ctx, measured := metrics.Record(ctx)
	return ctx, &call{function: function, requestID: requestID, started: r.Clock.Now(), meter: meter, measured: measured}
}

// end writes the call's one log line. It names the function, in Lambda its version,
// the caller, the duration, the code, and whether the call was its instance's first;
// never what people wrote, and never a token. The line also carries what is measured
// of every call; what else was measured follows in lines of its own.
func (r Runtime) end(ctx context.Context, c *call) {
	kind := kindOf(c.err)
	attributes := append(r.measure(ctx, c, kind),
		slog.String("function", c.function),
		slog.String("stage", r.Stage),
		slog.String("requestId", c.requestID),
		slog.String("userId", c.caller.UserID),
		slog.Float64("ms", float64(r.Clock.Now().Sub(c.started).Microseconds())/1000),
		slog.String("code", codeOrOK(kind)),
		slog.Float64("readUnits", c.meter.Read()),
		slog.Float64("writeUnits", c.meter.Write()),
	)
	if version := lambdacontext.FunctionVersion; version != "" {
		// The alarm that rolls a deployment back looks at the new version's calls.
		attributes = append(attributes, slog.String("version", version))
	}
	if !r.warm.Swap(true) {
		// It has waited for the instance to open, which its duration doesn't show.
		attributes = append(attributes, slog.Bool("coldStart", true))
	}
	level := slog.LevelInfo
	if kind == kindRetried {
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("error", c.err.Error()))
	}
	if failure(kind) {
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
	r.Log.LogAttrs(ctx, level, "call", attributes...)
}

// measure hands what the call measured to the context's sink, and of the call itself
// what it took, by function. Where there is no sink it goes to the log in the form
// that CloudWatch makes metrics of, each of which costs: of the call itself how long
// it took and whether it failed, by journey, as attributes for the call's own line,
// which has the rest for who looks for it.
func (r Runtime) measure(ctx context.Context, c *call, kind errs.Kind) []slog.Attr {
	sink := metrics.SinkOf(ctx)
	own := metrics.Dimension{Name: "Journey", Value: r.journey}
	if sink != nil {
		own = metrics.Dimension{Name: "Function", Value: c.function}
		metrics.Count(ctx, metricReadUnits, c.meter.Read(), own)
		metrics.Count(ctx, metricWriteUnits, c.meter.Write(), own)
		metrics.Count(ctx, metricTableCalls, c.meter.Calls(), own)
		if kind != "" && !failure(kind) {
			metrics.Count(ctx, metricRefusals, 1, own)
		}
	}
	if own.Value != "" {
		metrics.Observe(ctx, metricDuration, r.Clock.Now().Sub(c.started), own)
		if failure(kind) {
			metrics.Count(ctx, metricFailures, 1, own)
		}
	}
	groups := c.measured.Groups()
	if sink != nil {
		sink.Collect(groups)
		return nil
	}
	var line []slog.Attr
	stage := []metrics.Dimension{{Name: "Stage", Value: r.Stage}}
	for _, group := range groups {
		lines := metrics.Lines(r.Clock.Now(), stage, []metrics.Group{group})
		if len(group.Dimensions) == 1 && group.Dimensions[0] == own {
			line, lines = lines[0], lines[1:]
		}
		for _, other := range lines {
			r.Log.LogAttrs(ctx, slog.LevelInfo, "metrics", other...)
		}
	}
	return line
}

// failure reports whether an answer is nobody's fault but ours or a provider's.
func failure(kind errs.Kind) bool { return kind == errs.Internal || kind == errs.Provider }

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
