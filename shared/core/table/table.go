// Package table is the thin typed layer over DynamoDB, and the only package
// beside implementations that knows its SDK.
//
// An item is a Go struct at a Key. The layer writes the key attributes (PK, SK,
// the index's GSI1PK and GSI1SK, and ttl); structs never hold them. Fields are
// named by their `dynamodbav` or `json` tag, so one struct can be stored and
// answered; see encode for the rules. Nil pointers, empty sets and other nulls
// are left out of the item, so "absent" has one form.
//
// Reads are strongly consistent unless said otherwise; an index's never are.
// Writes are conditional: a condition that does not hold is the normal outcome
// ErrConditionFailed, with the item that stood in the way. Lists are bounded
// queries of one partition; there are no scans. Every call is retried a bounded
// number of times and ends with its context. Consumed capacity is summed in the
// context's Meter.
package table

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes that the layer writes itself, and the name of the one index.
const (
	AttrPK      = "PK"
	AttrSK      = "SK"
	AttrIndexPK = "GSI1PK"
	AttrIndexSK = "GSI1SK"
	AttrExpires = "ttl"
	IndexName   = "GSI1"
)

// ErrNotFound says that there is no item at a key.
var ErrNotFound = errors.New("no such item")

// Key is where an item lies: its partition and its place in it. Both are
// non-empty; PK has at most 2048 bytes, SK at most 1024. Items of a partition
// are ordered by the bytes of SK.
type Key struct{ PK, SK string }

// String is the key for logs and errors.
func (k Key) String() string { return k.PK + "/" + k.SK }

func (k Key) check() error {
	switch {
	case k.PK == "" || k.SK == "":
		return fmt.Errorf("key %q: both parts must be non-empty", k)
	case !utf8.ValidString(k.PK) || !utf8.ValidString(k.SK):
		return fmt.Errorf("key %q: it is not UTF-8", k)
	case len(k.PK) > 2048:
		return fmt.Errorf("key: PK has %d bytes, at most 2048 are allowed", len(k.PK))
	case len(k.SK) > 1024:
		return fmt.Errorf("key: SK has %d bytes, at most 1024 are allowed", len(k.SK))
	}
	return nil
}

func (k Key) attributes() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{AttrPK: text(k.PK), AttrSK: text(k.SK)}
}

// keyOf reads the two attributes of a key out of an item.
func keyOf(item map[string]types.AttributeValue, pk, sk string) Key {
	return Key{PK: textOf(item[pk]), SK: textOf(item[sk])}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textOf(av types.AttributeValue) string {
	if s, ok := av.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Table is one table by its physical name. It is safe for concurrent use.
type Table struct {
	client *dynamodb.Client
	api    *api
	name   string
}

// New names a table that a client reaches. It makes no call.
func New(client *dynamodb.Client, name string) *Table {
	return &Table{client: client, api: newAPI(client), name: name}
}

// Name is the table's physical name.
func (t *Table) Name() string { return t.name }

// ReadOption changes how an item is read.
type ReadOption func(*dynamodb.GetItemInput)

// Eventual reads at half the price what may be a moment old.
func Eventual() ReadOption {
	return func(in *dynamodb.GetItemInput) { in.ConsistentRead = new(false) }
}

// Get reads the item at k, strongly consistent unless Eventual is given.
// Without an item the error is ErrNotFound. An item whose time has expired is
// still found until the table sweeps it.
func Get[T any](ctx context.Context, t *Table, k Key, opts ...ReadOption) (T, error) {
	var value T
	if err := k.check(); err != nil {
		return value, fmt.Errorf("get from %s: %w", t.name, err)
	}
	in := &dynamodb.GetItemInput{
		TableName:              &t.name,
		Key:                    k.attributes(),
		ConsistentRead:         new(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	for _, opt := range opts {
		opt(in)
	}
	out, err := t.api.GetItem(ctx, in)
	if err != nil {
		return value, fmt.Errorf("get %s %s: %w", t.name, k, err)
	}
	meterRead(ctx, out.ConsumedCapacity)
	if out.Item == nil {
		return value, fmt.Errorf("get %s %s: %w", t.name, k, ErrNotFound)
	}
	if err := decode(out.Item, &value); err != nil {
		return value, fmt.Errorf("get %s %s: %w", t.name, k, err)
	}
	return value, nil
}
