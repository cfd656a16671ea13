package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// How many rows a list has.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
	// maxCalls bounds the calls of one List; each looks at up to 1 MB.
	maxCalls = 25
	// lastRune sorts behind whatever follows a prefix. No key contains it.
	lastRune = "\U0010FFFF"
)

// Query is a bounded walk through one partition, in the order of SK. With Index
// it is a partition of GSI1: PK and the bounds are then the index's.
type Query struct {
	PK string
	// Prefix is what every SK begins with. It can be combined with bounds.
	Prefix string
	// From and To bound SK and are part of the range; Above and Below bound it
	// and are not. At most one of From and Above, and one of To and Below.
	From, To, Above, Below string
	// Reverse walks from the greatest SK down.
	Reverse bool
	// Limit is the most rows to return: 50 where it is 0, at most 1000.
	Limit int
	// After is the SK that the list before ended at (Page.Next): the list goes
	// on behind it, in its own direction. Outside the bounds it is ErrCursor.
	After string
	// Index walks through GSI1 instead, which is eventually consistent.
	Index bool
	// Base gives the base table's key of an item from its GSI1SK. It is needed
	// to go on After in the index.
	Base func(indexSK string) Key
	// Eventual reads at half the price what may be a moment old.
	Eventual bool
	// Filter leaves rows out after they were read and paid for. A page may then
	// have few rows, or none, and still have a Next.
	Filter Condition
}

// Row is an item and where it lies.
type Row[T any] struct {
	Key Key
	// Index is the item's place in GSI1, zero where it isn't in it.
	Index Key
	Value T
}

// Page is a part of a list.
type Page[T any] struct {
	Items []Row[T]
	// Next is the SK (of the index where that was asked) to go on After, and ""
	// at the list's end.
	Next string
}

// More tells whether the list goes on.
func (p Page[T]) More() bool { return p.Next != "" }

// Values are the page's items alone.
func (p Page[T]) Values() []T {
	values := make([]T, len(p.Items))
	for i, row := range p.Items {
		values[i] = row.Value
	}
	return values
}

// List reads rows until the limit or the list's end, in as many calls as it
// takes, up to 25. Next is exact: it is set only where another row was seen, or
// where those calls were used up.
func List[T any](ctx context.Context, t *Table, q Query) (Page[T], error) {
	page, err := list[T](ctx, t, q, 1)
	if err != nil {
		return Page[T]{}, fmt.Errorf("list %s %s: %w", t.name, q.PK, err)
	}
	return page, nil
}

// First reads the first row of a list, and no row behind it: the cheapest way
// to the newest, with Reverse. ErrNotFound where the list is empty.
func First[T any](ctx context.Context, t *Table, q Query) (Row[T], error) {
	q.Limit = 1
	page, err := list[T](ctx, t, q, 0)
	if err == nil && len(page.Items) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Row[T]{}, fmt.Errorf("first of %s %s: %w", t.name, q.PK, err)
	}
	return page.Items[0], nil
}

// list reads up to the limit, and ahead rows more to see whether it goes on.
func list[T any](ctx context.Context, t *Table, q Query, ahead int) (Page[T], error) {
	var page Page[T]
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	r, err := q.bounds()
	if err != nil {
		return page, err
	}
	if r.high != "" && r.low > r.high {
		// Nothing can lie there, and DynamoDB refuses such a BETWEEN.
		return page, nil
	}
	in, err := q.input(t, r)
	if err != nil {
		return page, err
	}
	for range maxCalls {
		if !q.Filter.set {
			in.Limit = new(int32(q.Limit - len(page.Items) + ahead + r.excluded()))
		}
		out, err := t.api.Query(ctx, in)
		if err != nil {
			return page, err
		}
		meterRead(ctx, out.ConsumedCapacity)
		for _, item := range out.Items {
			row := Row[T]{Key: keyOf(item, AttrPK, AttrSK), Index: keyOf(item, AttrIndexPK, AttrIndexSK)}
			if sk := q.sortKey(row.Key, row.Index); sk == r.without[0] || sk == r.without[1] {
				continue
			}
			if len(page.Items) == q.Limit {
				last := page.Items[q.Limit-1]
				page.Next = q.sortKey(last.Key, last.Index)
				return page, nil
			}
			if err := decode(item, &row.Value); err != nil {
				return page, fmt.Errorf("%s: %w", row.Key, err)
			}
			page.Items = append(page.Items, row)
		}
		end := out.LastEvaluatedKey
		if len(end) == 0 {
			page.Next = ""
			return page, nil
		}
		in.ExclusiveStartKey = end
		page.Next = q.sortKey(keyOf(end, AttrPK, AttrSK), keyOf(end, AttrIndexPK, AttrIndexSK))
		if ahead == 0 && len(page.Items) == q.Limit {
			return page, nil
		}
	}
	return page, nil
}

func (q Query) sortKey(base, index Key) string {
	if q.Index {
		return index.SK
	}
	return base.SK
}

// span is the range of SK that is asked for. DynamoDB has one condition on SK,
// and BETWEEN includes both its ends, so of two ends those that are excluded
// are dropped from what it returns.
type span struct {
	low, high string
	without   [2]string
}

func (q Query) bounds() (span, error) {
	switch {
	case q.PK == "":
		return span{}, errors.New("its partition is missing")
	case q.Limit < 0 || q.Limit > MaxLimit:
		return span{}, fmt.Errorf("a limit of %d is outside 1 to %d", q.Limit, MaxLimit)
	case q.From != "" && q.Above != "" || q.To != "" && q.Below != "":
		return span{}, errors.New("it has two bounds on one side")
	case q.Filter.err != nil:
		return span{}, q.Filter.err
	}
	r := span{
		low:     max(q.Prefix, q.From, q.Above),
		high:    cmp.Or(q.To, q.Below),
		without: [2]string{q.Above, q.Below},
	}
	if q.Prefix != "" && (r.high == "" || r.high > q.Prefix+lastRune) {
		r.high = q.Prefix + lastRune
	}
	if q.After != "" && !r.contains(q.After) {
		return span{}, fmt.Errorf("%w: it lies outside the list", ErrCursor)
	}
	return r, nil
}

// contains tells whether a list may go on after sk; DynamoDB refuses a start
// outside the condition that it is asked with.
func (r span) contains(sk string) bool {
	if (r.low == "" || r.high == "") && (sk == r.without[0] || sk == r.without[1]) {
		return false
	}
	return sk >= r.low && (r.high == "" || sk <= r.high)
}

// excluded is how many rows may be read and dropped for lying on a bound.
func (r span) excluded() int {
	n := 0
	for _, sk := range r.without {
		if sk != "" && (sk == r.low && r.high != "" || sk == r.high && r.low != "") {
			n++
		}
	}
	return n
}

func (q Query) input(t *Table, r span) (*dynamodb.QueryInput, error) {
	pk, sk := AttrPK, AttrSK
	in := &dynamodb.QueryInput{
		TableName:              &t.name,
		ScanIndexForward:       new(!q.Reverse),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if q.Index {
		pk, sk = AttrIndexPK, AttrIndexSK
		in.IndexName = new(IndexName)
	} else {
		in.ConsistentRead = new(!q.Eventual)
	}
	names := map[string]string{"#pk": pk}
	values := map[string]types.AttributeValue{":pk": text(q.PK)}
	key := "#pk = :pk"
	// Written by hand: the SDK's builder takes as long for this as for the call.
	also := func(condition string, bounds ...string) {
		names["#sk"] = sk
		key += " AND " + condition
		for i, bound := range bounds {
			values[[...]string{":a", ":b"}[i]] = text(bound)
		}
	}
	switch {
	case q.Prefix != "" && r.low == q.Prefix && r.high == q.Prefix+lastRune:
		also("begins_with(#sk, :a)", q.Prefix)
	case r.low != "" && r.high != "":
		also("#sk BETWEEN :a AND :b", r.low, r.high)
	case q.Above != "":
		also("#sk > :a", r.low)
	case q.From != "":
		also("#sk >= :a", r.low)
	case q.Below != "":
		also("#sk < :a", r.high)
	case q.To != "":
		also("#sk <= :a", r.high)
	}
	if q.Filter.set {
		filter, err := expression.NewBuilder().WithFilter(q.Filter.built).Build()
		if err != nil {
			return nil, err
		}
		in.FilterExpression = filter.Filter()
		maps.Copy(names, filter.Names())
		maps.Copy(values, filter.Values())
	}
	in.KeyConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues = &key, names, values
	var err error
	in.ExclusiveStartKey, err = q.start()
	return in, err
}

// start is the key behind which the list goes on. Its partition is the query's
// own, whatever After was made of.
func (q Query) start() (map[string]types.AttributeValue, error) {
	if q.After == "" {
		return nil, nil
	}
	base := Key{q.PK, q.After}
	if q.Index {
		if q.Base == nil {
			return nil, errors.New("going on in the index needs Base")
		}
		base = q.Base(q.After)
	}
	if err := base.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCursor, err)
	}
	if !q.Index {
		return base.attributes(), nil
	}
	start := base.attributes()
	start[AttrIndexPK] = text(q.PK)
	start[AttrIndexSK] = text(q.After)
	return start, nil
}
