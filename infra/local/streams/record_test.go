package streams

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/google/go-cmp/cmp"
)

func TestRecordIsLambdas(t *testing.T) {
	at := time.Unix(1700000000, 0)
	raw := types.Record{
		EventName: types.OperationTypeModify,
		Dynamodb: &types.StreamRecord{
			ApproximateCreationDateTime: &at, SequenceNumber: new("7"), SizeBytes: new(int64(99)),
			StreamViewType: types.StreamViewTypeNewImage,
			Keys:           map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "a"}},
			NewImage: map[string]types.AttributeValue{
				"n": &types.AttributeValueMemberN{Value: "1.50"},
				"b": &types.AttributeValueMemberB{Value: []byte{1, 2}},
				"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{
					&types.AttributeValueMemberBOOL{Value: false}, &types.AttributeValueMemberNULL{Value: true},
				}},
				"m":  &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"x": &types.AttributeValueMemberSS{Value: []string{"p"}}}},
				"bs": &types.AttributeValueMemberBS{Value: [][]byte{{3}}},
				"ns": &types.AttributeValueMemberNS{Value: []string{"4"}},
			},
		},
		UserIdentity: &types.Identity{Type: new("Service"), PrincipalId: new("dynamodb.amazonaws.com")},
	}
	r, err := convert(raw, "arn:stream", "shard", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"awsRegion":"us-east-1","dynamodb":{"ApproximateCreationDateTime":1700000000,` +
		`"Keys":{"PK":{"S":"a"}},"NewImage":{"b":{"B":"AQI="},"bs":{"BS":["Aw=="]},"l":{"L":[{"BOOL":false},{"NULL":true}]},` +
		`"m":{"M":{"x":{"SS":["p"]}}},"n":{"N":"1.50"},"ns":{"NS":["4"]}},"SequenceNumber":"7","SizeBytes":99,` +
		`"StreamViewType":"NEW_IMAGE"},"eventID":"` // then a digest
	if diff := cmp.Diff(want, string(r.json[:len(want)])); diff != "" {
		t.Error(diff)
	}
	var event events.DynamoDBEventRecord
	if err := json.Unmarshal(r.json, &event); err != nil {
		t.Fatal(err)
	}
	if len(event.EventID) != 32 || event.EventName != "MODIFY" || event.EventSource != "aws:dynamodb" || event.EventVersion != "1.1" ||
		event.EventSourceArn != "arn:stream" || event.UserIdentity.PrincipalID != "dynamodb.amazonaws.com" || event.UserIdentity.Type != "Service" {
		t.Errorf("as aws-lambda-go reads it: %+v", event)
	}
	if event.Change.NewImage["n"].Number() != "1.50" || !event.Change.ApproximateCreationDateTime.Equal(at) {
		t.Errorf("change: %+v", event.Change)
	}
	other, err := convert(raw, "arn:other", "shard", "us-east-1")
	if err != nil || string(other.json) == string(r.json) {
		t.Error("the same number in another stream has the same event id")
	}
}
