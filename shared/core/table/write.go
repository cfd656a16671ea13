package table

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// WriteOption says under which condition, and with which attributes of the
// layer, an item is written.
type WriteOption func(*write)

// write is one write before it is sent: alone, or as an operation of a Tx.
type write struct {
	table   *Table
	key     Key
	cond    Condition
	expires time.Time
	index   Key
	name    string
}

// If writes only where c holds; several Ifs must all hold.
func If(c Condition) WriteOption {
	return func(w *write) { w.cond = And(w.cond, c) }
}

// Expires lets the table delete the item some time after at: hours later on
// AWS, so readers check what they need to be exact.
func Expires(at time.Time) WriteOption {
	return func(w *write) { w.expires = at }
}

// Indexed puts the item into GSI1 at k. An item written without it is not in
// the index, but Update leaves a place in the index as it is.
func Indexed(k Key) WriteOption {
	return func(w *write) { w.index = k }
}

// Named gives an operation of a Tx a name, by which its failure is found.
func Named(name string) WriteOption {
	return func(w *write) { w.name = name }
}

func newWrite(t *Table, k Key, opts []WriteOption) (write, error) {
	w := write{table: t, key: k}
	for _, opt := range opts {
		opt(&w)
	}
	if err := k.check(); err != nil {
		return w, err
	}
	if w.index != (Key{}) {
		if err := w.index.check(); err != nil {
			return w, fmt.Errorf("index %w", err)
		}
	}
	return w, w.cond.err
}

// own are the attributes that the layer writes beside the key.
func (w write) own() map[string]types.AttributeValue {
	attributes := map[string]types.AttributeValue{}
	if w.index != (Key{}) {
		attributes[AttrIndexPK] = text(w.index.PK)
		attributes[AttrIndexSK] = text(w.index.SK)
	}
	if !w.expires.IsZero() {
		attributes[AttrExpires] = &types.AttributeValueMemberN{Value: strconv.FormatInt(w.expires.Unix(), 10)}
	}
	return attributes
}

// expressions are a write's condition and update as DynamoDB takes them.
type expressions struct {
	condition *string
	update    *string
	names     map[string]string
	values    map[string]types.AttributeValue
}

func buildExpressions(c Condition, u *expression.UpdateBuilder) (expressions, error) {
	if !c.set && u == nil {
		return expressions{}, nil
	}
	b := expression.NewBuilder()
	if c.set {
		b = b.WithCondition(c.built)
	}
	if u != nil {
		b = b.WithUpdate(*u)
	}
	built, err := b.Build()
	if err != nil {
		return expressions{}, err
	}
	return expressions{built.Condition(), built.Update(), built.Names(), built.Values()}, nil
}

// Put writes the whole item at k, in place of what was there unless a condition
// forbids it. Item is a struct or a map with string keys.
func (t *Table) Put(ctx context.Context, k Key, item any, opts ...WriteOption) error {
	put, err := t.put(k, item, opts)
	if err != nil {
		return fmt.Errorf("put %s %s: %w", t.name, k, err)
	}
	out, err := t.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &t.name,
		Item:                                put.item,
		ConditionExpression:                 put.condition,
		ExpressionAttributeNames:            put.names,
		ExpressionAttributeValues:           put.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return failure("put", t, k, err)
	}
	meterWrite(ctx, out.ConsumedCapacity)
	return nil
}

type putRequest struct {
	write
	expressions
	item map[string]types.AttributeValue
}

func (t *Table) put(k Key, item any, opts []WriteOption) (putRequest, error) {
	w, err := newWrite(t, k, opts)
	if err != nil {
		return putRequest{write: w}, err
	}
	attributes, err := encode(item)
	if err != nil {
		return putRequest{write: w}, err
	}
	for name, value := range w.own() {
		attributes[name] = value
	}
	for name, value := range k.attributes() {
		attributes[name] = value
	}
	e, err := buildExpressions(w.cond, nil)
	return putRequest{w, e, attributes}, err
}

// Delete removes the item at k. That there was none is no error, unless a
// condition says so.
func (t *Table) Delete(ctx context.Context, k Key, opts ...WriteOption) error {
	w, e, err := t.conditional(k, opts)
	if err != nil {
		return fmt.Errorf("delete %s %s: %w", t.name, k, err)
	}
	out, err := t.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                           &t.name,
		Key:                                 w.key.attributes(),
		ConditionExpression:                 e.condition,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return failure("delete", t, k, err)
	}
	meterWrite(ctx, out.ConsumedCapacity)
	return nil
}

// conditional is a write that carries nothing but its condition.
func (t *Table) conditional(k Key, opts []WriteOption) (write, expressions, error) {
	w, err := newWrite(t, k, opts)
	if err != nil {
		return w, expressions{}, err
	}
	if len(w.own()) > 0 {
		return w, expressions{}, fmt.Errorf("it writes no item, so Expires and Indexed have no place")
	}
	e, err := buildExpressions(w.cond, nil)
	return w, e, err
}
