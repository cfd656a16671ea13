package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Event is what happened to an item.
type Event string

// The events of a stream.
const (
	Insert Event = "INSERT"
	Modify Event = "MODIFY"
	Remove Event = "REMOVE"
)

// Record is one change of one item, as a stream has it. Records of an item
// come in their order, each at least once.
type Record struct {
	// ID is the change's sequence number: unique in its shard, and the name by
	// which a failed record is reported.
	ID string
	// Table is the physical name, from the stream's ARN.
	Table string
	Event Event
	Key   Key
	// At is about when it happened, to the second.
	At time.Time
	// Expired is set on a Remove by the table itself, after the item's time.
	Expired bool

	before, after map[string]types.AttributeValue
}

// New decodes the item after the change into the struct that v points to; false
// where there is none or the stream doesn't carry it.
func (r Record) New(v any) (bool, error) { return r.image("new", r.after, v) }

// Old decodes the item before the change into the struct that v points to;
// false where there was none or the stream doesn't carry it.
func (r Record) Old(v any) (bool, error) { return r.image("old", r.before, v) }

func (r Record) image(which string, item map[string]types.AttributeValue, v any) (bool, error) {
	if len(item) == 0 {
		return false, nil
	}
	if err := decode(item, v); err != nil {
		return false, fmt.Errorf("record %s of %s %s: %s image: %w", r.ID, r.Table, r.Key, which, err)
	}
	return true, nil
}

// ParseRecords reads the event that Lambda hands to a stream's reader.
func ParseRecords(payload []byte) ([]Record, error) {
	var event events.DynamoDBEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("stream event: %w", err)
	}
	records := make([]Record, 0, len(event.Records))
	for i, given := range event.Records {
		r, err := parseRecord(given)
		if err != nil {
			return nil, fmt.Errorf("stream event: record %d: %w", i, err)
		}
		records = append(records, r)
	}
	return records, nil
}

func parseRecord(given events.DynamoDBEventRecord) (Record, error) {
	r := Record{
		ID:      given.Change.SequenceNumber,
		Event:   Event(given.EventName),
		At:      given.Change.ApproximateCreationDateTime.UTC(),
		Expired: given.UserIdentity != nil && given.UserIdentity.PrincipalID == "dynamodb.amazonaws.com",
	}
	// arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>
	_, path, _ := strings.Cut(given.EventSourceArn, ":table/")
	r.Table, _, _ = strings.Cut(path, "/")
	if r.ID == "" || r.Table == "" {
		return r, errors.New("it lacks its sequence number or its table's ARN")
	}
	switch r.Event {
	case Insert, Modify, Remove:
	default:
		return r, fmt.Errorf("unknown event %q", r.Event)
	}
	keys, err := fromEvent(given.Change.Keys)
	if err != nil {
		return r, err
	}
	r.Key = keyOf(keys, AttrPK, AttrSK)
	if err := r.Key.check(); err != nil {
		return r, err
	}
	if r.before, err = fromEvent(given.Change.OldImage); err != nil {
		return r, err
	}
	r.after, err = fromEvent(given.Change.NewImage)
	return r, err
}

func fromEvent(item map[string]events.DynamoDBAttributeValue) (map[string]types.AttributeValue, error) {
	attributes := make(map[string]types.AttributeValue, len(item))
	for name, value := range item {
		converted, err := fromEventValue(value)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		attributes[name] = converted
	}
	return attributes, nil
}

func fromEventValue(v events.DynamoDBAttributeValue) (types.AttributeValue, error) {
	switch v.DataType() {
	case events.DataTypeString:
		return text(v.String()), nil
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: v.Number()}, nil
	case events.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: v.Boolean()}, nil
	case events.DataTypeNull:
		return &types.AttributeValueMemberNULL{Value: true}, nil
	case events.DataTypeBinary:
		return &types.AttributeValueMemberB{Value: v.Binary()}, nil
	case events.DataTypeStringSet:
		return &types.AttributeValueMemberSS{Value: v.StringSet()}, nil
	case events.DataTypeNumberSet:
		return &types.AttributeValueMemberNS{Value: v.NumberSet()}, nil
	case events.DataTypeBinarySet:
		return &types.AttributeValueMemberBS{Value: v.BinarySet()}, nil
	case events.DataTypeMap:
		members, err := fromEvent(v.Map())
		return &types.AttributeValueMemberM{Value: members}, err
	case events.DataTypeList:
		list := make([]types.AttributeValue, len(v.List()))
		for i, member := range v.List() {
			converted, err := fromEventValue(member)
			if err != nil {
				return nil, err
			}
			list[i] = converted
		}
		return &types.AttributeValueMemberL{Value: list}, nil
	}
	return nil, fmt.Errorf("unknown type %v", v.DataType())
}
