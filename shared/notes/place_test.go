package notes_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/notes"
)

// A change says where its text stood in what was deleted since its base. The
// text is version 1, and what else was committed before the change follows it.
func TestPlaces(t *testing.T) {
	const text = "The quick fox jumps."
	tests := []struct {
		name   string
		before [][]ot.Op
		change []ot.Op
		want   []notes.Place
	}{
		{"within", [][]ot.Op{{del(0, 20)}}, []ot.Op{insert(9, "X")}, []notes.Place{{Version: 2, After: 9}}},
		{"at its start", [][]ot.Op{{del(4, 6)}}, []ot.Op{insert(4, "X")}, []notes.Place{{Version: 2, After: 0}}},
		{"at its end", [][]ot.Op{{del(4, 6)}}, []ot.Op{insert(10, "X")}, []notes.Place{{Version: 2, After: 6}}},
		{"elsewhere", [][]ot.Op{{del(4, 6)}}, []ot.Op{insert(11, "X")}, nil},
		{"beside an insert", [][]ot.Op{{insert(9, "x")}}, []ot.Op{insert(9, "X")}, nil},
		{"backspaced around it", [][]ot.Op{{del(15, 5)}, {del(8, 7)}, {del(0, 8)}}, []ot.Op{insert(9, "X")},
			[]notes.Place{{Version: 3, After: 1}, {Version: 4, After: 8}}},
		{"several texts that come to one place", [][]ot.Op{{del(0, 20)}}, []ot.Op{insert(4, "日本"), insert(9, "X")},
			[]notes.Place{{Version: 2, After: 4}, {Offset: 2, Version: 2, After: 9}}},
		{"several deletions in one change", [][]ot.Op{{del(0, 4), del(8, 2)}}, []ot.Op{insert(9, "X")}, []notes.Place{{Version: 2, After: 5}}},
		{"only deleting", [][]ot.Op{{del(0, 20)}}, []ot.Op{del(4, 2)}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, clock.NewManual(noon))
			f.must(insert(0, text))
			for _, ops := range test.before {
				f.must(ops...)
			}
			f.mustSend(f.member, f.change(1, test.change...))
			all := f.history(0)
			if diff := cmp.Diff(test.want, all[len(all)-1].Places); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Places are listed and posted as the contract has them, and are not part of the
// answer, which tells the author nothing new.
func TestPlacesAreTold(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "The quick fox jumps."))
	f.must(del(0, 20))
	committed := f.mustSend(f.member, f.change(1, insert(9, " brown")))
	answer, err := json.Marshal(committed)
	if want := `{"version":3,"ops":[{"type":"insert","position":0,"content":" brown"}]}`; err != nil || string(answer) != want {
		t.Errorf("answered %s, %v", answer, err)
	}
	listed, err := json.Marshal(f.history(2)[0])
	if want := `"places":[{"offset":0,"version":2,"after":9}]`; err != nil || !strings.Contains(string(listed), want) {
		t.Errorf("listed %s, %v", listed, err)
	}
	events, _, err := f.Source().Events(t.Context(), notes.TopicPattern.Topic(f.meeting), 2, 1)
	if err != nil || len(events) != 1 || string(events[0].Data) != string(listed) {
		t.Errorf("posted %+v, %v", events, err)
	}
}

// What a client moved past deletions before it sent it, only the client knows.
func TestPlacesThatAreSent(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "The quick fox jumps."))
	f.must(del(8, 7))
	in := f.change(2, insert(8, "brown"))
	f.must(del(0, 8))
	in.Places = []notes.Place{{Version: 2, After: 1}}
	first := f.mustSend(f.member, in)
	want := []notes.Place{{Version: 2, After: 1}, {Version: 3, After: 8}}
	if diff := cmp.Diff(want, f.history(3)[0].Places); diff != "" {
		t.Error(diff)
	}
	if again := f.mustSend(f.member, in); again.Version != first.Version {
		t.Errorf("the retry is version %d", again.Version)
	}
	for _, test := range []struct {
		place    notes.Place
		location string
	}{
		{notes.Place{Version: 3, After: 1}, "body.places[0].version"},
		{notes.Place{Version: 2, Offset: 5, After: 1}, "body.places[0].offset"},
	} {
		in.Places = []notes.Place{test.place}
		wantInvalid(t, in.Validate(), test.location)
	}
}

// However much was deleted, and however many texts come into it, places are
// bounded; a keystroke with one costs the same write unit.
func TestPlacesAreBounded(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, strings.Repeat("x", 1000)))
	for range 40 {
		f.must(del(480, 1))
	}
	var many []ot.Op
	for i := range 100 {
		many = append(many, insert(470+i, "y"))
	}
	f.mustSend(f.member, f.change(1, many...))
	if got := len(f.history(0)[41].Places); got != 32 {
		t.Errorf("%d places", got)
	}
	ctx, meter := table.WithMeter(t.Context())
	in := f.change(41, insert(430, "z"))
	f.must(del(400, 60))
	if _, _, err := f.Append(ctx, f.member, nil, notes.AppendRequest{MeetingID: f.meeting, Intent: in}); err != nil {
		t.Fatal(err)
	}
	if got := f.history(43)[0].Places; len(got) != 1 {
		t.Errorf("places are %+v", got)
	}
	if meter.Write() != 1 {
		t.Errorf("the change writes %v units", meter.Write())
	}
}
