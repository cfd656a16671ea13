package topics_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit"
)

// ledger reads the units of calls from their log lines.
type ledger struct {
	slog.Handler
	mu    sync.Mutex
	calls []capacity
}

type capacity struct {
	function    string
	read, write float64
}

func newLedger() *ledger { return &ledger{Handler: slog.DiscardHandler} }

// Enabled implements slog.Handler.
func (l *ledger) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *ledger) Handle(_ context.Context, record slog.Record) error {
	if record.Message != "call" {
		return nil
	}
	var u capacity
	record.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "function":
			u.function = a.Value.String()
		case "readUnits":
			u.read = a.Value.Float64()
		case "writeUnits":
			u.write = a.Value.Float64()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, u)
	return nil
}

// last is the call that ended last.
func (l *ledger) last() capacity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[len(l.calls)-1]
}

// timed gives functions a clock and a log of the test.
func timed(c clock.Clock, log *slog.Logger) []endpoint.FunctionSpec {
	all := functions.All()
	for i := range all {
		all[i] = all[i].With(endpoint.Overrides{Clock: c, Log: log})
	}
	return all
}

// A heartbeat that changes nothing is one write, one query in ten seconds and no
// post. It prints what presence costs for an hour of one client.
func TestCostOfPresence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		people int
		// look is the query of who is there, told that of who follows, in read units.
		look, told float64
	}{{5, 0.5, 1}, {50, 2.5, 4}} {
		t.Run(fmt.Sprint(tt.people, " people"), func(t *testing.T) {
			t.Parallel()
			const slot = 10 * time.Second
			now, calls := clock.NewManual(time.Now().Truncate(slot)), newLedger()
			f := &fixture{Harness: testkit.New(t, timed(now, slog.New(calls)))}
			f.ada = f.User("ada")
			var others []any
			people := []*testkit.Person{f.ada}
			for n := range tt.people - 1 {
				person := f.User(fmt.Sprintf("person-%02d-with-a-real-id-01k0", n))
				person.Call(t, "GET /v1/me", nil).Expect(t, 200)
				people = append(people, person)
				others = append(others, object{"userId": person.ID, "role": "participant"})
			}
			f.id = testkit.As[struct{ MeetingID string }](t, f.ada.Call(t, "POST /v1/meetings", object{"title": "Plan", "participants": others})).MeetingID
			var sockets []*testkit.Socket
			for _, person := range people {
				socket := person.Connect(t)
				subscribe(t, socket, f.state())
				sockets = append(sockets, socket)
			}
			posts := func() (n int) {
				for _, socket := range sockets {
					n += socket.Posts()
				}
				return n
			}
			seq := 0
			beat := func(s *testkit.Socket, status string) (capacity, int) {
				seq++
				before := posts()
				s.Send(t, f.beat(seq, status, object{"id": nil, "cursor": object{"anchor": 1000, "head": 1000, "version": 400}}))
				return calls.last(), posts() - before
			}
			var entered capacity
			for _, socket := range sockets {
				entered, _ = beat(socket, "active")
			}
			now.Advance(2 * slot)
			for _, socket := range sockets[1:] {
				beat(socket, "active")
			}

			still, posted := beat(sockets[0], "active")
			if still.write != 1 || still.read > 1+tt.look || posted != 0 {
				t.Errorf("a heartbeat that changes nothing: %+v and %d posts, want 1 write, at most %g reads and none", still, posted, 1+tt.look)
			}
			now.Advance(2 * time.Second)
			quick, posted := beat(sockets[0], "active")
			if quick.write != 1 || quick.read != 1 || posted != 0 {
				t.Errorf("another one soon after: %+v and %d posts, want 1 write, 1 read and none", quick, posted)
			}
			now.Advance(2 * time.Second)
			change, posted := beat(sockets[0], "typing")
			if change.write != 1 || change.read > 1+tt.told || posted != tt.people {
				t.Errorf("a change: %+v and %d posts, want 1 write, at most %g reads and %d", change, posted, 1+tt.told, tt.people)
			}
			const beats, changes = 180, 60
			t.Logf("%d people: entering %g writes %g reads; a heartbeat %g and %g; a change %g and %g and %d messages",
				tt.people, entered.write, entered.read, still.write, still.read, change.write, change.read, posted)
			t.Logf("%d people: a client-hour of %d heartbeats: %d requests, %g write units, %g read units, %d messages in; with %d changes more: %d requests, %g write units, %g read units, %d messages",
				tt.people, beats, beats, beats*still.write, beats*still.read, beats,
				changes, beats+changes, beats*still.write+changes*change.write, beats*still.read+changes*change.read, beats+changes+changes*posted)
		})
	}
}
