package transcripts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/patch"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/transcripts"
)

// An append costs one write unit for each KB and a few small reads, however long
// the transcript is.
func TestCostOfAnAppend(t *testing.T) {
	sentence := strings.Repeat("word ", 24)
	tests := []struct {
		name  string
		texts []string
		write float64
	}{
		{"a short chunk", []string{"Yes."}, 1},
		{"five sentences of 120 characters", slices.Repeat([]string{sentence}, 5), 1},
		{"twenty sentences", slices.Repeat([]string{sentence}, 20), 4},
		{"the longest chunk", []string{strings.Repeat("x", 4000)}, 5},
	}
	for _, before := range []int{0, 600} {
		for _, test := range tests {
			t.Run(fmt.Sprint(test.name, " after ", before), func(t *testing.T) {
				now := clock.NewManual(noon)
				f := newFixture(t, now)
				for at := 0; at < before; at += 20 {
					f.say(slices.Repeat([]string{sentence}, 20)...)
				}
				f.say("So.")
				now.Advance(window / 5)
				f.follow("socket-1")

				ctx, meter := table.WithMeter(t.Context())
				_, effects, err := f.Append(ctx, f.member, nil, f.request(test.texts...))
				if err != nil {
					t.Fatal(err)
				}
				if units := meter.ByTable()[f.tables.Log.Name()]; units.Write != test.write || units.Read > 2 {
					t.Errorf("the append costs %+v of Log, want %v write units", units, test.write)
				}
				f.publisher.Express(ctx, effects[0].(realtime.Commit))
				if frames := f.posts.sent("socket-1"); len(frames) != 1 || strings.Count(frames[0], `"position"`) < len(test.texts) {
					t.Errorf("posted %d frames: %.300q", len(frames), frames)
				}
				units := meter.ByTable()
				if meter.Write() != test.write || units[f.tables.Data.Name()].Read > 3 || units[f.tables.Realtime.Name()].Read > 1 || units[f.tables.Log.Name()].Read > 2 {
					t.Errorf("the whole call costs %+v", units)
				}
				t.Logf("%v write units; read units: %v of Data (meeting, role, once a second the flags), %v of Log (directory, newest), %v of Realtime (subscribers); %d calls",
					meter.Write(), units[f.tables.Data.Name()].Read, units[f.tables.Log.Name()].Read, units[f.tables.Realtime.Name()].Read, meter.Calls())
			})
		}
	}
}

// A bucket's beginning costs the seal and the directory's row more.
func TestCostOfABucket(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.say("So.")
	now.Advance(window)
	ctx, meter := table.WithMeter(t.Context())
	if _, _, err := f.Append(ctx, f.member, nil, f.request("Well.")); err != nil {
		t.Fatal(err)
	}
	if meter.Write() > 3 {
		t.Errorf("it costs %v write units", meter.Write())
	}
}

// A caller who names themselves costs no more than one who names nobody.
func TestCostOfOneself(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.say("So.")
	calls := map[bool]float64{}
	for _, named := range []bool{false, true} {
		in := f.request(slices.Repeat([]string{"x"}, 20)...)
		for i := range in.Chunks {
			if named {
				in.Chunks[i].SpeakerID = patch.To(f.member.UserID)
			}
		}
		ctx, meter := table.WithMeter(t.Context())
		if _, _, err := f.Append(ctx, f.member, nil, in); err != nil {
			t.Fatal(err)
		}
		calls[named] = float64(meter.Calls())
		if data := meter.ByTable()[f.tables.Data.Name()]; data.Read > 2 {
			t.Errorf("named %t: meeting and role cost %+v", named, data)
		}
	}
	if calls[true] != calls[false] {
		t.Errorf("%v calls for oneself by name, %v without", calls[true], calls[false])
	}
}

// Speakers other than the caller are looked up together.
func TestCostOfSpeakers(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.promote()
	f.say("So.")
	in := f.request(slices.Repeat([]string{"x"}, 20)...)
	for i := range in.Chunks {
		in.Chunks[i].SpeakerID = patch.To(f.host.UserID)
	}
	ctx, meter := table.WithMeter(t.Context())
	if _, _, err := f.Append(ctx, f.member, nil, in); err != nil {
		t.Fatal(err)
	}
	if data := meter.ByTable()[f.tables.Data.Name()]; data.Read > 3 {
		t.Errorf("meeting, role and one speaker cost %+v", data)
	}
}

// Reading costs what is read, and not twenty times that where entries have many
// chunks.
func TestCostOfReading(t *testing.T) {
	for _, size := range []int{1, 20} {
		f := newFixture(t, clock.NewManual(noon))
		for at := 0; at < 600; at += size {
			f.say(slices.Repeat([]string{strings.Repeat("word ", 24)}, size)...)
		}
		ctx, meter := table.WithMeter(t.Context())
		limit := 200
		got, err := f.List(ctx, f.host, transcripts.ListRequest{MeetingID: f.meeting, Limit: &limit})
		if err != nil || len(got.Items) != limit {
			t.Fatalf("%d chunks, %v", len(got.Items), err)
		}
		t.Logf("200 chunks, %d an entry: %v read units in %d calls", size, meter.Read(), meter.Calls())
		if meter.Read() > 40 || meter.Write() > 0 {
			t.Errorf("200 chunks of 0.2 KB, %d an entry, cost %v", size, meter.ByTable())
		}
		ctx, meter = table.WithMeter(t.Context())
		if _, _, err := f.Topics().Head(ctx, f.topic); err != nil || meter.Read() > 3 || meter.Write() > 0 {
			t.Errorf("a head costs %v, %v", meter.ByTable(), err)
		}
	}
}

// A key costs no unit of Log more.
func TestCostOfAKey(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.say("So.")
	for _, e := range []*idempotency.Execution{nil, f.execution("k")} {
		ctx, meter := table.WithMeter(t.Context())
		if _, _, err := f.Append(ctx, f.member, e, f.request("Well.")); err != nil {
			t.Fatal(err)
		}
		if units := meter.ByTable()[f.tables.Log.Name()]; units.Write != 1 || units.Read > 2 {
			t.Errorf("it costs %+v of Log", units)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 20} {
		b.Run(fmt.Sprint(size, " chunks"), func(b *testing.B) {
			f := newFixture(b, clock.System{})
			texts := slices.Repeat([]string{strings.Repeat("word ", 24)}, size)
			for b.Loop() {
				_, commit := f.commit(texts...)
				f.publisher.Express(b.Context(), commit)
			}
		})
	}
}
