package table_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

func BenchmarkPut(b *testing.B) {
	tables := tabletest.New(b)
	item := entry{N: 1, Text: strings.Repeat("x", 500)}
	n := 0
	for b.Loop() {
		n++
		if err := tables.Log.Put(b.Context(), table.Key{PK: "P", SK: strconv.Itoa(n)}, item, table.If(table.Absent())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	tables := tabletest.New(b)
	if err := tables.Log.Put(b.Context(), at, entry{Text: strings.Repeat("x", 500)}); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := table.Get[entry](b.Context(), tables.Log, at); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkTransaction(b *testing.B) {
	tables := tabletest.New(b)
	n := 0
	for b.Loop() {
		n++
		id := strconv.Itoa(n)
		tx := table.NewTx()
		tx.Put(tables.Data, table.Key{PK: "P", SK: id}, entry{}, table.If(table.Absent()))
		tx.Put(tables.Audit, table.Key{PK: "P", SK: id}, entry{})
		if err := tx.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList50(b *testing.B) {
	tables := tabletest.New(b)
	for n := range 60 {
		if err := tables.Log.Put(b.Context(), table.Key{PK: "P", SK: strconv.Itoa(100 + n)}, entry{N: n, Text: strings.Repeat("x", 200)}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		page, err := table.List[entry](b.Context(), tables.Log, table.Query{PK: "P"})
		if err != nil || len(page.Items) != 50 {
			b.Fatal(len(page.Items), err)
		}
	}
}
