package table_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

type subject struct {
	Role string `json:"role"`
	N    int    `json:"n"`
}

var (
	host        = table.Key{PK: "MEETING#1", SK: "PARTICIPANT#ada"}
	guest       = table.Key{PK: "MEETING#1", SK: "PARTICIPANT#bob"}
	meeting     = table.Key{PK: "MEETING#1", SK: "META"}
	audit       = table.Key{PK: "AUDIT#1", SK: "1"}
	connection  = table.Key{PK: "CONNECTION#1", SK: "META"}
	subjectData = map[table.Key]subject{host: {"host", 1}, guest: {"observer", 1}, meeting: {"", 1}}
)

func seed(t *testing.T, tbl *table.Table) {
	t.Helper()
	for k, v := range subjectData {
		if err := tbl.Put(t.Context(), k, v); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTransaction(t *testing.T) {
	tables := tabletest.New(t)
	seed(t, tables.Data)
	tx := table.NewTx()
	tx.Put(tables.Audit, audit, subject{N: 7}, table.If(table.Absent()), table.Expires(inAYear))
	tx.Update(tables.Data, meeting, table.Update{Add: map[string]any{"n": 1}, If: table.Equals("n", 1)}, table.Named("meeting"))
	tx.Delete(tables.Data, guest, table.If(table.Exists()))
	tx.Check(tables.Data, host, table.Equals("role", "host"), table.Named("host"))
	if tx.Len() != 4 {
		t.Errorf("length %d", tx.Len())
	}
	for range 2 { // the second time has no effect
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantItem(t, tables.Audit, audit, subject{N: 7})
	wantItem(t, tables.Data, meeting, subject{N: 2})
	wantItem(t, tables.Data, host, subjectData[host])
	if _, err := table.Get[subject](t.Context(), tables.Data, guest); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("the guest is still there: %v", err)
	}
}

func wantItem(t *testing.T, tbl *table.Table, k table.Key, want subject) {
	t.Helper()
	got, err := table.Get[subject](t.Context(), tbl, k)
	if err != nil || got != want {
		t.Errorf("%s: got %+v (%v), want %+v", k, got, err, want)
	}
}

// A failure says which operations failed, with the item that was there, and
// nothing is written.
func TestTransactionFailures(t *testing.T) {
	tables := tabletest.New(t)
	seed(t, tables.Data)
	tests := []struct {
		name  string
		give  func(tx *table.Tx)
		wants []string
		old   []subject
	}{
		{"check", func(tx *table.Tx) {
			tx.Check(tables.Data, guest, table.Equals("role", "host"), table.Named("guest"))
		}, []string{"guest"}, []subject{{"observer", 1}}},
		{"put and update", func(tx *table.Tx) {
			tx.Put(tables.Data, host, subject{}, table.If(table.Absent()), table.Named("host"))
			tx.Check(tables.Data, guest, table.Exists(), table.Named("guest"))
			tx.Update(tables.Data, meeting, table.Update{Add: map[string]any{"n": 1}, If: table.Equals("n", 9)}, table.Named("meeting"))
		}, []string{"host", "meeting"}, []subject{{"host", 1}, {"", 1}}},
		{"delete of nothing", func(tx *table.Tx) {
			tx.Delete(tables.Realtime, connection, table.If(table.Exists()), table.Named("connection"))
		}, []string{"connection"}, []subject{{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tx := table.NewTx()
			tx.Put(tables.Audit, audit, subject{})
			test.give(tx)
			err := tx.Commit(t.Context())
			if !errors.Is(err, table.ErrConditionFailed) || errors.Is(err, table.ErrTransactionConflict) {
				t.Fatalf("got %v, want ErrConditionFailed", err)
			}
			cancelled, ok := errors.AsType[*table.TxError](err)
			if !ok {
				t.Fatalf("got %T", err)
			}
			var names []string
			var old []subject
			for _, f := range cancelled.Failures {
				var s subject
				if err := f.Decode(&s); err != nil && f.Found() {
					t.Error(err)
				}
				if f.Reason != table.ReasonCondition {
					t.Errorf("%s: %s", f.Name, f.Reason)
				}
				names, old = append(names, f.Name), append(old, s)
			}
			if diff := cmp.Diff(test.wants, names); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.old, old); diff != "" {
				t.Error(diff)
			}
			for _, name := range []string{"host", "guest", "meeting", "connection"} {
				if (table.FailedOp(err, name) != nil) != slices.Contains(test.wants, name) {
					t.Errorf("FailedOp(%s) is %v", name, table.FailedOp(err, name))
				}
			}
			if _, err := table.Get[subject](t.Context(), tables.Audit, audit); !errors.Is(err, table.ErrNotFound) {
				t.Errorf("the audit entry is written: %v", err)
			}
			wantItem(t, tables.Data, meeting, subjectData[meeting])
		})
	}
}

func TestRefusedTransactions(t *testing.T) {
	tables := tabletest.New(t)
	tests := map[string]func(tx *table.Tx){
		"empty": func(*table.Tx) {},
		"too long": func(tx *table.Tx) {
			for n := range 101 {
				tx.Put(tables.Data, table.Key{PK: "P", SK: fmt.Sprint(n)}, subject{})
			}
		},
		"check without condition": func(tx *table.Tx) { tx.Check(tables.Data, host, table.Condition{}) },
		"bad key":                 func(tx *table.Tx) { tx.Put(tables.Data, table.Key{}, subject{}) },
		"bad update":              func(tx *table.Tx) { tx.Update(tables.Data, host, table.Update{}) },
		"one item twice": func(tx *table.Tx) {
			tx.Put(tables.Data, host, subject{})
			tx.Delete(tables.Data, host)
		},
		"other client": func(tx *table.Tx) {
			tx.Put(tables.Data, host, subject{})
			other := table.NewClient(table.ClientConfig{Region: "us-east-1", AccessKeyID: "x", SecretAccessKey: "x", Endpoint: tables.Endpoint})
			tx.Put(table.New(other, tables.Log.Name()), host, subject{})
		},
	}
	for name, fill := range tests {
		t.Run(name, func(t *testing.T) {
			tx := table.NewTx()
			fill(tx)
			err := tx.Commit(t.Context())
			if err == nil || errors.Is(err, table.ErrConditionFailed) || errors.Is(err, table.ErrTransactionConflict) {
				t.Errorf("got %v, want a refusal", err)
			}
			page, err := table.List[subject](t.Context(), tables.Data, table.Query{PK: host.PK})
			if err != nil || len(page.Items) > 0 {
				t.Errorf("%d items are stored, %v", len(page.Items), err)
			}
		})
	}
}

func TestHundredOperations(t *testing.T) {
	tbl := tabletest.One(t)
	tx := table.NewTx()
	for n := range table.MaxTxOps {
		tx.Put(tbl, table.Key{PK: "P", SK: fmt.Sprintf("%03d", n)}, subject{N: n})
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := table.List[subject](t.Context(), tbl, table.Query{PK: "P", Limit: 1000})
	if err != nil || len(page.Items) != table.MaxTxOps {
		t.Errorf("%d items, %v", len(page.Items), err)
	}
}

// Transactions that move units between two accounts never make or lose any,
// and whoever loses a race is told so.
func TestRacingTransactions(t *testing.T) {
	tbl := tabletest.One(t)
	accounts := []table.Key{{PK: "ACCOUNT", SK: "a"}, {PK: "ACCOUNT", SK: "b"}}
	for _, k := range accounts {
		if err := tbl.Put(t.Context(), k, subject{N: 20}); err != nil {
			t.Fatal(err)
		}
	}
	var moved, refused atomic.Int32
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			from, to := accounts[i%2], accounts[(i+1)%2]
			for range 10 {
				tx := table.NewTx()
				tx.Update(tbl, from, table.Update{Add: map[string]any{"n": -9}, If: table.GreaterOrEqual("n", 9)}, table.Named("from"))
				tx.Update(tbl, to, table.Update{Add: map[string]any{"n": 9}}, table.Named("to"))
				err := tx.Commit(t.Context())
				switch {
				case err == nil:
					moved.Add(1)
				case errors.Is(err, table.ErrConditionFailed) && table.FailedOp(err, "from") != nil:
					refused.Add(1)
				case errors.Is(err, table.ErrTransactionConflict):
				default:
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	sum := 0
	for _, k := range accounts {
		got, err := table.Get[subject](t.Context(), tbl, k)
		if err != nil || got.N < 0 {
			t.Errorf("%s has %d, %v", k, got.N, err)
		}
		sum += got.N
	}
	if sum != 40 || moved.Load() == 0 {
		t.Errorf("40 units became %d in %d moves (%d refused)", sum, moved.Load(), refused.Load())
	}
}
