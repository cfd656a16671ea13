package notes_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/notes"
)

// Two changes at the same base, as the contract has them come together.
func TestConcurrentChanges(t *testing.T) {
	tests := []struct {
		name         string
		text         string
		first, later []ot.Op
		want         string
		ops          []ot.Op // of the later one, as committed
	}{
		{"code points", "a👍b", []ot.Op{insert(1, "日")}, []ot.Op{insert(2, "é"), del(2, 1)}, "a日👍é", []ot.Op{insert(3, "é"), del(3, 1)}},
		{"inserts at one position", "ab", []ot.Op{insert(1, "1")}, []ot.Op{insert(1, "2")}, "a12b", []ot.Op{insert(2, "2")}},
		{"several inserts at one position", "ab", []ot.Op{insert(1, "1"), insert(1, "2")}, []ot.Op{insert(1, "3"), insert(1, "4")}, "a1234b", []ot.Op{insert(3, "34")}},
		{"deleted by both", "abcdef", []ot.Op{del(1, 3)}, []ot.Op{del(2, 3)}, "af", []ot.Op{del(1, 1)}},
		{"nothing left", "abc", []ot.Op{del(0, 3)}, []ot.Op{del(1, 1)}, "", []ot.Op{}},
		{"text inside a deleted range", "abcd", []ot.Op{insert(2, "X")}, []ot.Op{del(1, 2)}, "aXd", []ot.Op{del(1, 1), del(3, 1)}},
		{"range around a text", "abcd", []ot.Op{del(1, 2)}, []ot.Op{insert(2, "X")}, "aXd", []ot.Op{insert(1, "X")}},
		{"at the start of a deleted range", "abcd", []ot.Op{insert(1, "X"), del(1, 2)}, []ot.Op{insert(1, "Y")}, "aXYd", []ot.Op{insert(2, "Y")}},
		{"at its start and end", "abcd", []ot.Op{insert(1, "X"), del(1, 2), insert(3, "Z")}, []ot.Op{insert(1, "Y"), insert(3, "W")}, "aXYZWd", []ot.Op{insert(2, "Y"), insert(3, "W")}},
		{"retains are left out", "abc", []ot.Op{insert(0, "X"), retain(0, 3)}, []ot.Op{retain(0, 1), insert(1, "Y"), retain(1, 2)}, "XaYbc", []ot.Op{insert(2, "Y")}},
		{"neighbours are joined", "abc", []ot.Op{insert(0, "X")}, []ot.Op{insert(0, "1"), insert(0, "2"), del(1, 1), del(2, 1)}, "X12a", []ot.Op{insert(1, "12"), del(2, 2)}},
	}
	f := newFixture(t, clock.NewManual(noon))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f.t = t
			if length := len([]rune(f.text().Content)); length > 0 {
				f.must(del(0, length))
			}
			base := f.must(insert(0, test.text)).Version
			first := f.mustSend(f.host, f.change(base, test.first...))
			later := f.mustSend(f.member, f.change(base, test.later...))
			if first.Version != base+1 || later.Version != base+2 {
				t.Errorf("committed as %d and %d after %d", first.Version, later.Version, base)
			}
			if diff := cmp.Diff(ot.Change(test.ops), later.Ops); diff != "" {
				t.Error(diff)
			}
			f.wantText(base+2, test.want)
		})
	}
}

// The answer, and how the change is listed.
func TestAnswer(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	change := notes.Intent{BaseVersion: 0, ClientID: "c-1", ClientSeq: 7, Ops: ot.Change{insert(0, "häppy <&>")}}
	answer, err := json.Marshal(f.mustSend(f.member, change))
	if want := `{"version":1,"ops":[{"type":"insert","position":0,"content":"häppy <&>"}]}`; err != nil || string(answer) != want {
		t.Errorf("%s, %v", answer, err)
	}
	now.Advance(time.Second)
	f.mustSend(f.host, f.change(1, del(0, 9)))
	f.mustSend(f.host, f.change(1, del(0, 1))) // nothing is left of it
	all := f.history(0)
	text, err := json.Marshal(all[0])
	if want := `{"version":1,"authorId":"bob","clientId":"c-1","clientSeq":7,"ops":[{"type":"insert","position":0,"content":"häppy <&>"}],"createdAt":"2026-11-23T12:00:00Z"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	if empty, err := json.Marshal(all[2].Ops); len(all) != 3 || string(empty) != "[]" || err != nil {
		t.Errorf("%d changes, the last is %s, %v", len(all), empty, err)
	}
	f.wantText(3, "")
	if text := f.text(); text.Hash != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("the hash of no text is %s", text.Hash)
	}
}

func TestWhatDoesNotFit(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "12345"))
	f.must(insert(5, "678")) // version 2 has eight
	tests := []struct {
		name  string
		base  int64
		ops   []ot.Op
		where string
	}{
		{"insert beyond the end", 1, []ot.Op{insert(6, "x")}, "body.ops[0].position"},
		{"delete beyond the end", 1, []ot.Op{insert(0, "x"), del(3, 3)}, "body.ops[1].length"},
		{"retain beyond the end", 1, []ot.Op{insert(0, "x"), retain(0, 6)}, "body.ops[1].length"},
		{"beyond the empty text", 0, []ot.Op{del(0, 1)}, "body.ops[0].length"},
		{"beyond the newest", 2, []ot.Op{insert(9, "x")}, "body.ops[0].position"},
		{"far beyond", 2, []ot.Op{insert(1<<40, "x")}, "body.ops[0].position"},
		{"below", 2, []ot.Op{insert(-1, "x")}, "body.ops[0].position"},
		{"not ascending", 2, []ot.Op{insert(3, "x"), insert(2, "x")}, "body.ops[1].position"},
		{"overlapping", 2, []ot.Op{del(1, 3), del(2, 1)}, "body.ops[1].position"},
		{"insert inside a delete", 2, []ot.Op{del(1, 3), insert(2, "x")}, "body.ops[1].position"},
		{"insert inside a retain", 2, []ot.Op{retain(1, 3), insert(2, "x")}, "body.ops[1].position"},
		{"at the start, but listed after", 2, []ot.Op{del(1, 3), insert(1, "x")}, "body.ops[1].position"},
		{"no content", 2, []ot.Op{insert(1, "")}, "body.ops[0].content"},
		{"no length", 2, []ot.Op{del(1, 0)}, "body.ops[0].length"},
		{"below no length", 2, []ot.Op{insert(0, "x"), del(1, -3)}, "body.ops[1].length"},
		{"only retains", 2, []ot.Op{retain(0, 8)}, "body.ops"},
		{"no ops", 2, nil, "body.ops"},
		{"insert with a length", 2, []ot.Op{{Type: ot.Insert, Content: "x", Length: 1}}, "body.ops[0].length"},
		{"delete with content", 2, []ot.Op{{Type: ot.Delete, Content: "x", Length: 1}}, "body.ops[0].content"},
		{"unknown type", 2, []ot.Op{{Type: "replace", Content: "x"}}, "body.ops[0].type"},
		{"base beyond the newest", 3, []ot.Op{insert(0, "x")}, "body.baseVersion"},
		{"base far beyond", 1<<63 - 1, []ot.Op{insert(0, "x")}, "body.baseVersion"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.send(f.member, f.change(test.base, test.ops...))
			wantInvalid(t, err, test.where)
		})
	}
	// What fits at its base fits, whatever came since.
	f.mustSend(f.member, f.change(2, del(0, 8)))
	f.mustSend(f.member, f.change(2, insert(8, "x")))
	f.wantText(4, "x")
	if n := len(f.history(0)); n != 4 {
		t.Errorf("%d changes were committed", n)
	}
}

// How long a text may be; the endpoint holds how large a change is as sent.
func TestLongestText(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	letters := strings.Repeat("x", 16_000)
	const most = notes.MaxText
	f.must(insert(0, letters))
	for length := 16_000; length < most; length += 16_000 {
		f.must(insert(length, letters[:min(16_000, most-length)]))
	}
	version := f.newest()
	_, err := f.send(f.member, f.change(version, insert(7, "z")))
	wantKind(t, err, errs.PayloadTooLarge)
	_, err = f.send(f.member, f.change(version, insert(7, "👍👍"), del(9, 1)))
	wantKind(t, err, errs.PayloadTooLarge)
	f.must(insert(7, "👍"), del(9, 1)) // as long as before
	f.must(del(9, 2))
	f.must(insert(0, "日本"))
	_, err = f.send(f.member, f.change(version, insert(7, "z")))
	wantKind(t, err, errs.PayloadTooLarge)
	text := f.text()
	if n := len([]rune(text.Content)); n != most || text.Version != version+3 {
		t.Errorf("%d code points at %d", n, text.Version)
	}
}

// A text that is too long, as after an import, can be shortened.
func TestTooLongAText(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	err := f.tables.Log.Update(t.Context(), log.BaseKey(f.topic), table.Update{
		Set: map[string]any{"position": 5, "oldest": 6, "length": notes.MaxText + 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.send(f.member, f.change(5, insert(0, "xx"), del(7, 1)))
	wantKind(t, err, errs.PayloadTooLarge)
	if committed := f.mustSend(f.member, f.change(5, insert(0, "x"), del(notes.MaxText+98, 2))); committed.Version != 6 {
		t.Errorf("committed as %d", committed.Version)
	}
}

// A small change grows when it is cut up by what others wrote into its range.
func TestTransformationGrowsAChange(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	// Each op below is about 46 bytes, and 12 changes of 500 make 6,001 of one.
	const gaps = 6_000
	f.must(insert(0, strings.Repeat("a", gaps/2)))
	base := f.must(insert(gaps/2, strings.Repeat("a", gaps/2))).Version
	for first := 0; first < gaps; first += 300 {
		ops := make([]ot.Op, 0, 300)
		for i := first; i < first+300; i++ {
			ops = append(ops, insert(i, "b"))
		}
		f.mustSend(f.host, f.change(base, ops...))
	}
	version := f.newest()
	_, err := f.send(f.member, f.change(base, del(0, gaps)))
	wantKind(t, err, errs.PayloadTooLarge)
	if f.newest() != version {
		t.Error("it was committed")
	}
	// Half of it stays below the bound.
	committed := f.mustSend(f.member, f.change(base, del(0, gaps/2)))
	if len(committed.Ops) != gaps/2 {
		t.Errorf("%d ops", len(committed.Ops))
	}
	f.wantText(version+1, strings.Repeat("b", gaps/2)+strings.Repeat("ba", gaps/2))
}

func TestRetry(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.must(insert(0, "abc"))
	first := notes.Intent{BaseVersion: 1, ClientID: "c-1", ClientSeq: 1, Ops: ot.Change{insert(3, "!")}}
	f.must(insert(0, "> ")) // so that the answer differs from what was sent
	want := f.mustSend(f.member, first)
	if diff := cmp.Diff(ot.Change{insert(5, "!")}, want.Ops); diff != "" {
		t.Fatal(diff)
	}
	again := func(when string) {
		t.Helper()
		got := f.mustSend(f.member, first)
		if got.Version != want.Version || !cmp.Equal(got.Ops, want.Ops) {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	again("at once")
	for range 5 {
		f.must(insert(0, "x"))
	}
	again("after others")
	f.settled()
	again("after a snapshot")
	now.Advance(time.Hour)
	again("an hour later")

	for name, other := range map[string]notes.Intent{
		"other ops":    {BaseVersion: 1, ClientID: "c-1", ClientSeq: 1, Ops: ot.Change{insert(3, "?")}},
		"another base": {BaseVersion: 2, ClientID: "c-1", ClientSeq: 1, Ops: ot.Change{insert(3, "!")}},
	} {
		_, err := f.send(f.member, other)
		if refusal(t, err).Kind != errs.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Another's change may have the same client and number.
	if got := f.mustSend(f.host, first); got.Version == want.Version {
		t.Error("two people's changes were taken for one")
	}
	newest := f.newest()
	if _, _, err := f.meetings.End(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	again("after the meeting's end")
	if f.newest() != newest {
		t.Error("a retry was committed")
	}
}

func TestMeetingIsOver(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.must(insert(0, "abc"))
	if _, _, err := f.meetings.End(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	_, err := f.send(f.member, f.change(1, insert(0, "x")))
	wantKind(t, err, errs.MeetingNotActive)
	// What is wrong with the change comes first.
	_, err = f.send(f.member, f.change(1, insert(4, "x")))
	wantInvalid(t, err, "body.ops[0].position")
	_, err = f.send(f.member, f.change(2, insert(0, "x")))
	wantInvalid(t, err, "body.baseVersion")
	_, err = f.send(f.observer, f.change(2, insert(0, "x")))
	wantKind(t, err, errs.Forbidden)
	f.wantText(1, "abc")
}

// An append that was permitted before the end loses against the closing.
func TestAppendAgainstTheEnd(t *testing.T) {
	f := newFixture(t, clock.System{})
	const people = 5
	type result struct {
		committed notes.Committed
		err       error
	}
	results := make(chan result, 1000)
	begun := make(chan struct{}, people)
	for range people {
		go func() {
			for n := 0; ; n++ {
				committed, err := f.send(f.member, f.change(0, insert(0, "x")))
				if n == 3 {
					begun <- struct{}{}
				}
				results <- result{committed, err}
				if errs.Is(err, errs.MeetingNotActive) || !errs.Is(err, "") && !errs.Is(err, errs.RateLimited) {
					return
				}
			}
		}()
	}
	for range people {
		<-begun
	}
	if _, _, err := f.meetings.End(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	end := f.newest()
	acknowledged := int64(0)
	for over := 0; over < people; {
		switch r := <-results; {
		case r.err == nil:
			if acknowledged++; r.committed.Version > end {
				t.Errorf("committed as %d after the end at %d", r.committed.Version, end)
			}
		case errs.Is(r.err, errs.MeetingNotActive):
			over++
		case !errs.Is(r.err, errs.RateLimited):
			t.Fatal(r.err)
		}
	}
	f.wantText(end, strings.Repeat("x", int(end)))
	if acknowledged != end {
		t.Errorf("%d were acknowledged, %d committed", acknowledged, end)
	}
}

func TestWhoMayWhat(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	for _, who := range []caller.Caller{f.host, f.member} {
		f.mustSend(who, f.change(0, insert(0, "x")))
	}
	for _, who := range []caller.Caller{f.observer, f.outsider} {
		_, err := f.send(who, f.change(0, insert(0, "x")))
		wantKind(t, err, errs.Forbidden)
		_, _, err = f.Edit(t.Context(), who, notes.EditRequest{MeetingID: f.meeting, Intent: f.change(0, insert(0, "x"))})
		wantKind(t, err, errs.Forbidden)
	}
	_, err := f.Get(t.Context(), f.outsider, notes.GetRequest{MeetingID: f.meeting})
	wantKind(t, err, errs.Forbidden)
	_, err = f.Changes(t.Context(), f.outsider, notes.ChangesRequest{MeetingID: f.meeting})
	wantKind(t, err, errs.Forbidden)
	_, err = f.Get(t.Context(), f.host, notes.GetRequest{MeetingID: "none"})
	wantKind(t, err, errs.Forbidden)
	f.wantText(2, "xx")

	// A scheduled meeting's notes can be written.
	made, _, err := f.meetings.Create(t.Context(), f.host, nil, meetings.CreateRequest{Title: "Later"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Append(t.Context(), f.host, nil, notes.AppendRequest{MeetingID: made.MeetingID, Intent: f.change(0, insert(0, "x"))}); err != nil {
		t.Error(err)
	}
}

// Who needs longer than a permission lasts, to read and transform what they have
// missed, is asked anew, and then commits or may not any more.
func TestPermissionIsRenewed(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	slow := f.beside(f.tables, &leapingOnce{Manual: now, leap: func() { now.Advance(3 * time.Second) }})
	if got := slow.mustSend(slow.member, f.change(0, insert(0, "x"))); got.Version != 1 {
		t.Errorf("committed as %d", got.Version)
	}
	slow = f.beside(f.tables, &leapingOnce{Manual: now, leap: func() {
		now.Advance(3 * time.Second)
		if _, _, err := f.meetings.Remove(t.Context(), f.host, nil, meetings.RemoveRequest{MeetingID: f.meeting, UserID: f.member.UserID}); err != nil {
			t.Error(err)
		}
	}})
	_, err := slow.send(slow.member, f.change(1, insert(0, "y")))
	wantKind(t, err, errs.Forbidden)
	f.wantText(1, "x")
}

// leapingOnce is a clock that leaps when it is read the third time: the first two
// are the permission's and the log's, which begin together.
type leapingOnce struct {
	*clock.Manual
	reads atomic.Int32
	leap  func()
}

func (l *leapingOnce) Now() time.Time {
	if l.reads.Add(1) == 3 {
		l.leap()
	}
	return l.Manual.Now()
}

// A change that can't be committed within two seconds of any access check isn't.
func TestPermissionRunsOut(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	slow := f.beside(f.tables, leaping{now})
	_, err := slow.send(slow.member, slow.change(0, insert(0, "x")))
	wantKind(t, err, errs.RateLimited)
	if refusal(t, err).RetryAfter <= 0 {
		t.Error("it doesn't say when to try again")
	}
	f.wantText(0, "")
}

// leaping is a clock that moves on by more than two seconds whenever it is read.
type leaping struct{ *clock.Manual }

func (l leaping) Now() time.Time {
	l.Advance(2100 * time.Millisecond)
	return l.Manual.Now()
}

func TestChangesAreListed(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	for i := range 10 {
		f.must(insert(0, fmt.Sprint(i)))
	}
	list := func(in notes.ChangesRequest) (versions []int64, cursor string) {
		t.Helper()
		in.MeetingID = f.meeting
		page, err := f.Changes(t.Context(), f.observer, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range page.Items {
			versions = append(versions, change.Version)
		}
		if page.NextCursor != nil {
			cursor = *page.NextCursor
		}
		return versions, cursor
	}
	four, ten := 4, 10
	first, cursor := list(notes.ChangesRequest{From: 3, Limit: &four})
	if !cmp.Equal(first, []int64{4, 5, 6, 7}) || cursor == "" {
		t.Errorf("%v, %q", first, cursor)
	}
	// With a cursor, from is ignored.
	second, end := list(notes.ChangesRequest{From: 9, Limit: &four, Cursor: cursor})
	if !cmp.Equal(second, []int64{8, 9, 10}) || end != "" {
		t.Errorf("%v, %q", second, end)
	}
	for _, in := range []notes.ChangesRequest{{Limit: &ten}, {}} {
		if all, end := list(in); len(all) != 10 || end != "" {
			t.Errorf("%v, %q", all, end)
		}
	}
	for _, from := range []int64{10, 11, 1 << 40, 1<<63 - 1} {
		if none, end := list(notes.ChangesRequest{From: from}); len(none) > 0 || end != "" {
			t.Errorf("after %d: %v, %q", from, none, end)
		}
	}
	other := table.EncodeCursor("changes of another", "5")
	for _, bad := range []string{"x", cursor + "x", other, table.EncodeCursor("changes of "+f.meeting, "-5"), table.EncodeCursor("changes of "+f.meeting, "5 ")} {
		_, err := f.Changes(t.Context(), f.observer, notes.ChangesRequest{MeetingID: f.meeting, Cursor: bad})
		wantInvalid(t, err, "query.cursor")
	}
}

// What was trimmed is HISTORY_GONE, with where to go on, and nothing else is.
func TestHistoryGone(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	for range 12 {
		f.must(insert(0, "x"))
	}
	f.settled()
	now.Advance(100 * 24 * time.Hour)
	if n, err := f.log.Trim(t.Context(), f.topic, 8, now.Now().Add(-90*24*time.Hour), 100); err != nil || n != 7 {
		t.Fatal(n, err)
	}
	source := f.Source()
	topic := notes.TopicPattern.Topic(f.meeting)
	for base := range int64(13) {
		_, appending := f.send(f.member, f.change(base, insert(0, "x")))
		_, listing := f.Changes(t.Context(), f.observer, notes.ChangesRequest{MeetingID: f.meeting, From: base})
		_, _, following := source.Events(t.Context(), topic, base, 10)
		for what, got := range map[string]struct {
			err  error
			gone bool
		}{"append": {appending, base < 8}, "list": {listing, base < 7}, "follow": {following, base < 7}} {
			if !got.gone && got.err == nil {
				continue
			}
			if refused := refusal(t, got.err); !got.gone || refused.Kind != errs.HistoryGone || refused.Oldest != 8 {
				t.Errorf("%s at %d: %v, oldest %d", what, base, got.err, refused.Oldest)
			}
		}
	}
	if text := f.text(); text.Version != 17 || text.Content != strings.Repeat("x", 17) {
		t.Errorf("the text is %q at %d", text.Content, text.Version)
	}
}
