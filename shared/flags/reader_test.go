package flags_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/flags"
)

// fixture is the flags' table with who changes them, and a reader on a wire that can be
// cut, by a clock of its own.
type fixture struct {
	*flags.Service
	t      *testing.T
	tables *tabletest.Tables
	clock  *clock.Manual
	wire   *wire
	reader *flags.Reader
}

var root = caller.Caller{UserID: "user_root"}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables := tabletest.New(t)
	now := clock.NewManual(time.Date(2099, 6, 1, 12, 0, 0, 0, time.UTC))
	quiet := slog.New(slog.DiscardHandler)
	trail := audit.New(tables.Audit, now)
	w := &fixture{t: t, tables: tables, clock: now, wire: &wire{client: table.NewHTTP()}}
	w.Service = flags.New(flags.Parts{
		Data: tables.Data, Reader: flags.NewReader(tables.Data, now, quiet), Audit: trail, Once: idempotency.New(tables.Control, now), Clock: now,
	})
	w.thaw()
	return w
}

// thaw opens another instance of a function.
func (f *fixture) thaw() {
	f.t.Helper()
	client := table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "local", SecretAccessKey: "local", Endpoint: f.tables.Endpoint, HTTP: f.wire,
	})
	f.reader = flags.NewReader(table.New(client, f.tables.Data.Name()), f.clock, slog.New(slog.DiscardHandler))
}

// set changes the flag transcription.
func (f *fixture) set(in flags.UpdateRequest) flags.Flag {
	f.t.Helper()
	before, err := f.Get(f.t.Context(), root, flags.GetRequest{Key: "transcription"})
	if err != nil {
		f.t.Fatal(err)
	}
	in.Key, in.Revision, in.Reason = "transcription", before.Revision, "A test."
	after, _, err := f.Update(f.t.Context(), root, nil, in)
	if err != nil {
		f.t.Fatal(err)
	}
	return after
}

func (f *fixture) kill(kill bool) { f.t.Helper(); f.set(flags.UpdateRequest{Kill: &kill}) }

// served makes one variant what everybody gets.
func (f *fixture) served(variant string) {
	f.t.Helper()
	f.set(flags.UpdateRequest{Rules: []flags.Rule{{If: []flags.Condition{}, Serve: flags.Serve{Variant: variant}}}})
}

// want holds what the reader says, after a while.
func (f *fixture) want(after time.Duration, on bool, why string) {
	f.t.Helper()
	f.clock.Advance(after)
	if got := f.reader.Boolean(f.t.Context(), flags.Transcription, "user_ada"); got != on {
		f.t.Errorf("%s: on is %t", why, got)
	}
}

func TestKillsAreTrustedForASecond(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.want(0, true, "as declared")
	w.kill(true)
	w.want(999*time.Millisecond, true, "within the second")
	w.want(time.Millisecond, false, "a second old")
	w.kill(false)
	w.want(999*time.Millisecond, false, "within the second")
	w.want(time.Millisecond, true, "a second old")
	w.kill(true)
	w.want(24*time.Hour, false, "thawed a day later")
	w.kill(false)
	w.want(-time.Hour, true, "by a clock that was set back")
}

func TestAllElseIsTrustedForFiveSeconds(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.want(0, true, "as declared")
	w.served("off")
	for range 4 {
		w.want(time.Second, true, "within five seconds")
	}
	w.want(999*time.Millisecond, true, "within five seconds")
	w.want(time.Millisecond, false, "five seconds old")
	calls := w.wire.calls.Load()
	w.want(time.Minute, false, "nothing has changed")
	if got := w.wire.calls.Load() - calls; got != 1 {
		t.Errorf("%d calls where nothing has changed, want one", got)
	}
	w.want(999*time.Millisecond, false, "from memory")
	if got := w.wire.calls.Load() - calls; got != 1 {
		t.Errorf("%d calls within a second of the last", got-1)
	}
	w.served("on")
	w.want(24*time.Hour, true, "thawed a day later")
	w.served("off")
	if got := w.reader.Latest(t.Context()); got.Boolean(flags.Transcription, "user_ada") || got.Version() != 3 {
		t.Errorf("the latest is of version %d", got.Version())
	}
}

// Where the table can't be reached, what was known last holds, and where nothing was,
// what is declared for that; both are asked for again a second later.
func TestTheTableCantBeReached(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.wire.cut.Store(true)
	w.want(0, true, "nothing is known")
	if w.reader.Boolean(t.Context(), flags.AIInCall, "user_ada") {
		t.Error("a provider is called by who can't know that nobody killed its flag")
	}
	calls := w.wire.calls.Load()
	w.want(999*time.Millisecond, true, "nothing is known")
	if got := w.wire.calls.Load(); got != calls {
		t.Error("asked again within a second")
	}
	w.wire.cut.Store(false)
	w.want(time.Millisecond, true, "reached again")
	if !w.reader.Boolean(t.Context(), flags.AIInCall, "user_ada") {
		t.Error("what is declared as on is off")
	}
	w.wire.cut.Store(true)
	w.kill(true)
	w.want(time.Hour, true, "last known")
	w.wire.cut.Store(false)
	w.want(time.Second, false, "reached again")
	w.wire.cut.Store(true)
	w.kill(false)
	w.want(time.Hour, false, "last known: killed")
	w.wire.cut.Store(false)
	w.thaw()
	w.want(0, true, "another instance")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.clock.Advance(time.Hour)
	if !w.reader.Boolean(ctx, flags.Transcription, "user_ada") {
		t.Error("a call that is over changes what is known")
	}
}

// From memory the reader allocates nothing either.
func TestReadingAllocatesNothing(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.want(0, true, "as declared")
	if n := testing.AllocsPerRun(1000, func() { w.reader.Boolean(ctx, flags.Transcription, "user_ada") }); n != 0 {
		t.Errorf("asking the reader allocates %v times", n)
	}
}

// What can't be understood, of another release say, stays as it is declared, and takes
// no other flag with it.
func TestAFlagThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.kill(false) // nothing changes, nothing is stored
	w.served("off")
	for _, text := range []string{`{`, `{}`, `{"flag":{"key":"matching","type":"colour"}}`,
		`{"flag":{"key":"matching","type":"boolean","variants":{"on":true},"default":"on","rules":[{"if":[],"serve":{"weights":{"on":10000}}}]},"bucketing":{"algorithm":99}}`,
	} {
		item := map[string]any{"revision": 1, "record": text}
		if err := w.tables.Data.Put(t.Context(), table.Key{PK: "FLAGS#", SK: "FLAG#matching"}, item); err != nil {
			t.Fatal(err)
		}
		w.thaw()
		if !w.reader.Boolean(t.Context(), flags.Matching, "user_ada") || w.reader.Boolean(t.Context(), flags.Transcription, "user_ada") {
			t.Errorf("%s: matching, or transcription with it, is not what it was", text)
		}
	}
}

// wire carries the calls of a table, until it is cut.
type wire struct {
	client aws.HTTPClient
	cut    atomic.Bool
	calls  atomic.Int64
}

var errCut = errors.New("the wire is cut")

// Do implements aws.HTTPClient.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.calls.Add(1)
	if w.cut.Load() {
		return nil, errCut
	}
	return w.client.Do(r)
}
