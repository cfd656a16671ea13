package endpoint

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/queue"
)

const (
	// parallelMessages bounds the messages of a batch that are taken at once.
	parallelMessages = 10
	// sourceID names the message attribute that carries the source id.
	sourceID = "sourceId"
)

// Queue declares a function that takes the messages of a queue, which is named
// as in the templates. The method gets one message, whose body is read and
// checked like that of a request, at once with others of its batch, and returns
// what is to be sent of it. What it
// returns an error for, what panics and what can't be read fails alone: the queue
// delivers it again, and gives it to the dead letters after the tries that the
// template allows. So the method must do no harm when it sees a message twice;
// queue.Message.SourceID says which are the same.
func Queue[S, Body any](
	name, summary string,
	method func(S, context.Context, queue.Message[Body]) (effect.Effects, error),
	options ...Option,
) Function[S] {
	d := Declaration{
		Trigger: TriggerQueue, Route: name, Summary: summary, Class: Internal, MaxBody: queue.MaxBody,
		Input: &Shape{Type: reflect.TypeFor[Body](), Body: schemaOf(reflect.TypeFor[Body]())},
	}
	for _, option := range options {
		option(&d)
	}
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &queueHandler{
			name: name, around: app.Runtime,
			take: func(ctx context.Context, given events.SQSMessage) error {
				m, err := messageOf[Body](given, d)
				if err != nil {
					return err
				}
				effects, err := method(app.Service, ctx, m)
				return app.sendAll(ctx, name, effects, err)
			},
		}
	}}
}

// messageOf reads a message.
func messageOf[Body any](given events.SQSMessage, d Declaration) (m queue.Message[Body], err error) {
	m.ID, m.SourceID = given.MessageId, given.MessageId
	if source := given.MessageAttributes[sourceID].StringValue; source != nil {
		m.SourceID = *source
	}
	if m.Received, err = strconv.Atoi(given.Attributes["ApproximateReceiveCount"]); err != nil {
		return m, fmt.Errorf("its receive count: %w", err)
	}
	sent, err := strconv.ParseInt(given.Attributes["SentTimestamp"], 10, 64)
	if err != nil {
		return m, fmt.Errorf("when it was sent: %w", err)
	}
	m.SentAt = time.UnixMilli(sent).UTC()
	if len(given.Body) > d.MaxBody {
		return m, fmt.Errorf("its %d bytes are more than %d", len(given.Body), d.MaxBody)
	}
	if err := decodeBody([]byte(given.Body), d.Input.Body, &m.Body); err != nil {
		return m, err
	}
	return m, validated(&m.Body)
}

// queueHandler answers SQS events with partial batch failures.
type queueHandler struct {
	name   string
	around Runtime
	take   func(context.Context, events.SQSMessage) error
}

// Invoke implements lambda.Handler.
func (h *queueHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, call := h.around.begin(ctx, h.name, requestID(ctx))
	defer h.around.end(ctx, call)
	var event events.SQSEvent
	if call.err = json.Unmarshal(payload, &event); call.err != nil {
		call.err = fmt.Errorf("%s: not an event of a queue: %w", h.name, call.err)
		return nil, call.err
	}
	for _, given := range event.Records {
		if given.MessageId == "" {
			// Nothing could be reported of it.
			call.err = fmt.Errorf("%s: a message without id", h.name)
			return nil, call.err
		}
	}
	failed := h.takeAll(ctx, event.Records)
	report, _ := ctx.Value(reasonsKey{}).(func(id string, reason error))
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, given := range event.Records {
		if failed[i] == nil {
			continue
		}
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: given.MessageId})
		if report != nil {
			report(given.MessageId, failed[i])
		}
	}
	if n := len(response.BatchItemFailures); n > 0 {
		call.err = &batchError{failed: n, of: len(event.Records), what: "messages", cause: errors.Join(failed...)}
	}
	return json.Marshal(response)
}

// takeAll hands the messages on, each guarded by itself, and gives what became
// of each.
func (h *queueHandler) takeAll(ctx context.Context, given []events.SQSMessage) []error {
	failed := make([]error, len(given))
	var group errgroup.Group
	group.SetLimit(parallelMessages)
	for i, sQSMessage := range given {
		group.Go(func() error {
			failed[i] = guard(func() error { return h.take(ctx, sQSMessage) })
			if died, ok := errors.AsType[*panicError](failed[i]); ok {
				h.around.Log.ErrorContext(ctx, "message", "function", h.name, "messageId", sQSMessage.MessageId,
					"error", died.Error(), "stack", string(died.stack))
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in the list
	return failed
}
