package table

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// MaxTxOps is the most operations that one transaction takes.
const MaxTxOps = 100

// Tx is a transaction: operations on different items, in any tables of one
// client, of which all or none happen. It costs twice the write units of its
// items. It is filled and committed by one goroutine. Mistakes made while
// filling it are reported by Commit.
type Tx struct {
	// token makes DynamoDB take a second sending of the same transaction,
	// within ten minutes, for the first.
	token string
	ops   []txOp
	err   error
}

type txOp struct {
	write
	item types.TransactWriteItem
}

// NewTx starts an empty transaction.
func NewTx() *Tx { return &Tx{token: rand.Text()} }

// Put adds writing a whole item; see Table.Put.
func (tx *Tx) Put(t *Table, k Key, item any, opts ...WriteOption) {
	put, err := t.put(k, item, opts)
	tx.add("put", put.write, err, types.TransactWriteItem{Put: &types.Put{
		TableName:                           &t.name,
		Item:                                put.item,
		ConditionExpression:                 put.condition,
		ExpressionAttributeNames:            put.names,
		ExpressionAttributeValues:           put.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}})
}

// Update adds changing attributes of an item; see Update.
func (tx *Tx) Update(t *Table, k Key, u Update, opts ...WriteOption) {
	w, e, err := t.update(k, u, opts)
	tx.add("update", w, err, types.TransactWriteItem{Update: &types.Update{
		TableName:                           &t.name,
		Key:                                 k.attributes(),
		UpdateExpression:                    e.update,
		ConditionExpression:                 e.condition,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}})
}

// Delete adds removing an item; see Table.Delete.
func (tx *Tx) Delete(t *Table, k Key, opts ...WriteOption) {
	w, e, err := t.conditional(k, opts)
	tx.add("delete", w, err, types.TransactWriteItem{Delete: &types.Delete{
		TableName:                           &t.name,
		Key:                                 k.attributes(),
		ConditionExpression:                 e.condition,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}})
}

// Check adds a condition on an item that the transaction does not write.
func (tx *Tx) Check(t *Table, k Key, c Condition, opts ...WriteOption) {
	w, e, err := t.conditional(k, append([]WriteOption{If(c)}, opts...))
	if err == nil && !w.cond.set {
		err = errors.New("the condition is missing")
	}
	tx.add("check", w, err, types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName:                           &t.name,
		Key:                                 k.attributes(),
		ConditionExpression:                 e.condition,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}})
}

func (tx *Tx) add(op string, w write, err error, item types.TransactWriteItem) {
	if err != nil {
		tx.err = errors.Join(tx.err, fmt.Errorf("%s %s %s: %w", op, w.table.name, w.key, err))
	}
	tx.ops = append(tx.ops, txOp{w, item})
}

// Len is the number of operations so far.
func (tx *Tx) Len() int { return len(tx.ops) }

// Commit makes all operations happen, or none and gives a *TxError where
// conditions failed (ErrConditionFailed) or where other transactions held an
// item at each of several tries (ErrTransactionConflict). Committing the same
// transaction again within ten minutes has no second effect.
func (tx *Tx) Commit(ctx context.Context) error {
	switch {
	case tx.err != nil:
		return fmt.Errorf("transaction: %w", tx.err)
	case len(tx.ops) == 0:
		return errors.New("transaction: it has no operations")
	case len(tx.ops) > MaxTxOps:
		return fmt.Errorf("transaction: it has %d operations, at most %d are allowed", len(tx.ops), MaxTxOps)
	}
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken:     &tx.token,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	for _, op := range tx.ops {
		if op.table.client != tx.ops[0].table.client {
			return errors.New("transaction: its tables have different clients")
		}
		in.TransactItems = append(in.TransactItems, op.item)
	}
	for try := 1; ; try++ {
		out, err := tx.ops[0].table.api.TransactWriteItems(ctx, in)
		if err == nil {
			meterWrite(ctx, each(out.ConsumedCapacity)...)
			return nil
		}
		failed := tx.failure(err)
		if try == maxTries || !again(failed) {
			return failed
		}
		if err := pause(ctx, try); err != nil {
			return errors.Join(failed, err)
		}
	}
}

// again tells whether a cancelled transaction may go through if it is sent
// again: nothing but passing obstacles stood in its way.
func again(err error) bool {
	cancelled, ok := errors.AsType[*TxError](err)
	if !ok {
		return false
	}
	for _, f := range cancelled.Failures {
		if f.Reason != ReasonConflict && f.Reason != ReasonThrottled {
			return false
		}
	}
	return len(cancelled.Failures) > 0
}

// Reason says why an operation stood in the way of its transaction.
type Reason string

// The reasons of cancelled operations. DynamoDB has others, which are bugs of
// the caller: an item too large, two operations on one item.
const (
	ReasonCondition Reason = "ConditionalCheckFailed"
	ReasonConflict  Reason = "TransactionConflict"
	ReasonThrottled Reason = "ThrottlingError"
)

// Failure is one operation that stood in the way.
type Failure struct {
	// Index is the operation's place in the transaction, from 0.
	Index  int
	Name   string
	Table  string
	Key    Key
	Reason Reason
	// Message is the table's own text, for the log.
	Message string
	// Old is the item that failed the condition.
	Old
}

// TxError says why a transaction was cancelled.
type TxError struct {
	// Failures are the operations that stood in the way, in their order.
	Failures []Failure
	cause    error
}

// Error lists the failures.
func (e *TxError) Error() string {
	texts := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		texts[i] = fmt.Sprintf("%s %s %s %s", f.Name, f.Table, f.Key, f.Reason)
		if f.Reason != ReasonCondition {
			texts[i] += " " + f.Message
		}
	}
	return "transaction cancelled: " + strings.Join(texts, "; ")
}

// Is makes the error match ErrConditionFailed where a condition failed, and
// otherwise ErrTransactionConflict or ErrOverloaded where that was the reason.
func (e *TxError) Is(target error) bool {
	switch target {
	case ErrConditionFailed:
		return e.has(ReasonCondition)
	case ErrTransactionConflict:
		return e.has(ReasonConflict) && !e.has(ReasonCondition)
	case ErrOverloaded:
		return e.has(ReasonThrottled) && !e.has(ReasonCondition)
	}
	return false
}

// Unwrap gives the SDK's error.
func (e *TxError) Unwrap() error { return e.cause }

func (e *TxError) has(r Reason) bool {
	for _, f := range e.Failures {
		if f.Reason == r {
			return true
		}
	}
	return false
}

// FailedOp is the failure of the operation with the name whose condition does
// not hold, or nil. An operation that only met a passing obstacle has refused
// nothing: that is ErrTransactionConflict or ErrOverloaded.
func (e *TxError) FailedOp(name string) *Failure {
	for i := range e.Failures {
		if e.Failures[i].Name == name && e.Failures[i].Reason == ReasonCondition {
			return &e.Failures[i]
		}
	}
	return nil
}

// FailedOp is the failure of the named operation in err, or nil where err is no
// cancelled transaction, or the operation's condition was not what failed.
func FailedOp(err error, name string) *Failure {
	if cancelled, ok := errors.AsType[*TxError](err); ok {
		return cancelled.FailedOp(name)
	}
	return nil
}

func (tx *Tx) failure(err error) error {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return fmt.Errorf("transaction: %w", err)
	}
	failed := &TxError{cause: err}
	for i, reason := range cancelled.CancellationReasons {
		code := aws.ToString(reason.Code)
		if code == "" || code == "None" || i >= len(tx.ops) {
			continue
		}
		if code == "ProvisionedThroughputExceeded" {
			code = string(ReasonThrottled)
		}
		op := tx.ops[i]
		failed.Failures = append(failed.Failures, Failure{
			Index: i, Name: op.name, Table: op.table.name, Key: op.key,
			Reason: Reason(code), Message: aws.ToString(reason.Message), Old: Old{reason.Item},
		})
	}
	return failed
}
