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
	// before is the sequence number of the record before it, empty at the
	// shard's beginning.
	before  string
	created time.Time
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
