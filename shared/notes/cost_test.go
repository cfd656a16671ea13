package notes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/notes"
)

// long makes the text of a fixture so long, by changes of up to 15 KB, and ends
// with a keystroke.
func (f *fixture) long(length int) {
	f.t.Helper()
	for at := 0; at < length-1; at += 15_000 {
		f.must(insert(at, strings.Repeat("x", min(15_000, length-1-at))))
	}
	f.must(insert(0, "y"))
}

// A keystroke costs the same in a text of any length, whether it has a snapshot
// or not: one write unit, and no read of the text.
func TestCostOfAChange(t *testing.T) {
	for _, length := range []int{1 << 10, 200 << 10} {
		for _, snapshot := range []bool{false, true} {
			t.Run(fmt.Sprint(length>>10, " KB, with a snapshot: ", snapshot), func(t *testing.T) {
				now := clock.NewManual(noon)
				f := newFixture(t, now)
				f.long(length)
				if snapshot {
					f.settled()
				}
				now.Advance(time.Second)
				socket := f.follow("socket-1")
				in := f.change(f.newest(), insert(0, "z"))

				// All that a frame's function does: who is it, the change, the ack is
				// no table's, the express lane.
				ctx, meter := table.WithMeter(t.Context())
				c, err := f.connections.Caller(ctx, socket)
				if err != nil {
					t.Fatal(err)
				}
				_, effects, err := f.Edit(ctx, c, notes.EditRequest{MeetingID: f.meeting, Intent: in})
				if err != nil {
					t.Fatal(err)
				}
				change := meter.ByTable()[f.tables.Log.Name()]
				if change.Write != 1 || change.Read > 1 {
					t.Errorf("the change costs %+v", change)
				}
				f.express(ctx, effects)
				if frames := f.posts.sent(socket); len(frames) != 1 || !strings.Contains(frames[0], `"content":"z"`) {
					t.Errorf("posted %q", frames)
				}
				if meter.Write() != 1 {
					t.Errorf("the whole call writes %v units", meter.Write())
				}
				tables := meter.ByTable()
				t.Logf("edit in %d KB: %v write units; read units: %v of Data (meeting, role), %v of Log (base), %v of Realtime (connection, subscribers); %d calls",
					length>>10, meter.Write(), tables[f.tables.Data.Name()].Read, change.Read, tables[f.tables.Realtime.Name()].Read, meter.Calls())
			})
		}
	}
}

// follow opens a socket of the member and lets it follow the notes.
func (f *fixture) follow(socket string) string {
	f.t.Helper()
	ctx := f.t.Context()
	ticket, _, err := f.connections.Issue(ctx, f.member)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.connections.Open(ctx, socket, ticket); err != nil {
		f.t.Fatal(err)
	}
	c, err := f.connections.Caller(ctx, socket)
	if err != nil {
		f.t.Fatal(err)
	}
	c.ConnectionID = socket
	subscribed, _, err := f.realtime.Subscribe(ctx, c, realtime.SubscribeRequest{Topic: f.topic})
	if err != nil {
		f.t.Fatal(err)
	}
	if subscribed.Position != f.newest() {
		f.t.Errorf("subscribed at %d", subscribed.Position)
	}
	return socket
}

// What reading and following cost, for the report.
func TestCostOfReading(t *testing.T) {
	for _, length := range []int{1 << 10, 200 << 10} {
		f := newFixture(t, clock.NewManual(noon))
		f.long(length)
		f.settled()
		for range 10 {
			f.must(insert(0, "z"))
		}
		topic := notes.TopicPattern.Topic(f.meeting)
		ctx, meter := table.WithMeter(t.Context())
		if _, _, err := f.Source().Head(ctx, topic); err != nil {
			t.Fatal(err)
		}
		if meter.Read() > 2 || meter.Write() > 0 {
			t.Errorf("a head costs %v", meter.ByTable())
		}
		t.Logf("%d KB: head %v read units", length>>10, meter.Read())

		ctx, meter = table.WithMeter(t.Context())
		if _, err := f.Get(ctx, f.host, notes.GetRequest{MeetingID: f.meeting}); err != nil {
			t.Fatal(err)
		}
		if most := float64(6 + length/4096); meter.Read() > most || meter.Write() > 0 {
			t.Errorf("reading costs %v, want at most %v", meter.ByTable(), most)
		}
		t.Logf("%d KB: get %v read units in %d calls", length>>10, meter.Read(), meter.Calls())

		ctx, meter = table.WithMeter(t.Context())
		if failed := f.Project(ctx, []table.Record{f.entryRecord(f.newest() - 1)}); len(failed) > 0 {
			t.Fatal(failed)
		}
		if meter.Read() > 2 || meter.Write() > 0 {
			t.Errorf("looking whether a snapshot is due costs %v", meter.ByTable())
		}
		ctx, meter = table.WithMeter(t.Context())
		if failed := f.Project(ctx, []table.Record{f.entryRecord(f.newest())}); len(failed) > 0 {
			t.Fatal(failed)
		}
		t.Logf("%d KB: snapshot %v read units, %v write units in %d calls", length>>10, meter.Read(), meter.Write(), meter.Calls())
		// The snapshot, the changes after it, the switch; where the text is long also
		// its chunks, and the new ones in the place of those before.
		if want := map[bool]int{false: 3, true: 5}[length > 3<<10]; meter.Calls() != want {
			t.Errorf("a snapshot takes %d calls, want %d", meter.Calls(), want)
		}
		ctx, meter = table.WithMeter(t.Context())
		if failed := f.Project(ctx, []table.Record{f.entryRecord(f.newest())}); len(failed) > 0 {
			t.Fatal(failed)
		}
		if meter.Calls() != 1 || meter.Read() > 1 {
			t.Errorf("a version that has a snapshot takes %d calls and %v read units", meter.Calls(), meter.Read())
		}

		// The chunks that are deleted aren't read.
		f.must(insert(0, "z"))
		ctx, meter = table.WithMeter(t.Context())
		if failed := f.Project(ctx, []table.Record{f.entryRecord(f.newest())}); len(failed) > 0 {
			t.Fatal(failed)
		}
		if most := float64(8 + length/4096); meter.Read() > most {
			t.Errorf("a snapshot reads %v units, want at most %v", meter.Read(), most)
		}
	}
}

func BenchmarkChange(b *testing.B) {
	for _, length := range []int{1 << 10, 200 << 10} {
		b.Run(fmt.Sprint(length>>10, "KB"), func(b *testing.B) {
			f := newFixture(b, clock.System{})
			f.long(length)
			base := f.newest()
			for seq := int64(1); b.Loop(); seq++ {
				committed, effects, err := f.Edit(b.Context(), f.member, notes.EditRequest{MeetingID: f.meeting, Intent: notes.Intent{
					BaseVersion: base, ClientID: "bench", ClientSeq: seq, Ops: ot.Change{insert(0, "z"), del(0, 1)},
				}})
				if err != nil {
					b.Fatal(err)
				}
				f.express(b.Context(), effects)
				base = committed.Version
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, length := range []int{1 << 10, 200 << 10} {
		for _, tail := range []int{0, 255} {
			b.Run(fmt.Sprint(length>>10, "KB and ", tail), func(b *testing.B) {
				f := newFixture(b, clock.NewManual(noon))
				f.long(length)
				f.settled()
				for range tail {
					f.must(insert(0, "z"))
				}
				for b.Loop() {
					if _, err := f.Get(b.Context(), f.host, notes.GetRequest{MeetingID: f.meeting}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
