package queues

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Event is the event that Lambda makes of messages.
func Event(arn, region string, messages []Message) map[string]any {
	records := make([]map[string]any, len(messages))
	for i, m := range messages {
		own := map[string]any{}
		for name, a := range m.Attributes {
			one := map[string]any{"dataType": a.Type, "stringListValues": []string{}, "binaryListValues": []string{}}
			if len(a.Binary) > 0 {
				one["binaryValue"] = a.Binary
			} else {
				one["stringValue"] = a.Text
			}
			own[name] = one
		}
		records[i] = map[string]any{
			"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "md5OfBody": sum([]byte(m.Body)),
			"attributes": m.System("All"), "messageAttributes": own, "md5OfMessageAttributes": attributesSum(m.Attributes),
			"eventSource": "aws:sqs", "eventSourceARN": arn, "awsRegion": region,
		}
	}
	return map[string]any{"Records": records}
}

// ErrAnswer says that an answer is no list of failed messages: Lambda then counts
// the whole batch as failed.
var ErrAnswer = errors.New("the answer is no list of failed messages: the whole batch counts as failed")

// Failed reads the answer of a function that reports failures per message, as
// Lambda does: nothing, null or an empty list is success, and whatever can't be
// understood fails the whole batch.
func Failed(answer []byte, messages []Message) (map[string]bool, error) {
	failed := map[string]bool{}
	if len(bytes.TrimSpace(answer)) == 0 {
		return failed, nil
	}
	var response struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	known := map[string]bool{}
	for _, m := range messages {
		known[m.ID] = true
	}
	for _, one := range response.Failures {
		if !known[one.ID] {
			return nil, fmt.Errorf("%w: itemIdentifier %q", ErrAnswer, one.ID)
		}
		failed[one.ID] = true
	}
	return failed, nil
}
