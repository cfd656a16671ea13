package testkit

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit/queues"
)

const (
	// laterThanAll is beyond every delay and visibility timeout.
	laterThanAll = time.Hour
	// dead is what the name of a queue's dead letters ends with, and maxReceives
	// after how many deliveries a message goes there.
	dead        = "Dlq"
	maxReceives = 5
	queueARN    = "arn:aws:sqs:" + region + ":123456789012:"
)

// openQueues makes the queues that functions of this harness take messages from,
// with their dead letters, and gives the address at which SQS's protocol is
// spoken.
func (h *Harness) openQueues(t testing.TB) string {
	t.Helper()
	var specs []queues.Spec
	for _, function := range h.functions {
		if function.Trigger == endpoint.TriggerQueue {
			specs = append(specs, QueueSpecs(function.Route)...)
		}
	}
	var err error
	h.Queues, err = queues.Open(queues.Options{Specs: specs, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h.Queues)
	t.Cleanup(server.Close)
	return server.URL
}

// QueueSpecs are a queue as the templates have them, and its dead letters.
func QueueSpecs(name string) []queues.Spec {
	return []queues.Spec{
		{
			Name: name, ARN: queueARN + name, Visibility: 30 * time.Second, MaxBytes: 1 << 20,
			DeadLetters: name + dead, MaxReceives: maxReceives,
		},
		{Name: name + dead, ARN: queueARN + name + dead, Visibility: 30 * time.Second, MaxBytes: 1 << 20},
	}
}

// queueURLs are the URLs of queues under the names that functions read them by:
// DEPARTURES_QUEUE_URL for Departures.
func queueURLs(functions []endpoint.FunctionSpec) config.Env {
	urls := config.Env{}
	for _, function := range functions {
		if function.Trigger == endpoint.TriggerQueue {
			urls[QueueVariable(function.Route)] = "https://sqs." + region + ".amazonaws.com/123456789012/" + function.Route
		}
	}
	return urls
}

// QueueVariable names the variable that holds a queue's URL.
func QueueVariable(queue string) string { return strings.ToUpper(queue) + "_QUEUE_URL" }

// Delivered is what became of a batch of messages.
type Delivered struct {
	// Messages are what the function was given.
	Messages []queues.Message
	// Failed are the ids of the messages that it wants again.
	Failed map[string]bool
}

// Queue hands a function all that lies in its queue, in one batch, as if every
// delay and visibility timeout were over. What it takes is gone; what fails comes
// again the next time, until it is a dead letter.
func (h *Harness) Queue(t testing.TB, function string) Delivered {
	t.Helper()
	name := h.Function(t, function).Route
	at := time.Now().Add(time.Duration(h.hours.Add(1)) * laterThanAll)
	messages, err := h.Queues.Receive(name, table.MaxLimit, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	delivered := Delivered{Messages: messages, Failed: map[string]bool{}}
	if len(messages) == 0 {
		return delivered
	}
	answer, err := h.Invoke(t.Context(), function, QueueEvent(name, messages))
	if err != nil {
		t.Errorf("%s failed: %v", function, err)
		return delivered
	}
	if delivered.Failed, err = queues.Failed(answer, messages); err != nil {
		t.Errorf("%s: %v", function, err)
	}
	for _, m := range messages {
		if delivered.Failed[m.ID] {
			continue
		}
		if err := h.Queues.Delete(name, m.Receipt); err != nil {
			t.Error(err)
		}
	}
	return delivered
}

// QueueEvent is the event of a batch of messages.
func QueueEvent(queue string, messages []queues.Message) map[string]any {
	return queues.Event(queueARN+queue, region, messages)
}

// SendRaw puts a body into a queue as it is.
func (h *Harness) SendRaw(t testing.TB, queue, body string) {
	t.Helper()
	if _, err := h.Queues.Send(queue, queues.Draft{Body: body}); err != nil {
		t.Fatal(err)
	}
}

// Run runs a scheduled function for a time and gives its answer.
func (h *Harness) Run(t testing.TB, function string, at time.Time) []byte {
	t.Helper()
	answer, err := h.Invoke(t.Context(), function, map[string]any{
		"version": "0", "id": h.nextID(), "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": "123456789012",
		"time": at.UTC().Format(time.RFC3339), "region": region, "resources": []string{}, "detail": "{}",
	})
	if err != nil {
		t.Fatalf("%s failed: %v", function, err)
	}
	return answer
}
