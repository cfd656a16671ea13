package table_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// answering is a table whose every call gets the same answer; calls counts them.
func answering(t *testing.T, status int, body string) (tbl *table.Table, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return tableAt(server.URL, "T"), calls
}

func tableAt(endpoint, name string) *table.Table {
	return table.New(table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "x", SecretAccessKey: "x", Endpoint: endpoint,
	}), name)
}

func TestTriesAreBounded(t *testing.T) {
	const types = `{"__type":"com.amazonaws.dynamodb.v20120810#`
	put := func(tbl *table.Table) error { return tbl.Put(t.Context(), at, entry{}) }
	commit := func(tbl *table.Table) error {
		tx := table.NewTx()
		tx.Put(tbl, at, entry{}, table.Named("it"))
		tx.Check(tbl, host, table.Exists(), table.Named("other"))
		return tx.Commit(t.Context())
	}
	batch := func(tbl *table.Table) error {
		return table.BatchGet(t.Context(), table.NewLookup[entry](tbl, at))
	}
	deletes := func(tbl *table.Table) error { return tbl.DeleteAll(t.Context(), at) }
	const key = `{"PK":{"S":"PERSON#ada"},"SK":{"S":"PROFILE"}}`
	tests := []struct {
		name   string
		status int
		body   string
		give   func(*table.Table) error
		want   error
		calls  int32
	}{
		{"broken table", 500, types + `InternalServerError","message":"x"}`, put, nil, 3},
		{"throttled", 400, types + `ProvisionedThroughputExceededException","message":"x"}`, put, nil, 3},
		{"held by a transaction", 400, types + `TransactionConflictException","message":"x"}`, put, table.ErrTransactionConflict, 3},
		{"bad request", 400, types + `ValidationException","message":"x"}`, put, nil, 1},
		{"condition failed", 400, types + `ConditionalCheckFailedException","message":"x"}`, put, table.ErrConditionFailed, 1},
		{"transaction in conflict", 400, types + `TransactionCanceledException","Message":"x","CancellationReasons":[{"Code":"TransactionConflict","Message":"x"},{"Code":"None"}]}`, commit, table.ErrTransactionConflict, 5},
		{"transaction throttled", 400, types + `TransactionCanceledException","Message":"x","CancellationReasons":[{"Code":"None"},{"Code":"ThrottlingError","Message":"x"}]}`, commit, table.ErrOverloaded, 5},
		{"transaction in conflict, condition failed", 400, types + `TransactionCanceledException","Message":"x","CancellationReasons":[{"Code":"TransactionConflict","Message":"x"},{"Code":"ConditionalCheckFailed","Message":"x"}]}`, commit, table.ErrConditionFailed, 1},
		{"transaction refused", 400, types + `TransactionCanceledException","Message":"x","CancellationReasons":[{"Code":"ValidationError","Message":"too large"},{"Code":"None"}]}`, commit, nil, 1},
		{"left over reads", 200, `{"Responses":{},"UnprocessedKeys":{"T":{"ConsistentRead":true,"Keys":[` + key + `]}}}`, batch, table.ErrOverloaded, 5},
		{"left over deletes", 200, `{"UnprocessedItems":{"T":[{"DeleteRequest":{"Key":` + key + `}}]}}`, deletes, table.ErrOverloaded, 5},
	}
	outcomes := []error{table.ErrConditionFailed, table.ErrTransactionConflict, table.ErrOverloaded, table.ErrNotFound}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tbl, calls := answering(t, test.status, test.body)
			err := test.give(tbl)
			if err == nil {
				t.Fatal("no error")
			}
			for _, outcome := range outcomes {
				if errors.Is(err, outcome) != errors.Is(test.want, outcome) {
					t.Errorf("%v is %v: %v", err, outcome, errors.Is(err, outcome))
				}
			}
			if calls.Load() != test.calls {
				t.Errorf("%d calls, want %d", calls.Load(), test.calls)
			}
		})
	}
}

// Only a condition that does not hold is an operation's refusal: what a passing
// obstacle held up may be tried again.
func TestFailedOpIsAFailedCondition(t *testing.T) {
	tests := []struct {
		name    string
		reasons string
		want    string
	}{
		{"conflict", `{"Code":"TransactionConflict","Message":"x"},{"Code":"None"},{"Code":"None"}`, ""},
		{"throttled", `{"Code":"None"},{"Code":"ThrottlingError","Message":"x"},{"Code":"None"}`, ""},
		{"provisioned", `{"Code":"None"},{"Code":"ProvisionedThroughputExceeded","Message":"x"},{"Code":"None"}`, ""},
		{"all at once", `{"Code":"TransactionConflict"},{"Code":"ThrottlingError"},{"Code":"ConditionalCheckFailed"}`, "c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tbl, _ := answering(t, 400, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"x","CancellationReasons":[`+test.reasons+`]}`)
			tx := table.NewTx()
			tx.Put(tbl, at, entry{}, table.If(table.Absent()), table.Named("a"))
			tx.Check(tbl, host, table.Exists(), table.Named("b"))
			tx.Check(tbl, guest, table.Exists(), table.Named("c"))
			err := tx.Commit(t.Context())
			for _, name := range []string{"a", "b", "c"} {
				if got := table.FailedOp(err, name); (got != nil) != (name == test.want) {
					t.Errorf("FailedOp(%s) is %v of %v", name, got, err)
				}
			}
		})
	}
}

// losingAnswers leads to the engine of a table, but cuts the connection instead
// of giving the first answer to each call whose target ends in op.
func losingAnswers(t *testing.T, tables *tabletest.Tables, op string) (tbl *table.Table, lost *atomic.Int32) {
	t.Helper()
	behind, err := url.Parse(tables.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	lost = new(atomic.Int32)
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.Header.Get("X-Amz-Target"), "."+op) && lost.CompareAndSwap(0, 1) {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return tableAt(server.URL, tables.Data.Name()), lost
}

// A put whose answer was lost meets its own item, by which it can be told.
func TestLostAnswerOfAPut(t *testing.T) {
	tbl, lost := losingAnswers(t, tabletest.New(t), "PutItem")
	mine := entry{N: 1, Text: "mine"}
	err := tbl.Put(t.Context(), at, mine, table.If(table.Absent()))
	failed, ok := errors.AsType[*table.ConditionError](err)
	if !ok || lost.Load() != 1 {
		t.Fatalf("got %v after %d lost answers", err, lost.Load())
	}
	var there entry
	if err := failed.Decode(&there); err != nil || there != mine {
		t.Errorf("it met %+v, %v", there, err)
	}
}

// A transaction whose answer was lost is known by its token: it succeeds once.
func TestLostAnswerOfATransaction(t *testing.T) {
	tables := tabletest.New(t)
	tbl, lost := losingAnswers(t, tables, "TransactWriteItems")
	tx := table.NewTx()
	tx.Put(tbl, at, entry{}, table.If(table.Absent()))
	tx.Update(tbl, host, table.Update{Add: map[string]any{"n": 1}})
	if err := tx.Commit(t.Context()); err != nil || lost.Load() != 1 {
		t.Fatalf("got %v after %d lost answers", err, lost.Load())
	}
	wantItem(t, tables.Data, host, subject{N: 1})
}
