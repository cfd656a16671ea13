// Package streamevent makes the records of Lambda's DynamoDB event
// (docs.aws.amazon.com/lambda, "Using Lambda with DynamoDB") of those that a
// stream's API gives: what AWS does between the two.
package streamevent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Convert makes one record, as a value that encodes to its JSON. The ARN is
// what the event shows as its source; the event's id is derived from it, the
// shard and the sequence number.
func Convert(raw types.Record, eventARN, shardID, region string) (map[string]any, error) {
	change := raw.Dynamodb
	if change == nil || change.SequenceNumber == nil {
		return nil, errors.New("a record without a change")
	}
	id := sha256.Sum256([]byte(eventARN + "\n" + shardID + "\n" + *change.SequenceNumber))
	body := map[string]any{
		"ApproximateCreationDateTime": seconds(aws.ToTime(change.ApproximateCreationDateTime)),
		"SequenceNumber":              *change.SequenceNumber,
		"SizeBytes":                   aws.ToInt64(change.SizeBytes),
		"StreamViewType":              string(change.StreamViewType),
	}
	for name, image := range map[string]map[string]types.AttributeValue{
		"Keys": change.Keys, "NewImage": change.NewImage, "OldImage": change.OldImage,
	} {
		if image == nil {
			continue
		}
		converted, err := item(image)
		if err != nil {
			return nil, fmt.Errorf("%s of record %s: %w", name, *change.SequenceNumber, err)
		}
		body[name] = converted
	}
	event := map[string]any{
		"eventID":        hex.EncodeToString(id[:16]),
		"eventName":      string(raw.EventName),
		"eventVersion":   "1.1",
		"eventSource":    "aws:dynamodb",
		"awsRegion":      region,
		"eventSourceARN": eventARN,
		"dynamodb":       body,
	}
	if who := raw.UserIdentity; who != nil {
		event["userIdentity"] = map[string]any{"type": aws.ToString(who.Type), "principalId": aws.ToString(who.PrincipalId)}
	}
	return event, nil
}

// seconds is a time as a JSON number of seconds, whole where it is.
func seconds(t time.Time) json.Number {
	if t.Nanosecond() == 0 {
		return json.Number(fmt.Sprint(t.Unix()))
	}
	return json.Number(fmt.Sprintf("%.3f", float64(t.UnixMilli())/1000))
}

func item(attributes map[string]types.AttributeValue) (map[string]any, error) {
	out := make(map[string]any, len(attributes))
	for name, v := range attributes {
		converted, err := attribute(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = converted
	}
	return out, nil
}

// attribute is a value in DynamoDB's JSON.
func attribute(v types.AttributeValue) (map[string]any, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}, nil
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}, nil
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": list(v.Value)}, nil
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": list(v.Value)}, nil
	case *types.AttributeValueMemberBS:
		all := make([]any, 0, len(v.Value))
		for _, b := range v.Value {
			all = append(all, base64.StdEncoding.EncodeToString(b))
		}
		return map[string]any{"BS": all}, nil
	case *types.AttributeValueMemberL:
		all := make([]any, 0, len(v.Value))
		for i, element := range v.Value {
			converted, err := attribute(element)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			all = append(all, converted)
		}
		return map[string]any{"L": all}, nil
	case *types.AttributeValueMemberM:
		converted, err := item(v.Value)
		return map[string]any{"M": converted}, err
	}
	return nil, fmt.Errorf("an attribute of type %T is not understood", v)
}

func list(texts []string) []any {
	all := make([]any, 0, len(texts))
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
