package table_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// person is stored under its json names, as an answer would be.
type person struct {
	Name    string            `json:"name"`
	Age     int               `json:"age,omitempty"`
	Joined  time.Time         `json:"joined"`
	Left    *time.Time        `json:"left"`
	Roles   table.StringSet   `json:"roles"`
	Photo   []byte            `json:"photo,omitempty"`
	Score   float64           `json:"score"`
	Address address           `json:"address"`
	Notes   []string          `json:"notes"`
	Labels  map[string]string `json:"labels"`
	Secret  string            `dynamodbav:"secret"`
}

type address struct {
	City string `json:"city"`
}

var at = table.Key{PK: "PERSON#ada", SK: "PROFILE"}

func ada() person {
	return person{
		Name: "Ada 𝒜", Age: 36, Joined: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC),
		Roles: table.StringSet{"host"}, Photo: []byte{0, 1, 255}, Score: 0.1,
		Address: address{"London"}, Notes: []string{"a", ""}, Labels: map[string]string{"k": ""}, Secret: "s",
	}
}

func TestPutThenGet(t *testing.T) {
	tbl := tabletest.One(t)
	early := time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("CET", 3600))
	tests := map[string]person{
		"full":  ada(),
		"empty": {},
		"set":   {Left: &early, Roles: table.StringSet{"a", "b"}},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tbl.Put(t.Context(), at, want); err != nil {
				t.Fatal(err)
			}
			for _, opts := range [][]table.ReadOption{nil, {table.Eventual()}} {
				got, err := table.Get[person](t.Context(), tbl, at, opts...)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestWhatIsStored(t *testing.T) {
	tbl := tabletest.One(t)
	expires := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	cet := time.Date(2026, 1, 1, 0, 30, 0, 5, time.FixedZone("CET", 3600))
	item := struct {
		When time.Time       `json:"when"`
		None *int            `json:"none"`
		Set  table.StringSet `json:"set"`
		Own  string          `json:"own" dynamodbav:"own"`
	}{When: cet}
	err := tbl.Put(t.Context(), at, item, table.Expires(expires), table.Indexed(table.Key{PK: "USER#1", SK: "x"}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Get[map[string]any](t.Context(), tbl, at)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"PK": at.PK, "SK": at.SK, "GSI1PK": "USER#1", "GSI1SK": "x", "ttl": float64(expires.Unix()),
		"when": "2025-12-31T23:30:00.000000005Z", "own": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGetWithoutAnItem(t *testing.T) {
	tbl := tabletest.One(t)
	if _, err := table.Get[person](t.Context(), tbl, at); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// What is wrong with a request is said before it is sent, and nothing is stored.
func TestRefusedRequests(t *testing.T) {
	tbl := tabletest.One(t)
	ctx := t.Context()
	long := func(n int) string { return fmt.Sprintf("%0*d", n, 1) }
	tests := []struct {
		name string
		give func() error
	}{
		{"empty PK", func() error { return tbl.Put(ctx, table.Key{SK: "x"}, person{}) }},
		{"empty SK", func() error { return tbl.Delete(ctx, table.Key{PK: "x"}) }},
		{"long PK", func() error { return tbl.Put(ctx, table.Key{PK: long(2049), SK: "x"}, person{}) }},
		{"long SK", func() error { _, err := table.Get[person](ctx, tbl, table.Key{PK: "x", SK: long(1025)}); return err }},
		{"beyond 400 KB", func() error { return tbl.Put(ctx, at, entry{Text: long(410_000)}) }},
		{"half an index", func() error { return tbl.Put(ctx, at, person{}, table.Indexed(table.Key{PK: "x"})) }},
		{"reserved attribute", func() error { return tbl.Put(ctx, at, map[string]any{"ttl": 1}) }},
		{"reserved attribute in update", func() error { return tbl.Update(ctx, at, table.Update{Set: map[string]any{"SK": "x"}}) }},
		{"tags disagree", func() error {
			return tbl.Put(ctx, at, struct {
				Secret string `json:"-" dynamodbav:"secret"`
			}{"lost"})
		}},
		{"tags disagree inside", func() error {
			type inner struct {
				A string `json:"a" dynamodbav:"b"`
			}
			return tbl.Put(ctx, at, map[string][]inner{"x": {{"lost"}}})
		}},
		{"condition on null", func() error { return tbl.Put(ctx, at, person{}, table.If(table.Equals("x", nil))) }},
		{"not of nothing", func() error { return tbl.Delete(ctx, at, table.If(table.Not(table.Condition{}))) }},
		{"or of nothing", func() error { return tbl.Delete(ctx, at, table.If(table.Or())) }},
		{"update of nothing", func() error { return tbl.Update(ctx, at, table.Update{}) }},
		{"add a word", func() error { return tbl.Update(ctx, at, table.Update{Add: map[string]any{"x": "y"}}) }},
		{"add no members", func() error { return tbl.Update(ctx, at, table.Update{Add: map[string]any{"x": []string{}}}) }},
		{"if absent nil", func() error { return tbl.Update(ctx, at, table.Update{SetIfAbsent: map[string]any{"x": nil}}) }},
		{"delete that expires", func() error { return tbl.Delete(ctx, at, table.Expires(time.Unix(1, 0))) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.give(); err == nil || errors.Is(err, table.ErrConditionFailed) {
				t.Errorf("got %v, want a refusal", err)
			}
			if _, err := table.Get[person](ctx, tbl, at); !errors.Is(err, table.ErrNotFound) {
				t.Errorf("something is stored: %v", err)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	tbl := tabletest.One(t)
	if err := tbl.Delete(t.Context(), at); err != nil {
		t.Errorf("delete nothing: %v", err)
	}
	if err := tbl.Delete(t.Context(), at, table.If(table.Exists())); !errors.Is(err, table.ErrConditionFailed) {
		t.Errorf("delete nothing that must exist: %v", err)
	}
	if err := tbl.Put(t.Context(), at, ada()); err != nil {
		t.Fatal(err)
	}
	if err := tbl.Delete(t.Context(), at, table.If(table.Exists())); err != nil {
		t.Error(err)
	}
	if _, err := table.Get[person](t.Context(), tbl, at); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

// A failed condition carries the item that stood in the way.
func TestConditionErrorHasTheOldItem(t *testing.T) {
	tbl := tabletest.One(t)
	writes := map[string]func(table.Condition) error{
		"put":    func(c table.Condition) error { return tbl.Put(t.Context(), at, person{}, table.If(c)) },
		"delete": func(c table.Condition) error { return tbl.Delete(t.Context(), at, table.If(c)) },
		"update": func(c table.Condition) error {
			return tbl.Update(t.Context(), at, table.Update{Set: map[string]any{"age": 1}, If: c})
		},
	}
	for op, write := range writes {
		failed, ok := errors.AsType[*table.ConditionError](write(table.Exists()))
		if !ok || failed.Found() || failed.Op != op || failed.Key != at || failed.Table != tbl.Name() {
			t.Errorf("%s without an item: %+v", op, failed)
		}
		if ok && !errors.Is(failed.Decode(&person{}), table.ErrNotFound) {
			t.Errorf("%s: an item that was not there is decoded", op)
		}
	}
	if err := tbl.Put(t.Context(), at, ada()); err != nil {
		t.Fatal(err)
	}
	for op, write := range writes {
		var old person
		failed, ok := errors.AsType[*table.ConditionError](write(table.Absent()))
		if !ok || !failed.Found() {
			t.Fatalf("%s: %+v", op, failed)
		}
		if err := failed.Decode(&old); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ada(), old); diff != "" {
			t.Errorf("%s: %s", op, diff)
		}
	}
}

func TestConditions(t *testing.T) {
	tbl := tabletest.One(t)
	item := map[string]any{
		"name": "Ada", "age": 36, "set": table.StringSet{"a", "b"}, "list": []string{"x"},
		"deep": map[string]any{"open": true}, "when": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if err := tbl.Put(t.Context(), at, item); err != nil {
		t.Fatal(err)
	}
	yes := func(c table.Condition) (table.Condition, bool) { return c, true }
	no := func(c table.Condition) (table.Condition, bool) { return c, false }
	type row struct {
		give  table.Condition
		holds bool
	}
	one := func(c table.Condition, holds bool) row { return row{c, holds} }
	tests := map[string]row{
		"none":                  one(yes(table.Condition{})),
		"exists":                one(yes(table.Exists())),
		"absent":                one(no(table.Absent())),
		"equals":                one(yes(table.Equals("name", "Ada"))),
		"equals other":          one(no(table.Equals("name", "ada"))),
		"equals other kind":     one(no(table.Equals("age", "36"))),
		"equals missing":        one(no(table.Equals("nothing", 1))),
		"equals time":           one(yes(table.Equals("when", time.Date(2026, 1, 1, 1, 0, 0, 0, time.FixedZone("", 3600))))),
		"equals path":           one(yes(table.Equals("deep.open", true))),
		"not equals":            one(yes(table.NotEquals("name", "Bob"))),
		"not equals same":       one(no(table.NotEquals("name", "Ada"))),
		"not equals missing":    one(yes(table.NotEquals("nothing", 1))),
		"less":                  one(yes(table.Less("age", 37))),
		"less same":             one(no(table.Less("age", 36))),
		"less missing":          one(no(table.Less("nothing", 36))),
		"less or equal":         one(yes(table.LessOrEqual("age", 36))),
		"less or equal above":   one(no(table.LessOrEqual("age", 35))),
		"greater":               one(yes(table.Greater("age", 35.5))),
		"greater same":          one(no(table.Greater("age", 36))),
		"greater or equal":      one(yes(table.GreaterOrEqual("age", 36))),
		"attribute exists":      one(yes(table.AttributeExists("deep.open"))),
		"attribute not there":   one(no(table.AttributeExists("deep.shut"))),
		"attribute absent":      one(yes(table.AttributeAbsent("nothing"))),
		"attribute there":       one(no(table.AttributeAbsent("age"))),
		"contains in set":       one(yes(table.Contains("set", "a"))),
		"contains not in set":   one(no(table.Contains("set", "c"))),
		"contains in list":      one(yes(table.Contains("list", "x"))),
		"contains in string":    one(yes(table.Contains("name", "da"))),
		"begins with":           one(yes(table.BeginsWith("name", "A"))),
		"begins with other":     one(no(table.BeginsWith("name", "a"))),
		"size less":             one(yes(table.SizeLess("set", 3))),
		"size not less":         one(no(table.SizeLess("set", 2))),
		"size of nothing":       one(no(table.SizeLess("nothing", 9))),
		"and":                   one(yes(table.And(table.Exists(), table.Less("age", 40), table.Condition{}))),
		"and one wrong":         one(no(table.And(table.Exists(), table.Less("age", 3)))),
		"or":                    one(yes(table.Or(table.Absent(), table.Less("age", 40)))),
		"or both wrong":         one(no(table.Or(table.Absent(), table.Less("age", 3)))),
		"not":                   one(yes(table.Not(table.Absent()))),
		"not of or":             one(no(table.Not(table.Or(table.Absent(), table.Exists())))),
		"size less, or missing": one(yes(table.Or(table.AttributeAbsent("nothing"), table.SizeLess("nothing", 3)))),
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := tbl.Update(t.Context(), at, table.Update{Set: map[string]any{"touched": name}, If: test.give})
			if test.holds && err != nil || !test.holds && !errors.Is(err, table.ErrConditionFailed) {
				t.Errorf("got %v, want it to hold: %v", err, test.holds)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	start := map[string]any{"n": 1, "set": table.StringSet{"a", "b"}, "word": "x", "deep": map[string]any{"n": 1}}
	tests := []struct {
		name string
		give table.Update
		want map[string]any
	}{
		{"set", table.Update{Set: map[string]any{"word": "y", "deep.n": 2}}, map[string]any{"word": "y", "deep": map[string]any{"n": 2.0}}},
		{"set nil", table.Update{Set: map[string]any{"word": (*string)(nil), "set": table.StringSet{}}}, map[string]any{"word": nil, "set": nil}},
		{"set if absent", table.Update{SetIfAbsent: map[string]any{"word": "y", "new": "z"}}, map[string]any{"new": "z"}},
		{"add", table.Update{Add: map[string]any{"n": 2, "m": -1.5}}, map[string]any{"n": 3.0, "m": -1.5}},
		{"add members", table.Update{Add: map[string]any{"set": []string{"b", "c"}, "other": table.StringSet{"q"}}}, map[string]any{"set": []string{"a", "b", "c"}, "other": []string{"q"}}},
		{"delete members", table.Update{DeleteFrom: map[string]any{"set": []string{"b", "z"}}}, map[string]any{"set": []string{"a"}}},
		{"delete all members", table.Update{DeleteFrom: map[string]any{"set": []string{"a", "b"}}}, map[string]any{"set": nil}},
		{"remove", table.Update{Remove: []string{"word", "nothing"}}, map[string]any{"word": nil}},
		{"unindex", table.Update{Unindex: true}, map[string]any{"GSI1PK": nil, "GSI1SK": nil}},
		{"keep forever", table.Update{KeepForever: true}, map[string]any{"ttl": nil}},
		{"all at once", table.Update{
			Set: map[string]any{"word": "y"}, Add: map[string]any{"n": 1},
			DeleteFrom: map[string]any{"set": []string{"a"}}, Remove: []string{"deep"}, If: table.Equals("n", 1),
		}, map[string]any{"word": "y", "n": 2.0, "set": []string{"b"}, "deep": nil}},
	}
	tbl := tabletest.One(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := tbl.Put(t.Context(), at, start, table.Expires(time.Unix(2e9, 0)), table.Indexed(table.Key{PK: "u", SK: "v"})); err != nil {
				t.Fatal(err)
			}
			returned, err := table.UpdateReturning[map[string]any](t.Context(), tbl, at, test.give)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"PK": at.PK, "SK": at.SK, "GSI1PK": "u", "GSI1SK": "v", "ttl": 2e9,
				"n": 1.0, "set": []string{"a", "b"}, "word": "x", "deep": map[string]any{"n": 1.0},
			}
			for name, value := range test.want {
				want[name] = value
				if value == nil {
					delete(want, name)
				}
			}
			if diff := cmp.Diff(want, returned); diff != "" {
				t.Error(diff)
			}
			stored, err := table.Get[map[string]any](t.Context(), tbl, at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, stored); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUpdateMakesAnItem(t *testing.T) {
	tbl := tabletest.One(t)
	err := tbl.Update(t.Context(), at, table.Update{Add: map[string]any{"n": 1}, If: table.Exists()})
	if !errors.Is(err, table.ErrConditionFailed) {
		t.Errorf("got %v, want ErrConditionFailed", err)
	}
	err = tbl.Update(t.Context(), at, table.Update{Add: map[string]any{"n": 1}},
		table.Indexed(table.Key{PK: "u", SK: "v"}), table.Expires(time.Unix(2e9, 0)), table.If(table.Absent()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Get[map[string]any](t.Context(), tbl, at)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"PK": at.PK, "SK": at.SK, "GSI1PK": "u", "GSI1SK": "v", "ttl": 2e9, "n": 1.0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Of many writers of one item that must be absent exactly one wins, and the
// losers see its item.
func TestRaceForAnItem(t *testing.T) {
	tbl := tabletest.One(t)
	const writers, rounds = 16, 10
	for round := range rounds {
		k := table.Key{PK: "RACE", SK: fmt.Sprint(round)}
		var wins atomic.Int32
		var winner atomic.Value
		losers := make(chan string, writers)
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() {
				me := fmt.Sprint(i)
				err := tbl.Put(t.Context(), k, map[string]string{"by": me}, table.If(table.Absent()))
				if err == nil {
					wins.Add(1)
					winner.Store(me)
					return
				}
				var old struct {
					By string `json:"by"`
				}
				failed, ok := errors.AsType[*table.ConditionError](err)
				if !ok || failed.Decode(&old) != nil {
					t.Errorf("a loser got %v", err)
				}
				losers <- old.By
			})
		}
		group.Wait()
		close(losers)
		if wins.Load() != 1 {
			t.Fatalf("%d writers won", wins.Load())
		}
		for by := range losers {
			if by != winner.Load() {
				t.Errorf("a loser saw %q, the winner is %q", by, winner.Load())
			}
		}
	}
}

func TestRaceOnARevision(t *testing.T) {
	tbl := tabletest.One(t)
	if err := tbl.Put(t.Context(), at, map[string]int{"revision": 0, "sum": 0}); err != nil {
		t.Fatal(err)
	}
	type counter struct{ Revision, Sum int }
	const writers, each = 8, 10
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for done := 0; done < each; {
				c, err := table.Get[counter](t.Context(), tbl, at)
				if err != nil {
					t.Error(err)
					return
				}
				err = tbl.Update(t.Context(), at, table.Update{
					Set: map[string]any{"sum": c.Sum + 1}, Add: map[string]any{"revision": 1},
					If: table.Equals("revision", c.Revision),
				})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, table.ErrConditionFailed):
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	got, err := table.Get[counter](t.Context(), tbl, at)
	if want := (counter{writers * each, writers * each}); err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}
