package table_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// The prices are DynamoDB's: 1 write unit a KB, 1 read unit for 4 KB read
// consistently, half of it otherwise, twice as much in transactions.
func TestCapacity(t *testing.T) {
	tables := tabletest.New(t)
	tbl := tables.Log // without an index, whose writes cost too
	small, big := entry{Text: strings.Repeat("x", 900)}, entry{Text: strings.Repeat("x", 2900)}
	k, k2 := table.Key{PK: "P", SK: "1"}, table.Key{PK: "P", SK: "2"}
	tests := []struct {
		name        string
		give        func(ctx context.Context) error
		read, write float64
	}{
		{"put 1 KB", func(ctx context.Context) error { return tbl.Put(ctx, k, small, table.If(table.Absent())) }, 0, 1},
		{"put 3 KB", func(ctx context.Context) error { return tbl.Put(ctx, k2, big) }, 0, 3},
		{"update", func(ctx context.Context) error {
			return tbl.Update(ctx, k, table.Update{Set: map[string]any{"n": 1}})
		}, 0, 1},
		{"get 1 KB", func(ctx context.Context) error { _, err := table.Get[entry](ctx, tbl, k); return err }, 1, 0},
		{"get 1 KB, eventually", func(ctx context.Context) error {
			_, err := table.Get[entry](ctx, tbl, k, table.Eventual())
			return err
		}, 0.5, 0},
		{"list of 4 KB", func(ctx context.Context) error {
			_, err := table.List[entry](ctx, tbl, table.Query{PK: "P"})
			return err
		}, 1, 0},
		{"list of 4 KB, eventually", func(ctx context.Context) error {
			_, err := table.List[entry](ctx, tbl, table.Query{PK: "P", Eventual: true})
			return err
		}, 0.5, 0},
		{"batch of 2", func(ctx context.Context) error {
			return table.BatchGet(ctx, table.NewLookup[entry](tbl, k), table.NewLookup[entry](tbl, k2))
		}, 2, 0},
		{"transaction of a put", func(ctx context.Context) error {
			tx := table.NewTx()
			tx.Put(tbl, table.Key{PK: "P", SK: "3"}, small)
			return tx.Commit(ctx)
		}, 0, 2},
		{"transaction of a put and a check", func(ctx context.Context) error {
			tx := table.NewTx()
			tx.Put(tbl, table.Key{PK: "P", SK: "4"}, small)
			tx.Check(tbl, k, table.Exists())
			return tx.Commit(ctx)
		}, 0, 2 + priceOfCheck(tables)},
		{"delete 1 KB", func(ctx context.Context) error { return tbl.Delete(ctx, k) }, 0, 1},
	}
	outer, sum := table.WithMeter(t.Context())
	var read, write float64
	for _, test := range tests {
		ctx, meter := table.WithMeter(outer)
		if err := test.give(ctx); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if meter.Read() != test.read || meter.Write() != test.write || meter.Calls() != 1 {
			t.Errorf("%s: %v read and %v write units in %d calls, want %v and %v in 1",
				test.name, meter.Read(), meter.Write(), meter.Calls(), test.read, test.write)
		}
		read, write = read+meter.Read(), write+meter.Write()
	}
	want := map[string]table.Capacity{tbl.Name(): {Read: read, Write: write}}
	if diff := cmp.Diff(want, sum.ByTable()); diff != "" {
		t.Error(diff)
	}
	if sum.Calls() != len(tests) {
		t.Errorf("%d calls", sum.Calls())
	}
}

// priceOfCheck is 2 units for 1 KB, except on DynamoDB Local, which forgets it.
func priceOfCheck(tables *tabletest.Tables) float64 {
	if tables.Engine == engine.DynamoDBLocal {
		return 0
	}
	return 2
}

func TestCapacityAcrossTables(t *testing.T) {
	tables := tabletest.New(t)
	ctx, meter := table.WithMeter(t.Context())
	tx := table.NewTx()
	tx.Put(tables.Log, at, entry{})
	tx.Put(tables.Audit, at, entry{Text: strings.Repeat("x", 1500)})
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	want := map[string]table.Capacity{tables.Log.Name(): {Write: 2}, tables.Audit.Name(): {Write: 4}}
	if diff := cmp.Diff(want, meter.ByTable()); diff != "" {
		t.Error(diff)
	}
}

func TestMeterOfManyGoroutines(t *testing.T) {
	tables := tabletest.New(t)
	ctx, meter := table.WithMeter(t.Context())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			inner, own := table.WithMeter(ctx)
			for n := range 5 {
				if err := tables.Log.Put(inner, table.Key{PK: fmt.Sprint(i), SK: fmt.Sprint(n)}, entry{}); err != nil {
					t.Error(err)
				}
			}
			if own.Write() != 5 {
				t.Errorf("inner meter: %v", own.Write())
			}
		})
	}
	group.Wait()
	if meter.Write() != 40 || meter.Calls() != 40 {
		t.Errorf("%v units in %d calls", meter.Write(), meter.Calls())
	}
}

// The end of its context ends a call at once.
func TestContextEndsACall(t *testing.T) {
	tbl := tabletest.One(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tbl.Put(ctx, at, entry{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
