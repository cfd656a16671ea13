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
	wire   *faultyClient
	reader *flags.Reader
}

var root = caller.Caller{UserID: "user_root"}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables := tabletest.New(t)
	now := clock.NewManual(time.Date(2099, 6, 1, 12, 0, 0, 0, time.UTC))
	quiet := slog.New(slog.DiscardHandler)
	trail := audit.New(tables.Audit, now)
	f := &fixture{t: t, tables: tables, clock: now, wire: &faultyClient{client: table.NewHTTP()}}
	f.Service = flags.New(flags.Dependencies{
		Data: tables.Data, Reader: flags.NewReader(tables.Data, now, quiet), Audit: trail, Idempotency: idempotency.New(tables.Control, now), Clock: now,
	})
	f.newInstance()
	return f
}

// newInstance opens another instance of a function.
func (f *fixture) newInstance() {
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
	f := newFixture(t)
	f.want(0, true, "as declared")
	f.kill(true)
	f.want(999*time.Millisecond, true, "within the second")
	f.want(time.Millisecond, false, "a second old")
	f.kill(false)
	f.want(999*time.Millisecond, false, "within the second")
	f.want(time.Millisecond, true, "a second old")
	f.kill(true)
	f.want(24*time.Hour, false, "thawed a day later")
	f.kill(false)
	f.want(-time.Hour, true, "by a clock that was set back")
}

func TestAllElseIsTrustedForFiveSeconds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.want(0, true, "as declared")
	f.served("off")
	for range 4 {
		f.want(time.Second, true, "within five seconds")
	}
	f.want(999*time.Millisecond, true, "within five seconds")
	f.want(time.Millisecond, false, "five seconds old")
	calls := f.wire.calls.Load()
	f.want(time.Minute, false, "nothing has changed")
	if got := f.wire.calls.Load() - calls; got != 1 {
		t.Errorf("%d calls where nothing has changed, want one", got)
	}
	f.want(999*time.Millisecond, false, "from memory")
	if got := f.wire.calls.Load() - calls; got != 1 {
		t.Errorf("%d calls within a second of the last", got-1)
	}
	f.served("on")
	f.want(24*time.Hour, true, "thawed a day later")
	f.served("off")
	if got := f.reader.Latest(t.Context()); got.Boolean(flags.Transcription, "user_ada") || got.Version() != 3 {
		t.Errorf("the latest is of version %d", got.Version())
	}
}

// Where the table can't be reached, what was known last holds, and where nothing was,
// what is declared for that; both are asked for again a second later.
func TestTheTableCantBeReached(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wire.cut.Store(true)
	f.want(0, true, "nothing is known")
	if f.reader.Boolean(t.Context(), flags.AIInCall, "user_ada") {
		t.Error("a provider is called by who can't know that nobody killed its flag")
	}
	calls := f.wire.calls.Load()
	f.want(999*time.Millisecond, true, "nothing is known")
	if got := f.wire.calls.Load(); got != calls {
		t.Error("asked again within a second")
	}
	f.wire.cut.Store(false)
	f.want(time.Millisecond, true, "reached again")
	if !f.reader.Boolean(t.Context(), flags.AIInCall, "user_ada") {
		t.Error("what is declared as on is off")
	}
	f.wire.cut.Store(true)
	f.kill(true)
	f.want(time.Hour, true, "last known")
	f.wire.cut.Store(false)
	f.want(time.Second, false, "reached again")
	f.wire.cut.Store(true)
	f.kill(false)
	f.want(time.Hour, false, "last known: killed")
	f.wire.cut.Store(false)
	f.newInstance()
	f.want(0, true, "another instance")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.clock.Advance(time.Hour)
	if !f.reader.Boolean(ctx, flags.Transcription, "user_ada") {
		t.Error("a call that is over changes what is known")
	}
}

// From memory the reader allocates nothing either.
func TestReadingAllocatesNothing(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	f.want(0, true, "as declared")
	if n := testing.AllocsPerRun(1000, func() { f.reader.Boolean(ctx, flags.Transcription, "user_ada") }); n != 0 {
		t.Errorf("asking the reader allocates %v times", n)
	}
}

// What can't be understood, of another release say, stays as it is declared, and takes
// no other flag with it.
func TestAFlagThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.kill(false) // nothing changes, nothing is stored
	f.served("off")
	for _, text := range []string{`{`, `{}`, `{"flag":{"key":"matching","type":"colour"}}`,
		`{"flag":{"key":"matching","type":"boolean","variants":{"on":true},"default":"on","rules":[{"if":[],"serve":{"weights":{"on":10000}}}]},"bucketing":{"algorithm":99}}`,
	} {
		item := map[string]any{"revision": 1, "record": text}
		if err := f.tables.Data.Put(t.Context(), table.Key{PK: "FLAGS#", SK: "FLAG#matching"}, item); err != nil {
			t.Fatal(err)
		}
		f.newInstance()
		if !f.reader.Boolean(t.Context(), flags.Matching, "user_ada") || f.reader.Boolean(t.Context(), flags.Transcription, "user_ada") {
			t.Errorf("%s: matching, or transcription with it, is not what it was", text)
		}
	}
}

// faultyClient carries the calls of a table, until it is cut.
type faultyClient struct {
	client aws.HTTPClient
	cut    atomic.Bool
	calls  atomic.Int64
}

var errCut = errors.New("the wire is cut")

// Do implements aws.HTTPClient.
func (client *faultyClient) Do(r *http.Request) (*http.Response, error) {
	client.calls.Add(1)
	if client.cut.Load() {
		return nil, errCut
	}
	return client.client.Do(r)
}
