package table_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

var inAYear = time.Now().AddDate(1, 0, 0)

func TestBatchGetAcrossTables(t *testing.T) {
	tables := tabletest.New(t)
	seed(t, tables.Data)
	if err := tables.Realtime.Put(t.Context(), connection, entry{N: 5, Text: "open"}); err != nil {
		t.Fatal(err)
	}
	var (
		ada     = table.NewLookup[subject](tables.Data, host)
		again   = table.NewLookup[subject](tables.Data, host)
		conn    = table.NewLookup[entry](tables.Realtime, connection)
		missing = table.NewLookup[subject](tables.Control, host)
	)
	ctx, meter := table.WithMeter(t.Context())
	if err := table.BatchGet(ctx, ada, again, conn, missing); err != nil {
		t.Fatal(err)
	}
	if !ada.Found || ada.Value != subjectData[host] || again.Value != ada.Value || !again.Found {
		t.Errorf("got %+v and %+v", ada, again)
	}
	if !conn.Found || conn.Value != (entry{N: 5, Text: "open"}) {
		t.Errorf("got %+v", conn)
	}
	if missing.Found || missing.Value != (subject{}) {
		t.Errorf("got %+v", missing)
	}
	if meter.Calls() != 1 {
		t.Errorf("%d calls", meter.Calls())
	}
}

// A call answers 16 MB at most; what it leaves over is asked for again.
func TestBatchGetOfMuch(t *testing.T) {
	tbl := tabletest.One(t)
	text := strings.Repeat("x", 390_000)
	var wants []*table.Lookup[entry]
	var wanted []table.Lookups
	for n := range 60 {
		k := table.Key{PK: fmt.Sprint("BIG#", n), SK: "x"}
		if err := tbl.Put(t.Context(), k, entry{N: n, Text: text}); err != nil {
			t.Fatal(err)
		}
		wants = append(wants, table.NewLookup[entry](tbl, k))
		wanted = append(wanted, wants[n])
	}
	ctx, meter := table.WithMeter(t.Context())
	if err := table.BatchGet(ctx, wanted...); err != nil {
		t.Fatal(err)
	}
	for n, w := range wants {
		if !w.Found || w.Value.N != n || len(w.Value.Text) != len(text) {
			t.Fatalf("item %d: found %v", n, w.Found)
		}
	}
	if meter.Calls() != 2 {
		t.Errorf("%d calls for 23 MB", meter.Calls())
	}
}

func TestRefusedBatches(t *testing.T) {
	tbl := tabletest.One(t)
	var many []table.Lookups
	for n := range table.MaxBatchGet + 1 {
		many = append(many, table.NewLookup[entry](tbl, table.Key{PK: "P", SK: fmt.Sprint(n)}))
	}
	if err := table.BatchGet(t.Context(), many...); err == nil {
		t.Error("101 items are not refused")
	}
	if err := table.BatchGet(t.Context(), table.NewLookup[entry](tbl, table.Key{PK: "P"})); err == nil {
		t.Error("half a key is not refused")
	}
	if err := table.BatchGet(t.Context()); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

func TestDeleteAll(t *testing.T) {
	tbl := tabletest.One(t)
	var keys []table.Key
	for n := range 60 {
		k := table.Key{PK: "P", SK: fmt.Sprintf("%02d", n)}
		if err := tbl.Put(t.Context(), k, entry{N: n}); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k, k)
	}
	kept := keys[30]
	doomed := append(keys[:30:30], keys[32:]...)
	if err := tbl.DeleteAll(t.Context(), append(doomed, table.Key{PK: "no", SK: "such"})...); err != nil {
		t.Fatal(err)
	}
	page, err := table.List[entry](t.Context(), tbl, table.Query{PK: "P", Limit: 1000})
	if err != nil || len(page.Items) != 1 || page.Items[0].Key != kept {
		t.Errorf("left are %+v, %v", page.Items, err)
	}
	if err := tbl.DeleteAll(t.Context(), kept, table.Key{}); err == nil {
		t.Error("a bad key is not refused")
	}
	if _, err := table.Get[entry](t.Context(), tbl, kept); errors.Is(err, table.ErrNotFound) {
		t.Error("a refused call deleted something")
	}
}

func TestWriteAll(t *testing.T) {
	tbl := tabletest.One(t)
	keyOf := func(n int) table.Key { return table.Key{PK: "P", SK: fmt.Sprintf("%02d", n)} }
	var puts []table.Item
	for n := range 40 {
		puts = append(puts, table.Item{Key: keyOf(n), Value: entry{N: n}})
	}
	if err := tbl.WriteAll(t.Context(), puts); err != nil {
		t.Fatal(err)
	}
	var gone []table.Key
	for n := range 30 {
		gone = append(gone, keyOf(n), keyOf(n))
	}
	ctx, meter := table.WithMeter(t.Context())
	if err := tbl.WriteAll(ctx, []table.Item{{keyOf(35), entry{N: 350}}, {keyOf(50), entry{N: 50}}}, gone...); err != nil {
		t.Fatal(err)
	}
	if meter.Calls() != 2 || meter.Write() != 32 {
		t.Errorf("%d calls, %v write units", meter.Calls(), meter.Write())
	}
	page, err := table.List[entry](t.Context(), tbl, table.Query{PK: "P", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{}
	for _, n := range []int{30, 31, 32, 33, 34, 350, 36, 37, 38, 39, 50} {
		want = append(want, entry{N: n})
	}
	if diff := cmp.Diff(want, page.Values()); diff != "" {
		t.Error(diff)
	}
	for name, err := range map[string]error{
		"twice":               tbl.WriteAll(t.Context(), []table.Item{{keyOf(31), entry{}}, {keyOf(31), entry{}}}),
		"written and removed": tbl.WriteAll(t.Context(), []table.Item{{keyOf(31), entry{}}}, keyOf(31)),
		"no key":              tbl.WriteAll(t.Context(), []table.Item{{Value: entry{}}}, keyOf(31)),
		"no key to remove":    tbl.WriteAll(t.Context(), []table.Item{{keyOf(31), entry{}}}, table.Key{}),
	} {
		if err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	if left, err := table.Get[entry](t.Context(), tbl, keyOf(31)); err != nil || left.N != 31 {
		t.Errorf("a refused call left %+v, %v", left, err)
	}
}
