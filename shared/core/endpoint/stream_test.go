package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
)

// streamBatch is a batch of inserts at these keys, numbered from 1.
func streamBatch(keys ...string) []byte {
	var records []string
	for i, key := range keys {
		records = append(records, fmt.Sprintf(`{"eventID":"e%d","eventName":"INSERT","eventSource":"aws:dynamodb",
			"eventSourceARN":"arn:aws:dynamodb:us-east-1:123456789012:table/Data/stream/x",
			"dynamodb":{"SequenceNumber":"%d","ApproximateCreationDateTime":1764000000,"Keys":{"PK":{"S":%q},"SK":{"S":"x"}}}}`, i+1, i+1, key))
	}
	return fmt.Appendf(nil, `{"Records":[%s]}`, strings.Join(records, ","))
}

// reading fails at records of the partition `bad`, and dies of `boom`.
func reading(options ...Option) Function[struct{}] {
	return Stream("Data", "stream: read.", func(_ struct{}, _ context.Context, records []table.Record) map[string]error {
		failed := map[string]error{}
		for _, record := range records {
			switch record.Key.PK {
			case "bad":
				failed[record.ID] = errSecret
			case "boom":
				panic("a secret detail")
			}
		}
		return failed
	}, options...)
}

func TestStream(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		give   []byte
		want   []string
		fails  bool
		logged string
	}{
		{name: "all well", give: streamBatch("a", "b"), want: []string{}, logged: "OK"},
		{name: "an empty batch", give: streamBatch(), want: []string{}, logged: "OK"},
		{name: "some fail, in their order", give: streamBatch("a", "bad", "b", "bad"), want: []string{"2", "4"}, logged: "RETRIED"},
		{name: "a panic fails the batch", give: streamBatch("a", "boom"), fails: true, logged: "INTERNAL"},
		{name: "no event", give: []byte(`7`), fails: true, logged: "INTERNAL"},
		{name: "a record without number", give: []byte(`{"Records":[{"eventName":"INSERT"}]}`), fails: true, logged: "INTERNAL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fixture
			answered, err := f.open(t, reading()).Invoke(t.Context(), tt.give)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			if lines := f.lines(t); len(lines) != 1 || lines[0]["code"] != tt.logged {
				t.Errorf("logged %v", lines)
			}
			if tt.fails {
				return
			}
			var response events.DynamoDBEventResponse
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

// Whoever runs a stream function in its own process hears why records failed.
func TestStreamReportsReasons(t *testing.T) {
	t.Parallel()
	read := Stream("Data", "stream: read.", func(_ struct{}, _ context.Context, records []table.Record) map[string]error {
		return map[string]error{records[1].ID: errSecret}
	})
	var f fixture
	got := map[string]error{}
	ctx := WithReasons(t.Context(), func(id string, reason error) { got[id] = reason })
	if _, err := f.open(t, read).Invoke(ctx, streamBatch("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || !errors.Is(got["2"], errSecret) {
		t.Errorf("heard %v", got)
	}
}
