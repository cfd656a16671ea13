package table

import (
	"context"
	"maps"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Capacity is a number of consumed units. A write unit is 1 KB written, two in
// a transaction; a read unit is 4 KB read consistently, half of that otherwise.
type Capacity struct{ Read, Write float64 }

// Meter sums the capacity that the calls of a context consumed, as the table
// reports it. A write that failed its condition consumes units too, but the
// table doesn't say how many, so they are missing. It is safe for concurrent
// use.
type Meter struct {
	outer  *Meter
	mu     sync.Mutex
	tables map[string]Capacity
	calls  int
}

type meterKey struct{}

// WithMeter gives a context whose calls are summed in the meter, and in the
// meters of the contexts around it.
func WithMeter(ctx context.Context) (context.Context, *Meter) {
	outer, _ := ctx.Value(meterKey{}).(*Meter)
	m := &Meter{outer: outer, tables: map[string]Capacity{}}
	return context.WithValue(ctx, meterKey{}, m), m
}

// Read is the number of read units.
func (m *Meter) Read() float64 { return m.total().Read }

// Write is the number of write units.
func (m *Meter) Write() float64 { return m.total().Write }

// Calls is the number of calls that succeeded; the SDK's own retries count as
// one.
func (m *Meter) Calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// ByTable is the capacity of each table that was used, by its physical name.
func (m *Meter) ByTable() map[string]Capacity {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.tables)
}

func (m *Meter) total() Capacity {
	var sum Capacity
	for _, c := range m.ByTable() {
		sum.Read += c.Read
		sum.Write += c.Write
	}
	return sum
}

func (m *Meter) add(table string, c Capacity) {
	for ; m != nil; m = m.outer {
		m.mu.Lock()
		sum := m.tables[table]
		m.tables[table] = Capacity{Read: sum.Read + c.Read, Write: sum.Write + c.Write}
		m.mu.Unlock()
	}
}

func (m *Meter) called() {
	for ; m != nil; m = m.outer {
		m.mu.Lock()
		m.calls++
		m.mu.Unlock()
	}
}

// meterRead records a call that read; it may report several tables.
func meterRead(ctx context.Context, consumed ...*types.ConsumedCapacity) {
	record(ctx, consumed, func(units float64) Capacity { return Capacity{Read: units} })
}

// meterWrite records a call that wrote.
func meterWrite(ctx context.Context, consumed ...*types.ConsumedCapacity) {
	record(ctx, consumed, func(units float64) Capacity { return Capacity{Write: units} })
}

func record(ctx context.Context, consumed []*types.ConsumedCapacity, as func(units float64) Capacity) {
	m, ok := ctx.Value(meterKey{}).(*Meter)
	if !ok {
		return
	}
	m.called()
	for _, c := range consumed {
		if c == nil {
			continue
		}
		used := as(aws.ToFloat64(c.CapacityUnits))
		// A transaction that was sent again reports reads, and says so.
		if c.ReadCapacityUnits != nil || c.WriteCapacityUnits != nil {
			used = Capacity{Read: aws.ToFloat64(c.ReadCapacityUnits), Write: aws.ToFloat64(c.WriteCapacityUnits)}
		}
		m.add(aws.ToString(c.TableName), used)
	}
}

// each points to the reports of a call that used several tables.
func each(consumed []types.ConsumedCapacity) []*types.ConsumedCapacity {
	pointers := make([]*types.ConsumedCapacity, len(consumed))
	for i := range consumed {
		pointers[i] = &consumed[i]
	}
	return pointers
}
