package endpoint

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/table"
)

// Stream declares a function that reads the streams of tables, named together
// such as `Data,Log`. The method gets a batch and returns what failed, by
// record id: Lambda sends the earliest failed record and all after it again, so
// the method must do no harm when it sees a record twice. A panic or a batch
// that can't be read fails as a whole.
func Stream[S any](
	tables, summary string,
	method func(S, context.Context, []table.Record) map[string]error,
	options ...Option,
) Function[S] {
	d := Declaration{Trigger: TriggerStream, Route: tables, Summary: summary, Class: Internal}
	for _, option := range options {
		option(&d)
	}
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &streamHandler{
			name: name, around: app.Runtime,
			method: func(ctx context.Context, records []table.Record) map[string]error {
				return method(app.Service, ctx, records)
			},
		}
	}}
}

// streamHandler answers DynamoDB stream events with partial batch failures.
type streamHandler struct {
	name   string
	around Runtime
	method func(context.Context, []table.Record) map[string]error
}

// Invoke implements lambda.Handler.
func (h *streamHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, call := h.around.begin(ctx, h.name, requestID(ctx))
	defer h.around.end(ctx, call)
	records, err := table.ParseRecords(payload)
	if err != nil {
		call.err = fmt.Errorf("%s: %w", h.name, err)
		return nil, call.err
	}
	var failed map[string]error
	if call.err = guard(func() error { failed = h.method(ctx, records); return nil }); call.err != nil {
		return nil, call.err
	}
	report, _ := ctx.Value(reasonsKey{}).(func(id string, reason error))
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, record := range records {
		if err, ok := failed[record.ID]; ok {
			call.err = &batchError{failed: len(failed), of: len(records), what: "records", cause: err}
			response.BatchItemFailures = append(response.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: record.ID})
			if report != nil {
				report(record.ID, err)
			}
		}
	}
	return json.Marshal(response)
}

type reasonsKey struct{}

// WithReasons gives a program that runs stream functions in its own process the
// reasons why records failed. The answer has no place for them: on AWS they are in
// the log alone.
// The report is made before the function answers, and may come after whoever
// called has given it up.
func WithReasons(ctx context.Context, report func(id string, reason error)) context.Context {
	return context.WithValue(ctx, reasonsKey{}, report)
}
