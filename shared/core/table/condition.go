package table

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Condition is what must hold of an item for a write to happen, or for a query
// to return it. The zero Condition always holds. An attribute may be a path
// such as `settings.open`.
//
// A comparison with an attribute that the item lacks does not hold, except
// NotEquals, which does.
type Condition struct {
	built expression.ConditionBuilder
	set   bool
	err   error
}

func holds(b expression.ConditionBuilder) Condition { return Condition{built: b, set: true} }

// Absent holds where there is no item at the key.
func Absent() Condition { return AttributeAbsent(AttrPK) }

// Exists holds where there is an item at the key.
func Exists() Condition { return AttributeExists(AttrPK) }

// AttributeAbsent holds where the item lacks the attribute, or is absent.
func AttributeAbsent(attr string) Condition {
	return holds(expression.AttributeNotExists(expression.Name(attr)))
}

// AttributeExists holds where the item has the attribute.
func AttributeExists(attr string) Condition {
	return holds(expression.AttributeExists(expression.Name(attr)))
}

// Equals holds where the attribute has the value.
func Equals(attr string, v any) Condition { return compare(expression.NameBuilder.Equal, attr, v) }

// NotEquals holds where the attribute has another value or is absent.
func NotEquals(attr string, v any) Condition {
	return compare(expression.NameBuilder.NotEqual, attr, v)
}

// Less holds where the attribute is of the value's kind and below it.
func Less(attr string, v any) Condition { return compare(expression.NameBuilder.LessThan, attr, v) }

// LessOrEqual holds where the attribute is of the value's kind and not above it.
func LessOrEqual(attr string, v any) Condition {
	return compare(expression.NameBuilder.LessThanEqual, attr, v)
}

// Greater holds where the attribute is of the value's kind and above it.
func Greater(attr string, v any) Condition {
	return compare(expression.NameBuilder.GreaterThan, attr, v)
}

// GreaterOrEqual holds where the attribute is of the value's kind and not below it.
func GreaterOrEqual(attr string, v any) Condition {
	return compare(expression.NameBuilder.GreaterThanEqual, attr, v)
}

func compare(op func(expression.NameBuilder, expression.OperandBuilder) expression.ConditionBuilder, attr string, v any) Condition {
	value, err := conditionValue(attr, v)
	if err != nil {
		return Condition{set: true, err: err}
	}
	return holds(op(expression.Name(attr), expression.Value(value)))
}

// Contains holds where the attribute is a set or list with the value in it, or
// a string with the value as a part.
func Contains(attr string, v any) Condition {
	value, err := conditionValue(attr, v)
	if err != nil {
		return Condition{set: true, err: err}
	}
	return holds(expression.Contains(expression.Name(attr), value))
}

// BeginsWith holds where the attribute is a string with the prefix.
func BeginsWith(attr, prefix string) Condition {
	return holds(expression.BeginsWith(expression.Name(attr), prefix))
}

// SizeLess holds where the attribute has fewer than n members (of a set, list
// or map), bytes (of a string in UTF-8, or binary). An absent attribute has no
// size: combine with AttributeAbsent.
func SizeLess(attr string, n int) Condition {
	return holds(expression.Name(attr).Size().LessThan(expression.Value(n)))
}

// And holds where all conditions hold; zero ones are left out.
func And(all ...Condition) Condition {
	var joined Condition
	for _, c := range all {
		switch {
		case !c.set:
		case c.err != nil:
			return c
		case !joined.set:
			joined = c
		default:
			joined = holds(expression.And(joined.built, c.built))
		}
	}
	return joined
}

// Or holds where one of the conditions holds. A zero one among them, or none at
// all, is an error.
func Or(either ...Condition) Condition {
	joined := Condition{set: true, err: errors.New("or: a condition is missing")}
	for i, c := range either {
		switch {
		case !c.set:
			return Condition{set: true, err: errors.New("or: a condition is missing")}
		case c.err != nil:
			return c
		case i == 0:
			joined = c
		default:
			joined = holds(expression.Or(joined.built, c.built))
		}
	}
	return joined
}

// Not holds where c does not. Not of the zero Condition is an error.
func Not(c Condition) Condition {
	if !c.set {
		return Condition{set: true, err: errors.New("not: a condition is missing")}
	}
	if c.err != nil {
		return c
	}
	return holds(expression.Not(c.built))
}

func conditionValue(attr string, v any) (types.AttributeValue, error) {
	value, err := encodeValue(v)
	if err != nil {
		return nil, fmt.Errorf("condition on %s: %w", attr, err)
	}
	if isNull(value) {
		return nil, fmt.Errorf("condition on %s: nothing is stored as null; use AttributeAbsent", attr)
	}
	return value, nil
}
