package streams

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/rapport/rapport/shared/testkit/streamevent"
)

// record is a stream record as Lambda hands it on.
type record struct {
	sequence string
	// created is what the stream says: whole seconds. fetched is when the record
	// was read, and committed the earliest time at which it can have been written:
	// the read before that didn't have it.
	created, committed, fetched time.Time
	// event is the record as the filters see it, json as the function gets it.
	event map[string]any
	json  []byte
}

// convert makes a record of Lambda's DynamoDB event from one of the stream's
// API.
func convert(raw types.Record, eventARN, shardID, region string) (record, error) {
	event, err := streamevent.Convert(raw, eventARN, shardID, region)
	if err != nil {
		return record{}, err
	}
	r := record{sequence: *raw.Dynamodb.SequenceNumber, created: aws.ToTime(raw.Dynamodb.ApproximateCreationDateTime), event: event}
	if r.json, err = json.Marshal(event); err != nil {
		return record{}, fmt.Errorf("record %s: %w", r.sequence, err)
	}
	return r, nil
}

// keysOf is what filters that look at no more see of a record: its name and its
// keys. It is nil where a key is of another kind than texts and numbers.
func keysOf(raw types.Record) map[string]any {
	keys := make(map[string]any, len(raw.Dynamodb.Keys))
	for name, v := range raw.Dynamodb.Keys {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			keys[name] = map[string]any{"S": v.Value}
		case *types.AttributeValueMemberN:
			keys[name] = map[string]any{"N": v.Value}
		default:
			return nil
		}
	}
	return map[string]any{"eventName": string(raw.EventName), "dynamodb": map[string]any{"Keys": keys}}
}
