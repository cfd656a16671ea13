package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/queue"
)

type order struct {
	Dish  string `json:"dish" minLength:"1" maxLength:"20"`
	Count int    `json:"count" minimum:"1" maximum:"9"`
}

// queueBatch is a batch of messages with these bodies, named m1, m2, ….
func queueBatch(t *testing.T, bodies ...string) []byte {
	t.Helper()
	var event events.SQSEvent
	for i, body := range bodies {
		source := "source-" + string(rune('1'+i))
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: "m" + string(rune('1'+i)), Body: body,
			Attributes:        map[string]string{"ApproximateReceiveCount": "2", "SentTimestamp": "1764000000000"},
			MessageAttributes: map[string]events.SQSMessageAttribute{"sourceId": {DataType: "String", StringValue: &source}},
		})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func orders() Function[struct{}] {
	return Queue("Orders", "queue: process.", func(_ struct{}, _ context.Context, m queue.Message[order]) (effect.Effects, error) {
		switch m.Body.Dish {
		case "bad":
			return nil, errSecret
		case "boom":
			panic("a secret detail")
		}
		return nil, nil
	})
}

func TestQueue(t *testing.T) {
	t.Parallel()
	good := `{"dish":"soup","count":1}`
	tests := []struct {
		name   string
		give   []byte
		want   []string
		fails  bool
		logged string
		reason string
	}{
		{name: "all well", give: queueBatch(t, good, good), want: []string{}, logged: "OK"},
		{name: "an empty batch", give: queueBatch(t), want: []string{}, logged: "OK"},
		{name: "some fail, in their order", give: queueBatch(t, good, `{"dish":"bad","count":1}`, good, `{"dish":"bad","count":2}`), want: []string{"m2", "m4"}, logged: "RETRIED", reason: "2 of 4 messages"},
		{name: "a panic fails alone", give: queueBatch(t, good, `{"dish":"boom","count":1}`, good), want: []string{"m2"}, logged: "RETRIED", reason: "1 of 3 messages: panic"},
		{name: "what is no JSON fails alone", give: queueBatch(t, `soup`, good), want: []string{"m1"}, logged: "RETRIED"},
		{name: "another shape", give: queueBatch(t, good, `{"dish":"soup","count":1,"salt":true}`), want: []string{"m2"}, logged: "RETRIED"},
		{name: "out of bounds", give: queueBatch(t, `{"dish":"soup","count":10}`, good), want: []string{"m1"}, logged: "RETRIED"},
		{name: "too large", give: queueBatch(t, `{"dish":"soup","count":1}`+strings.Repeat(" ", queue.MaxBody), good), want: []string{"m1"}, logged: "RETRIED"},
		{name: "no event", give: []byte(`7`), fails: true, logged: "INTERNAL"},
		{name: "a message without id", give: []byte(`{"Records":[{"body":"{}"}]}`), fails: true, logged: "INTERNAL"},
		{name: "a message without attributes", give: []byte(`{"Records":[{"messageId":"m1","body":"{}"}]}`), want: []string{"m1"}, logged: "RETRIED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fixture
			answered, err := f.open(t, orders()).Invoke(t.Context(), tt.give)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			lines := f.lines(t)
			last := lines[len(lines)-1]
			if said, _ := last["error"].(string); last["code"] != tt.logged || !strings.Contains(said, tt.reason) {
				t.Errorf("logged %v", last)
			}
			if tt.fails {
				return
			}
			var response events.SQSEventResponse
			if err := json.Unmarshal(answered, &response); err != nil {
				t.Fatal(err)
			}
			failed := []string{}
			for _, failure := range response.BatchItemFailures {
				failed = append(failed, failure.ItemIdentifier)
			}
			if diff := cmp.Diff(tt.want, failed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(string(answered), "batchItemFailures") {
				t.Errorf("AWS would take %s for a failure", answered)
			}
		})
	}
}

// A method gets what a consumer needs to act once.
func TestQueueMessage(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []queue.Message[order]
	note := Queue("Orders", "queue: note.", func(_ struct{}, _ context.Context, m queue.Message[order]) (effect.Effects, error) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m)
		return nil, nil
	})
	var f fixture
	if _, err := f.open(t, note).Invoke(t.Context(), queueBatch(t, `{"dish":"soup","count":1}`, `{"dish":"rice","count":3}`)); err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1764000000000).UTC()
	want := []queue.Message[order]{
		{ID: "m1", SourceID: "source-1", SentAt: at, Received: 2, Body: order{"soup", 1}},
		{ID: "m2", SourceID: "source-2", SentAt: at, Received: 2, Body: order{"rice", 3}},
	}
	byID := cmpopts.SortSlices(func(a, b queue.Message[order]) bool { return a.ID < b.ID })
	if diff := cmp.Diff(want, got, byID); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whoever runs a queue's function in its own process hears why messages failed.
func TestQueueReportsReasons(t *testing.T) {
	t.Parallel()
	var f fixture
	got := map[string]error{}
	ctx := WithReasons(t.Context(), func(id string, reason error) { got[id] = reason })
	if _, err := f.open(t, orders()).Invoke(ctx, queueBatch(t, `{"dish":"soup","count":1}`, `{"dish":"bad","count":1}`)); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || !errors.Is(got["m2"], errSecret) {
		t.Errorf("heard %v", got)
	}
}
