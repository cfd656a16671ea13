package endpoint

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/effect"
)

// Schedule declares a function that runs by the clock: `rate(1 hour)`, or
// `cron(0 3 * * ? *)` in UTC, as EventBridge Scheduler writes them and as the
// template says too. The method gets the time that the run was scheduled for and
// returns what it has done, and what is to be sent of it. EventBridge may run it twice, and what failed or was
// missed is left to the next run, so the method must do no harm when it runs
// twice for one time, and make up for runs that never were.
func Schedule[S, Out any](
	expression, summary string,
	method func(S, context.Context, time.Time) (Out, effect.Effects, error),
	options ...Option,
) Function[S] {
	d := Declaration{
		Trigger: TriggerSchedule, Route: expression, Summary: summary, Class: Internal,
		Output: &Shape{Type: reflect.TypeFor[Out](), Body: schemaOf(reflect.TypeFor[Out]())},
	}
	for _, option := range options {
		option(&d)
	}
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &scheduleHandler{
			name: name, around: app.Runtime,
			run: func(ctx context.Context, at time.Time) (any, error) {
				out, effects, err := method(app.Service, ctx, at)
				return out, app.sendAll(ctx, name, effects, err)
			},
		}
	}}
}

// scheduleHandler answers the events of EventBridge Scheduler, and of
// EventBridge's rules, which are the same.
type scheduleHandler struct {
	name   string
	around Runtime
	run    func(context.Context, time.Time) (any, error)
}

// Invoke implements lambda.Handler.
func (h *scheduleHandler) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	ctx, call := h.around.begin(ctx, h.name, requestID(ctx))
	defer func() {
		call.err = err
		h.around.end(ctx, call)
	}()
	var event events.EventBridgeEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%s: not an event of a schedule: %w", h.name, err)
	}
	if event.Time.IsZero() {
		return nil, fmt.Errorf("%s: the event has no time", h.name)
	}
	var out any
	if err := guard(func() (err error) { out, err = h.run(ctx, event.Time.UTC()); return err }); err != nil {
		return nil, err
	}
	answer, err = json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return answer, nil
}
