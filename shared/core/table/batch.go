package table

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The most items that one call takes.
const (
	MaxBatchGet   = 100
	maxBatchWrite = 25
)

// Lookup is one item to be read by BatchGet, and afterwards what was found.
type Lookup[T any] struct {
	Value T
	Found bool

	table *Table
	key   Key
}

// NewLookup asks for the item at k.
func NewLookup[T any](t *Table, k Key) *Lookup[T] { return &Lookup[T]{table: t, key: k} }

// Lookups is a Want of any type.
type Lookups interface {
	place() (*Table, Key)
	fill(item map[string]types.AttributeValue) error
}

func (w *Lookup[T]) place() (*Table, Key) { return w.table, w.key }

func (w *Lookup[T]) fill(item map[string]types.AttributeValue) error {
	if err := decode(item, &w.Value); err != nil {
		return fmt.Errorf("get %s %s: %w", w.table.name, w.key, err)
	}
	w.Found = true
	return nil
}

// itemRef is an item's table and key.
type itemRef struct {
	table string
	key   Key
}

// BatchGet reads up to 100 items, in any tables of one client, in one call:
// each strongly consistent, but not all as of one moment. What was not found is
// no error. Items that the table left over are asked for again a bounded number
// of times, then the error is ErrOverloaded.
func BatchGet(ctx context.Context, gets ...Lookups) error {
	if len(gets) == 0 {
		return nil
	}
	byPlace, request, err := batchRequest(gets)
	if err != nil {
		return fmt.Errorf("batch get: %w", err)
	}
	first, _ := gets[0].place()
	for try := 1; ; try++ {
		out, err := first.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems:           request,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return fmt.Errorf("batch get: %w", err)
		}
		meterRead(ctx, each(out.ConsumedCapacity)...)
		for name, items := range out.Responses {
			for _, item := range items {
				for _, w := range byPlace[itemRef{name, keyOf(item, AttrPK, AttrSK)}] {
					if err := w.fill(item); err != nil {
						return err
					}
				}
			}
		}
		if len(out.UnprocessedKeys) == 0 {
			return nil
		}
		if try == maxTries {
			return fmt.Errorf("batch get: %w", ErrOverloaded)
		}
		request = out.UnprocessedKeys
		if err := pause(ctx, try); err != nil {
			return fmt.Errorf("batch get: %w", err)
		}
	}
}

// batchRequest asks for each place once, since DynamoDB refuses doubles.
func batchRequest(gets []Lookups) (map[itemRef][]Lookups, map[string]types.KeysAndAttributes, error) {
	byPlace := map[itemRef][]Lookups{}
	request := map[string]types.KeysAndAttributes{}
	first, _ := gets[0].place()
	for _, w := range gets {
		t, k := w.place()
		if err := k.check(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", t.name, err)
		}
		if t.client != first.client {
			return nil, nil, errors.New("the tables have different clients")
		}
		at := itemRef{t.name, k}
		if byPlace[at] == nil {
			asked := request[t.name]
			asked.ConsistentRead = new(true)
			asked.Keys = append(asked.Keys, k.attributes())
			request[t.name] = asked
		}
		byPlace[at] = append(byPlace[at], w)
	}
	if len(byPlace) > MaxBatchGet {
		return nil, nil, fmt.Errorf("it asks for %d items, at most %d are allowed", len(byPlace), MaxBatchGet)
	}
	return byPlace, request, nil
}

// DeleteAll removes the items at the keys, 25 a call, without conditions. It
// isn't atomic: after an error some are gone; doing it again does no harm. Keys
// without an item are no error.
func (t *Table) DeleteAll(ctx context.Context, keys ...Key) error {
	if err := t.writeAll(ctx, nil, keys); err != nil {
		return fmt.Errorf("delete from %s: %w", t.name, err)
	}
	return nil
}

// Item is an item to be written at a key.
type Item struct {
	Key   Key
	Value any
}

// WriteAll writes items and removes others as DeleteAll does, together: 25 a
// call, at most 16 MB of them, without conditions and in no order. It isn't
// atomic: after an error some are done; doing it again does no harm. A key has
// one place in it.
func (t *Table) WriteAll(ctx context.Context, puts []Item, deletes ...Key) error {
	if err := t.writeAll(ctx, puts, deletes); err != nil {
		return fmt.Errorf("write to %s: %w", t.name, err)
	}
	return nil
}

func (t *Table) writeAll(ctx context.Context, puts []Item, deletes []Key) error {
	written, removed := map[Key]bool{}, map[Key]bool{}
	var requests []types.WriteRequest
	for _, item := range puts {
		put, err := t.put(item.Key, item.Value, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", item.Key, err)
		}
		if written[item.Key] {
			return fmt.Errorf("%s is written twice", item.Key)
		}
		written[item.Key] = true
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: put.item}})
	}
	for _, k := range deletes {
		if err := k.check(); err != nil {
			return err
		}
		if written[k] {
			return fmt.Errorf("%s is written and removed", k)
		}
		if removed[k] {
			continue
		}
		removed[k] = true
		requests = append(requests, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.attributes()}})
	}
	for len(requests) > 0 {
		n := min(len(requests), maxBatchWrite)
		if err := t.writeBatch(ctx, requests[:n]); err != nil {
			return err
		}
		requests = requests[n:]
	}
	return nil
}

func (t *Table) writeBatch(ctx context.Context, requests []types.WriteRequest) error {
	request := map[string][]types.WriteRequest{t.name: requests}
	for try := 1; ; try++ {
		out, err := t.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems:           request,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return err
		}
		meterWrite(ctx, each(out.ConsumedCapacity)...)
		if len(out.UnprocessedItems) == 0 {
			return nil
		}
		if try == maxTries {
			return ErrOverloaded
		}
		request = out.UnprocessedItems
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}
