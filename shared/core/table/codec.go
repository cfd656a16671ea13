package table

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// StringSet is a DynamoDB set of strings: without order or duplicates. An empty
// one is stored as no attribute.
type StringSet []string

// MarshalDynamoDBAttributeValue implements attributevalue.Marshaler.
func (s StringSet) MarshalDynamoDBAttributeValue() (types.AttributeValue, error) {
	if len(s) == 0 {
		return &types.AttributeValueMemberNULL{Value: true}, nil
	}
	return &types.AttributeValueMemberSS{Value: s}, nil
}

// UnmarshalDynamoDBAttributeValue implements attributevalue.Unmarshaler.
func (s *StringSet) UnmarshalDynamoDBAttributeValue(av types.AttributeValue) error {
	switch v := av.(type) {
	case *types.AttributeValueMemberSS:
		*s = v.Value
	case *types.AttributeValueMemberNULL:
		*s = nil
	default:
		return fmt.Errorf("a %T is not a string set", av)
	}
	return nil
}

// encode turns a struct, or a map with string keys, into attributes. Fields go
// by their `dynamodbav` or `json` tag; a field that has both must say the same
// in both, because the SDK would follow the json tag alone. Times are RFC 3339
// with nanoseconds, in UTC. Attributes that would be null are left out.
func encode(item any) (map[string]types.AttributeValue, error) {
	if err := checkTags(reflect.TypeOf(item)); err != nil {
		return nil, err
	}
	attributes, err := attributevalue.MarshalMapWithOptions(item, encoding)
	if err != nil {
		return nil, err
	}
	for name, value := range attributes {
		if isNull(value) {
			delete(attributes, name)
		}
	}
	for _, reserved := range []string{AttrPK, AttrSK, AttrIndexPK, AttrIndexSK, AttrExpires} {
		if _, taken := attributes[reserved]; taken {
			return nil, fmt.Errorf("%T has an attribute %s, which the table writes itself", item, reserved)
		}
	}
	return attributes, nil
}

// encodeValue turns one value into an attribute, null where it is nil.
func encodeValue(v any) (types.AttributeValue, error) {
	if err := checkTags(reflect.TypeOf(v)); err != nil {
		return nil, err
	}
	return attributevalue.MarshalWithOptions(v, encoding)
}

func encoding(o *attributevalue.EncoderOptions) {
	o.TagKey = "json"
	o.EncodeTime = func(t time.Time) (types.AttributeValue, error) {
		return text(t.UTC().Format(time.RFC3339Nano)), nil
	}
}

func decode(item map[string]types.AttributeValue, into any) error {
	return attributevalue.UnmarshalMapWithOptions(item, into, func(o *attributevalue.DecoderOptions) {
		o.TagKey = "json"
	})
}

func isNull(av types.AttributeValue) bool {
	null, ok := av.(*types.AttributeValueMemberNULL)
	return ok && null.Value
}

// checkTags refuses fields whose two tags disagree: what was meant to be stored
// would silently not be. Within are the types around t.
func checkTags(t reflect.Type, within ...reflect.Type) error {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map) {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || slices.Contains(within, t) {
		return nil
	}
	for i := range t.NumField() {
		field := t.Field(i)
		stored, hasStored := field.Tag.Lookup("dynamodbav")
		answered, hasAnswered := field.Tag.Lookup("json")
		if hasStored && hasAnswered && tagName(stored) != tagName(answered) {
			return fmt.Errorf("%s.%s: its dynamodbav tag says %q and its json tag %q, and json would win; say the same in both or split the struct", t, field.Name, tagName(stored), tagName(answered))
		}
		if err := checkTags(field.Type, append(within, t)...); err != nil {
			return err
		}
	}
	return nil
}

func tagName(tag string) string {
	name, _, _ := strings.Cut(tag, ",")
	return name
}
