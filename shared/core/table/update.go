package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Update changes some attributes of an item; an attribute stands in one of its
// parts only, and may be a path such as `settings.open`.
//
// Where there is no item, one is made of the parts: say If: Exists() where
// that is wrong.
type Update struct {
	// Set gives attributes values. Nil and an empty set remove the attribute.
	Set map[string]any
	// SetIfAbsent gives values to attributes that the item lacks.
	SetIfAbsent map[string]any
	// Add adds to a number, which starts from 0, or members to a string set.
	Add map[string]any
	// DeleteFrom takes members out of string sets; an emptied set is removed.
	DeleteFrom map[string]any
	// Remove removes attributes; those that the item lacks are no error.
	Remove []string
	// Unindex takes the item out of GSI1.
	Unindex bool
	// KeepForever removes the time at which the item expires.
	KeepForever bool
	If          Condition
}

// Update changes attributes of the item at k.
func (t *Table) Update(ctx context.Context, k Key, u Update, opts ...WriteOption) error {
	_, err := t.updateItem(ctx, k, u, types.ReturnValueNone, opts)
	return err
}

// UpdateReturning changes attributes of the item at k and gives the whole item
// as it is afterwards.
func UpdateReturning[T any](ctx context.Context, t *Table, k Key, u Update, opts ...WriteOption) (T, error) {
	var value T
	item, err := t.updateItem(ctx, k, u, types.ReturnValueAllNew, opts)
	if err != nil {
		return value, err
	}
	if err := decode(item, &value); err != nil {
		return value, fmt.Errorf("update %s %s: %w", t.name, k, err)
	}
	return value, nil
}

// UpdateReturningOld changes attributes of the item at k and gives the whole item
// as it was before: the zero value where there was none.
func UpdateReturningOld[T any](ctx context.Context, t *Table, k Key, u Update, opts ...WriteOption) (T, error) {
	var value T
	item, err := t.updateItem(ctx, k, u, types.ReturnValueAllOld, opts)
	if err != nil || len(item) == 0 {
		return value, err
	}
	if err := decode(item, &value); err != nil {
		return value, fmt.Errorf("update %s %s: %w", t.name, k, err)
	}
	return value, nil
}

func (t *Table) updateItem(ctx context.Context, k Key, u Update, answer types.ReturnValue, opts []WriteOption) (map[string]types.AttributeValue, error) {
	w, e, err := t.update(k, u, opts)
	if err != nil {
		return nil, fmt.Errorf("update %s %s: %w", t.name, k, err)
	}
	out, err := t.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &t.name,
		Key:                                 w.key.attributes(),
		UpdateExpression:                    e.update,
		ConditionExpression:                 e.condition,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValues:                        answer,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, failure("update", t, k, err)
	}
	meterWrite(ctx, out.ConsumedCapacity)
	return out.Attributes, nil
}

func (t *Table) update(k Key, u Update, opts []WriteOption) (write, expressions, error) {
	w, err := newWrite(t, k, append(slices.Clone(opts), If(u.If)))
	if err != nil {
		return w, expressions{}, err
	}
	builder, err := u.build(w)
	if err != nil {
		return w, expressions{}, err
	}
	e, err := buildExpressions(w.cond, &builder)
	return w, e, err
}

// build renders the parts in the order of their names, so that the same update
// is always the same request.
func (u Update) build(w write) (expression.UpdateBuilder, error) {
	var b expression.UpdateBuilder
	if len(u.Set)+len(u.SetIfAbsent)+len(u.Add)+len(u.DeleteFrom)+len(u.Remove)+len(w.own()) == 0 && !u.Unindex && !u.KeepForever {
		return b, errors.New("it changes nothing")
	}
	if err := u.checkNames(); err != nil {
		return b, err
	}
	for _, attr := range slices.Sorted(maps.Keys(u.Set)) {
		value, err := encodeValue(u.Set[attr])
		if err != nil {
			return b, fmt.Errorf("set %s: %w", attr, err)
		}
		if isNull(value) {
			b = b.Remove(expression.Name(attr))
			continue
		}
		b = b.Set(expression.Name(attr), expression.Value(value))
	}
	for _, attr := range slices.Sorted(maps.Keys(u.SetIfAbsent)) {
		value, err := encodeValue(u.SetIfAbsent[attr])
		if err != nil || isNull(value) {
			return b, fmt.Errorf("set %s if absent: it needs a value: %w", attr, err)
		}
		b = b.Set(expression.Name(attr), expression.IfNotExists(expression.Name(attr), expression.Value(value)))
	}
	for _, attr := range slices.Sorted(maps.Keys(u.Add)) {
		value, err := operand(u.Add[attr])
		if err != nil {
			return b, fmt.Errorf("add to %s: %w", attr, err)
		}
		b = b.Add(expression.Name(attr), expression.Value(value))
	}
	for _, attr := range slices.Sorted(maps.Keys(u.DeleteFrom)) {
		value, err := operand(u.DeleteFrom[attr])
		if err != nil {
			return b, fmt.Errorf("delete from %s: %w", attr, err)
		}
		b = b.Delete(expression.Name(attr), expression.Value(value))
	}
	for _, attr := range u.Remove {
		b = b.Remove(expression.Name(attr))
	}
	return u.buildOwn(b, w), nil
}

// buildOwn adds the attributes that the layer writes.
func (u Update) buildOwn(b expression.UpdateBuilder, w write) expression.UpdateBuilder {
	own := w.own()
	for _, attr := range slices.Sorted(maps.Keys(own)) {
		b = b.Set(expression.Name(attr), expression.Value(own[attr]))
	}
	if u.Unindex {
		b = b.Remove(expression.Name(AttrIndexPK)).Remove(expression.Name(AttrIndexSK))
	}
	if u.KeepForever {
		b = b.Remove(expression.Name(AttrExpires))
	}
	return b
}

func (u Update) checkNames() error {
	names := slices.Concat(slices.Collect(maps.Keys(u.Set)), slices.Collect(maps.Keys(u.SetIfAbsent)),
		slices.Collect(maps.Keys(u.Add)), slices.Collect(maps.Keys(u.DeleteFrom)), u.Remove)
	for _, reserved := range []string{AttrPK, AttrSK, AttrIndexPK, AttrIndexSK, AttrExpires} {
		if slices.Contains(names, reserved) {
			return fmt.Errorf("%s is written by the table itself", reserved)
		}
	}
	return nil
}

// operand is what ADD and DELETE take: a number or a set that is not empty.
func operand(v any) (types.AttributeValue, error) {
	if members, ok := v.([]string); ok {
		v = StringSet(members)
	}
	value, err := encodeValue(v)
	if err != nil {
		return nil, err
	}
	switch value.(type) {
	case *types.AttributeValueMemberN, *types.AttributeValueMemberSS, *types.AttributeValueMemberNS:
		return value, nil
	}
	return nil, fmt.Errorf("%T is neither a number nor a set with members", v)
}
