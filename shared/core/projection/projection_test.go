package projection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/table"
)

// handler handles the records that it is made to, or all.
type handler struct {
	name    string
	handles func(table.Record) bool
	handle  func(context.Context, []table.Record) map[string]error
}

func (h handler) Name() string { return h.name }

func (h handler) Handles(r table.Record) bool { return h.handles == nil || h.handles(r) }

func (h handler) Handle(ctx context.Context, records []table.Record) map[string]error {
	if h.handle == nil {
		return nil
	}
	return h.handle(ctx, records)
}

// of handles the records of a partition.
func of(pk string) func(table.Record) bool {
	return func(r table.Record) bool { return r.Key.PK == pk }
}

// batch is one record for each partition, numbered from 1.
func batch(pks ...string) []table.Record {
	var all []table.Record
	for i, pk := range pks {
		all = append(all, table.Record{ID: fmt.Sprint(i + 1), Event: table.Insert, Key: table.Key{PK: pk, SK: "x"}})
	}
	return all
}

func ids(records []table.Record) []string {
	all := []string{}
	for _, r := range records {
		all = append(all, r.ID)
	}
	return all
}

func open(t *testing.T, handlers ...Handler) *Reader {
	t.Helper()
	r, err := NewReader(slog.New(slog.DiscardHandler), handlers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func messages(failed map[string]error) map[string]string {
	all := map[string]string{}
	for id, err := range failed {
		all[id] = err.Error()
	}
	return all
}

var errNo = errors.New("no")

func TestFailuresBelongToTheirHandlers(t *testing.T) {
	t.Parallel()
	fail := func(failing ...string) func(context.Context, []table.Record) map[string]error {
		return func(context.Context, []table.Record) map[string]error {
			failed := map[string]error{}
			for _, id := range failing {
				failed[id] = errNo
			}
			return failed
		}
	}
	boom := func(context.Context, []table.Record) map[string]error { panic("boom") }
	tests := []struct {
		name     string
		handlers []Handler
		want     map[string]string
	}{
		{"no handler", nil, map[string]string{}},
		{"nobody fails", []Handler{handler{name: "one"}, handler{name: "two"}}, map[string]string{}},
		{"one fails at a record", []Handler{handler{name: "one", handle: fail("2")}, handler{name: "two"}}, map[string]string{"2": "one: no"}},
		{"two fail at a record, in the order of the list", []Handler{handler{name: "one", handle: fail("2", "3")}, handler{name: "two", handle: fail("2")}},
			map[string]string{"2": "one: no\ntwo: no", "3": "one: no"}},
		{"a panic fails the handler's own records", []Handler{handler{name: "one", handles: of("a"), handle: boom}, handler{name: "two", handle: fail("2")}},
			map[string]string{"1": "one: panic: boom", "3": "one: panic: boom", "2": "two: no"}},
		{"a panic while asking fails that record", []Handler{handler{name: "one", handles: func(r table.Record) bool {
			if r.ID == "2" {
				panic("boom")
			}
			return true
		}}, handler{name: "two"}}, map[string]string{"2": "one: panic: boom"}},
		{"a nil reason is no failure", []Handler{handler{name: "one", handle: func(context.Context, []table.Record) map[string]error {
			return map[string]error{"1": nil}
		}}}, map[string]string{}},
		{"an unknown record fails all that were given", []Handler{handler{name: "one", handles: of("a"), handle: fail("2")}, handler{name: "two"}},
			map[string]string{"1": `one: failed at record "2", which it was not given: no`, "3": `one: failed at record "2", which it was not given: no`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := messages(open(t, tt.handlers...).Project(t.Context(), batch("a", "b", "a")))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Handlers see their own records, in order, and aren't called without any.
func TestHandlersGetWhatTheyHandle(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string][]string{}
	note := func(name string) func(context.Context, []table.Record) map[string]error {
		return func(_ context.Context, records []table.Record) map[string]error {
			mu.Lock()
			defer mu.Unlock()
			got[name] = ids(records)
			return nil
		}
	}
	r := open(t, handler{name: "all", handle: note("all")}, handler{name: "a", handles: of("a"), handle: note("a")}, handler{name: "none", handles: of("none"), handle: note("none")})
	r.Project(t.Context(), batch("a", "b", "a", "c"))
	if diff := cmp.Diff(map[string][]string{"all": {"1", "2", "3", "4"}, "a": {"1", "3"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Any handlers with any failures: the reader fails what some handler that handles a
// record failed at, and nothing else.
func TestFailuresAreTheUnion(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		records := batch(slices.Repeat([]string{"x"}, random.IntN(20))...)
		want := map[string]string{}
		var handlers []Handler
		for n := range random.IntN(6) {
			name := fmt.Sprint("h", n)
			handled, failing := map[string]bool{}, map[string]error{}
			dies := random.IntN(8) == 0
			for _, r := range records {
				handled[r.ID] = random.IntN(2) == 0
				var reason string
				switch {
				case !handled[r.ID]:
					continue
				case dies:
					reason = "panic: boom"
				case random.IntN(4) == 0:
					reason, failing[r.ID] = "no", errNo
				default:
					continue
				}
				want[r.ID] = strings.TrimPrefix(want[r.ID]+"\n"+name+": "+reason, "\n")
			}
			handlers = append(handlers, handler{
				name:    name,
				handles: func(r table.Record) bool { return handled[r.ID] },
				handle: func(context.Context, []table.Record) map[string]error {
					if dies {
						panic("boom")
					}
					return failing
				},
			})
		}
		if diff := cmp.Diff(want, messages(open(t, handlers...).Project(t.Context(), records))); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// A handler that waits holds up nobody, wherever in the list it stands.
func TestWaitingHandlerHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		done := map[string]time.Duration{}
		after := func(name string, wait time.Duration) Handler {
			return handler{name: name, handle: func(context.Context, []table.Record) map[string]error {
				time.Sleep(wait)
				mu.Lock()
				defer mu.Unlock()
				done[name] = time.Since(began)
				return nil
			}}
		}
		var handlers []Handler
		want := map[string]time.Duration{}
		for n := range maxHandlers {
			name := fmt.Sprint("h", n)
			want[name] = time.Duration(maxHandlers-n) * time.Second
			handlers = append(handlers, after(name, want[name]))
		}
		open(t, handlers...).Project(t.Context(), batch("a"))
		if diff := cmp.Diff(want, done); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A handler that is stopped before the call's deadline fails its own records, and
// the call still answers for the others.
func TestSlowHandlerIsStoppedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		slow := handler{name: "slow", handles: of("a"), handle: func(ctx context.Context, records []table.Record) map[string]error {
			<-ctx.Done()
			return map[string]error{records[0].ID: ctx.Err()}
		}}
		got := messages(open(t, slow, handler{name: "quick"}).Project(ctx, batch("a", "b")))
		if diff := cmp.Diff(map[string]string{"1": "slow: context deadline exceeded"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if ctx.Err() != nil {
			t.Error("the call's own time is over")
		}
	})
}

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	r, err := NewReader(slog.New(slog.NewJSONHandler(&lines, nil)), handler{name: "notes/snapshots", handle: func(context.Context, []table.Record) map[string]error {
		panic("boom")
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.Project(t.Context(), batch("a"))
	for _, want := range []string{`"handler":"notes/snapshots"`, `"error":"panic: boom"`, "projection_test.go"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("the line lacks %s: %s", want, &lines)
		}
	}
}

func TestReadersRefuseHandlersThatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	many := make([]Handler, maxHandlers+1)
	for i := range many {
		many[i] = handler{name: fmt.Sprint(i)}
	}
	for name, handlers := range map[string][]Handler{
		"a name twice": {handler{name: "one"}, handler{name: "one"}}, "no name": {handler{}}, "too many": many,
	} {
		if _, err := NewReader(slog.New(slog.DiscardHandler), handlers...); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
