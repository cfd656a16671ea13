package table

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

var (
	// ErrConditionFailed is the normal outcome of a write whose condition did
	// not hold; nothing was written.
	ErrConditionFailed = errors.New("the condition does not hold")
	// ErrTransactionConflict says that another transaction held an item at
	// every try; nothing was written.
	ErrTransactionConflict = errors.New("another transaction holds the item")
	// ErrOverloaded says that the table did not get through its work in the
	// tries that a call has.
	ErrOverloaded = errors.New("the table is overloaded")
)

// ConditionError is the ErrConditionFailed of a single write, with the item
// that stood in the way.
//
// A call whose answer got lost on the wire is sent again, and may then meet
// its own write. Who must know compares that item with the one it wrote.
type ConditionError struct {
	Op    string
	Table string
	Key   Key
	Old
}

// Error names the operation and the item's place.
func (e *ConditionError) Error() string {
	return fmt.Sprintf("%s %s %s: %v", e.Op, e.Table, e.Key, ErrConditionFailed)
}

// Is makes the error match ErrConditionFailed.
func (e *ConditionError) Is(target error) bool { return target == ErrConditionFailed }

// Old is an item as it was before a write.
type Old struct {
	item map[string]types.AttributeValue
}

// Found reports whether there was an item.
func (o Old) Found() bool { return len(o.item) > 0 }

// Decode reads the item into the struct that v points to; ErrNotFound where
// there was none.
func (o Old) Decode(v any) error {
	if !o.Found() {
		return ErrNotFound
	}
	return decode(o.item, v)
}

// failure wraps an error of a write, turning a failed condition into a
// ConditionError.
func failure(op string, t *Table, k Key, err error) error {
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return &ConditionError{Op: op, Table: t.name, Key: k, Old: Old{failed.Item}}
	}
	if _, ok := errors.AsType[*types.TransactionConflictException](err); ok {
		return fmt.Errorf("%s %s %s: %w: %w", op, t.name, k, ErrTransactionConflict, err)
	}
	return fmt.Errorf("%s %s %s: %w", op, t.name, k, err)
}
