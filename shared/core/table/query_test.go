package table_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit/engine"
)

type entry struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

// fill puts entries a#01, a#02 … b#01 … into a partition, and one into its
// neighbour, which no query may return.
func fill(t *testing.T, tbl *table.Table, pk string, perPrefix int) {
	t.Helper()
	put := func(k table.Key, n int) {
		if err := tbl.Put(t.Context(), k, entry{N: n}, table.Indexed(table.Key{PK: "INDEX#" + k.PK, SK: "by" + k.SK})); err != nil {
			t.Fatal(err)
		}
	}
	for _, prefix := range []string{"a#", "b#", "c#"} {
		for n := 1; n <= perPrefix; n++ {
			put(table.Key{PK: pk, SK: fmt.Sprintf("%s%02d", prefix, n)}, n)
		}
	}
	put(table.Key{PK: pk + "x", SK: "b#01"}, 99)
}

func sortKeys(rows []table.Row[entry]) []string {
	var keys []string
	for _, row := range rows {
		keys = append(keys, row.Key.SK)
	}
	return keys
}

func TestListBounds(t *testing.T) {
	tbl := tabletest.One(t)
	fill(t, tbl, "P", 3)
	all := []string{"a#01", "a#02", "a#03", "b#01", "b#02", "b#03", "c#01", "c#02", "c#03"}
	tests := []struct {
		name string
		give table.Query
		want []string
	}{
		{"all", table.Query{}, all},
		{"prefix", table.Query{Prefix: "b#"}, all[3:6]},
		{"prefix of none", table.Query{Prefix: "bb"}, nil},
		{"from", table.Query{From: "b#02"}, all[4:]},
		{"above", table.Query{Above: "b#02"}, all[5:]},
		{"to", table.Query{To: "b#02"}, all[:5]},
		{"below", table.Query{Below: "b#02"}, all[:4]},
		{"from to", table.Query{From: "a#03", To: "b#02"}, all[2:5]},
		{"above below", table.Query{Above: "a#03", Below: "b#02"}, all[3:4]},
		{"above below, between keys", table.Query{Above: "a#03x", Below: "b#02x"}, all[3:5]},
		{"above below nothing", table.Query{Above: "b#01", Below: "b#02"}, nil},
		{"above below itself", table.Query{Above: "b#01", Below: "b#01"}, nil},
		{"wrong way round", table.Query{From: "c", To: "a"}, nil},
		{"prefix above", table.Query{Prefix: "b#", Above: "b#01"}, all[4:6]},
		{"prefix from before it", table.Query{Prefix: "b#", From: "a"}, all[3:6]},
		{"prefix below", table.Query{Prefix: "b#", Below: "b#03"}, all[3:5]},
		{"prefix to behind it", table.Query{Prefix: "b#", To: "d"}, all[3:6]},
		{"prefix outside", table.Query{Prefix: "b#", Above: "c"}, nil},
		{"after", table.Query{After: "b#02"}, all[5:]},
		{"after what is gone", table.Query{After: "b#015"}, all[4:]},
		{"after the last", table.Query{After: "c#03"}, nil},
		{"prefix after", table.Query{Prefix: "b#", After: "b#02"}, all[5:6]},
		{"bounds after", table.Query{From: "a#02", Below: "c#01", After: "b#01"}, all[4:6]},
		{"limit", table.Query{Limit: 2}, all[:2]},
		{"limit at a bound", table.Query{Below: "a#03", Limit: 2}, all[:2]},
		{"eventual", table.Query{Eventual: true, Prefix: "a"}, all[:3]},
		{"filter", table.Query{Filter: table.Equals("n", 2)}, []string{"a#02", "b#02", "c#02"}},
		{"filter and limit", table.Query{Filter: table.Equals("n", 2), Limit: 2}, []string{"a#02", "b#02"}},
		{"filter of none", table.Query{Filter: table.Equals("n", 7)}, nil},
	}
	for _, test := range tests {
		for _, reverse := range []bool{false, true} {
			for _, index := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s reverse=%v index=%v", test.name, reverse, index), func(t *testing.T) {
					q, want := test.give, slices.Clone(test.want)
					q.PK, q.Reverse = "P", reverse
					if reverse {
						if q.After != "" || q.Limit != 0 {
							t.Skip("the case is of one direction")
						}
						slices.Reverse(want)
					}
					if index {
						q = onIndex(q)
					}
					page, err := table.List[entry](t.Context(), tbl, q)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, sortKeys(page.Items)); diff != "" {
						t.Error(diff)
					}
					if page.More() != (test.give.Limit != 0 && test.name != "limit at a bound") {
						t.Errorf("next is %q", page.Next)
					}
				})
			}
		}
	}
}

// onIndex asks the index for what q asks the table.
func onIndex(q table.Query) table.Query {
	q.Index = true
	q.PK = "INDEX#" + q.PK
	for _, bound := range []*string{&q.From, &q.To, &q.Above, &q.Below, &q.After} {
		if *bound != "" {
			*bound = "by" + *bound
		}
	}
	q.Prefix = "by" + q.Prefix
	q.Base = func(indexSK string) table.Key {
		return table.Key{PK: "P", SK: strings.TrimPrefix(indexSK, "by")}
	}
	return q
}

func TestListPages(t *testing.T) {
	tbl := tabletest.One(t)
	fill(t, tbl, "P", 7)
	whole, err := table.List[entry](t.Context(), tbl, table.Query{PK: "P"})
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []bool{false, true} {
		for _, reverse := range []bool{false, true} {
			for limit := 1; limit <= 22; limit++ {
				q := table.Query{PK: "P", Limit: limit, Reverse: reverse}
				if index {
					q = onIndex(q)
				}
				var got []string
				for pages := 0; ; pages++ {
					page, err := table.List[entry](t.Context(), tbl, q)
					if err != nil {
						t.Fatal(err)
					}
					if len(page.Items) == 0 || pages > 21 {
						t.Fatalf("limit %d: page %d has %d rows", limit, pages, len(page.Items))
					}
					got = append(got, sortKeys(page.Items)...)
					if !page.More() {
						break
					}
					q.After = page.Next
				}
				want := sortKeys(whole.Items)
				if reverse {
					slices.Reverse(want)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("limit %d, reverse %v, index %v: %s", limit, reverse, index, diff)
				}
			}
		}
	}
}

// A call looks at 1 MB at most; a list goes on until it has its rows.
func TestListBeyondAMegabyte(t *testing.T) {
	tables := tabletest.New(t)
	tbl := tables.Data
	const rows = 30
	text := strings.Repeat("x", 100_000)
	for n := range rows {
		if err := tbl.Put(t.Context(), table.Key{PK: "BIG", SK: fmt.Sprintf("%03d", n)}, entry{N: n, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		give  table.Query
		want  int
		calls int
	}{
		{"all", table.Query{}, rows, 3},
		{"limit", table.Query{Limit: 25}, 25, 3},
		{"bounds", table.Query{Above: "002", Below: "028"}, 25, 3},
		{"reverse", table.Query{Reverse: true, Limit: 12}, 12, 2},
		{"filter at the end", table.Query{Filter: table.Equals("n", rows-1)}, 1, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, meter := table.WithMeter(t.Context())
			test.give.PK = "BIG"
			page, err := table.List[entry](ctx, tbl, test.give)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) != test.want || page.More() != (test.give.Limit != 0) {
				t.Errorf("%d rows, next %q", len(page.Items), page.Next)
			}
			// DynamoDB Local counts what a filter lets through, not what it reads.
			if meter.Calls() != test.calls && !(tables.Engine == engine.DynamoDBLocal && test.name == "filter at the end") {
				t.Errorf("%d calls, want %d", meter.Calls(), test.calls)
			}
		})
	}
}

func TestFirst(t *testing.T) {
	tbl := tabletest.New(t).Log
	text := strings.Repeat("x", 7000)
	for n := range 5 {
		if err := tbl.Put(t.Context(), table.Key{PK: "P", SK: fmt.Sprint("a#", n)}, entry{N: n, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		give table.Query
		want int
		cost float64
	}{
		{"first", table.Query{}, 0, 2},
		{"newest", table.Query{Reverse: true}, 4, 2},
		{"above", table.Query{Above: "a#2"}, 3, 2},
		{"above and below", table.Query{Above: "a#2", Below: "a#4"}, 3, 6}, // reads both bounds
		{"newest below", table.Query{Below: "a#2", Reverse: true}, 1, 2},
		{"newest of the prefix at or before", table.Query{Prefix: "a#", To: "a#2", Reverse: true}, 2, 2},
		{"none", table.Query{Above: "a#4"}, -1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, meter := table.WithMeter(t.Context())
			test.give.PK = "P"
			row, err := table.First[entry](ctx, tbl, test.give)
			if test.want < 0 {
				if !errors.Is(err, table.ErrNotFound) {
					t.Errorf("got %v, %v", row.Key, err)
				}
				return
			}
			if err != nil || row.Value.N != test.want {
				t.Errorf("got %v, %v", row.Key, err)
			}
			if meter.Read() != test.cost {
				t.Errorf("%v read units, want %v", meter.Read(), test.cost)
			}
		})
	}
}

func TestRowsHaveTheirKeysAndValues(t *testing.T) {
	tbl := tabletest.One(t)
	fill(t, tbl, "P", 1)
	page, err := table.List[entry](t.Context(), tbl, table.Query{PK: "P", Prefix: "b"})
	if err != nil {
		t.Fatal(err)
	}
	want := []table.Row[entry]{{Key: table.Key{PK: "P", SK: "b#01"}, Index: table.Key{PK: "INDEX#P", SK: "byb#01"}, Value: entry{N: 1}}}
	if diff := cmp.Diff(want, page.Items); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]entry{{N: 1}}, page.Values()); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedLists(t *testing.T) {
	tbl := tabletest.One(t)
	fill(t, tbl, "P", 1)
	tests := []struct {
		name   string
		give   table.Query
		cursor bool
	}{
		{"no partition", table.Query{}, false},
		{"limit too low", table.Query{PK: "P", Limit: -1}, false},
		{"limit too high", table.Query{PK: "P", Limit: 1001}, false},
		{"two lower bounds", table.Query{PK: "P", From: "a", Above: "b"}, false},
		{"two upper bounds", table.Query{PK: "P", To: "a", Below: "b"}, false},
		{"index without base", table.Query{PK: "INDEX#P", Index: true, After: "by"}, false},
		{"after outside the prefix", table.Query{PK: "P", Prefix: "b#", After: "c#01"}, true},
		{"after below the bound", table.Query{PK: "P", From: "b#", After: "a#01"}, true},
		{"after above the bound", table.Query{PK: "P", Below: "b#", After: "c#01", Reverse: true}, true},
		{"after on the bound", table.Query{PK: "P", Above: "a#01", After: "a#01"}, true},
		{"after is no key", table.Query{PK: "P", After: "\xff"}, true},
		{"no base for it", table.Query{PK: "INDEX#P", Index: true, After: "by", Base: func(string) table.Key { return table.Key{} }}, true},
		{"bad filter", table.Query{PK: "P", Filter: table.Equals("n", nil)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := table.List[entry](t.Context(), tbl, test.give)
			if err == nil || errors.Is(err, table.ErrCursor) != test.cursor {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCursor(t *testing.T) {
	const list = "meetings/m1/participants"
	for _, sk := range []string{"PARTICIPANT#u1", "x", "𝒜 \x00", strings.Repeat("k", 1024)} {
		got, err := table.DecodeCursor(list, table.EncodeCursor(list, sk))
		if err != nil || got != sk {
			t.Errorf("%q comes back as %q, %v", sk, got, err)
		}
	}
	if c := table.EncodeCursor(list, ""); c != "" {
		t.Errorf("the end has cursor %q", c)
	}
	if sk, err := table.DecodeCursor(list, ""); sk != "" || err != nil {
		t.Errorf("the beginning is %q, %v", sk, err)
	}
	good := table.EncodeCursor(list, "PARTICIPANT#u1")
	tests := map[string]string{
		"other list":     table.EncodeCursor("meetings/m2/participants", "PARTICIPANT#u1"),
		"not base64":     good[:4] + "!" + good[5:],
		"padded":         good + "=",
		"cut":            good[:len(good)-2],
		"longer":         good + "AA",
		"other version":  "Ag" + good[2:],
		"only a version": "AQ",
		"too long":       strings.Repeat("A", 2000),
		"plain key":      "PARTICIPANT#u1",
		"a number":       "12",
	}
	for name, cursor := range tests {
		if sk, err := table.DecodeCursor(list, cursor); !errors.Is(err, table.ErrCursor) {
			t.Errorf("%s: got %q, %v", name, sk, err)
		}
	}
}

// No change of one character makes another cursor.
func TestTamperedCursors(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for range 2000 {
		sk := fmt.Sprintf("KEY#%d", random.IntN(1e6))
		cursor := []byte(table.EncodeCursor("list", sk))
		i, c := random.IntN(len(cursor)), alphabet[random.IntN(len(alphabet))]
		if cursor[i] == c {
			continue
		}
		cursor[i] = c
		if got, err := table.DecodeCursor("list", string(cursor)); !errors.Is(err, table.ErrCursor) {
			t.Fatalf("%s changed at %d is taken as %q (%v)", sk, i, got, err)
		}
	}
}
