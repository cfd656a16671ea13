package topics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
)

// fixture is a started meeting of Ada, its host, and Ben.
type fixture struct {
	*testkit.Harness
	ada, ben *testkit.Person
	id, path string
	notes    string
	seq      int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	h := testkit.New(t, functions.All())
	f := &fixture{Harness: h, ada: h.User("ada"), ben: h.User("ben")}
	created := testkit.As[struct{ MeetingID string }](t, f.ada.Call(t, "POST /v1/meetings", map[string]any{
		"title": "Plan", "participants": []any{map[string]any{"userId": f.ben.ID, "role": "participant"}},
	}))
	f.id, f.path, f.notes = created.MeetingID, "/v1/meetings/"+created.MeetingID, "meetings/"+created.MeetingID+"/notes"
	return f
}

// write commits one change of Ada's.
func (f *fixture) write(t *testing.T) {
	t.Helper()
	f.seq++
	f.ada.Call(t, "POST "+f.path+"/notes/changes", map[string]any{
		"baseVersion": 0, "clientId": "ada-1", "clientSeq": f.seq,
		"ops": []any{map[string]any{"type": "insert", "position": 0, "content": "x"}},
	}).Expect(t, 200)
}

func subscribe(t *testing.T, s *testkit.Socket, topic string, from ...int) testkit.Frame {
	t.Helper()
	frame := map[string]any{"action": "subscribe", "id": "s", "topic": topic}
	if len(from) > 0 {
		frame["from"] = from[0]
	}
	answer := s.Ask(t, frame)
	if answer.Type != "subscribed" {
		t.Fatalf("subscribe %s: %s", topic, answer.Raw)
	}
	return answer
}

func (f *fixture) stream(t *testing.T, table, function string) {
	t.Helper()
	if got := f.Stream(t, table, function); len(got.Failed) > 0 {
		t.Fatalf("%s of %s: %+v", function, table, got)
	}
}

// last gives the newest frame of a type for a topic.
func last(t *testing.T, s *testkit.Socket, kind, topic string) *testkit.Frame {
	t.Helper()
	var found *testkit.Frame
	for _, frame := range s.Frames(t) {
		if frame.Type == kind && frame.Topic == topic {
			found = &frame
		}
	}
	return found
}

func TestSubscribe(t *testing.T) {
	f := newFixture(t)
	f.write(t)
	f.write(t)
	t.Run("without from gets what comes from now on", func(t *testing.T) {
		s := f.ben.Connect(t)
		if got := subscribe(t, s, f.notes); got.Position != 2 {
			t.Errorf("subscribed at %d, want 2", got.Position)
		}
		f.write(t)
		if got := s.Events(t, f.notes); len(got) != 1 || got[0].Position != 3 {
			t.Errorf("got %v, want position 3 alone", got)
		}
	})
	t.Run("with from gets what was missed", func(t *testing.T) {
		s := f.ben.Connect(t)
		subscribe(t, s, f.notes, 1)
		if got := s.Events(t, f.notes); len(got) != 2 || got[0].Position != 2 || got[1].Position != 3 {
			t.Errorf("got %v, want positions 2 and 3", got)
		}
	})
	t.Run("a state comes once, whole", func(t *testing.T) {
		s := f.ben.Connect(t)
		got := subscribe(t, s, "meetings/"+f.id)
		events := s.Events(t, "meetings/"+f.id)
		if len(events) != 1 || events[0].Position != got.Position || !strings.Contains(string(events[0].Data), `"participants"`) {
			t.Errorf("got %v, want the state at %d", events, got.Position)
		}
		f.ada.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
		if events = s.Events(t, "meetings/"+f.id); len(events) != 2 || events[1].Position != got.Position+1 {
			t.Errorf("got %v, want a second state", events)
		}
	})
	t.Run("a socket that is not open is refused", func(t *testing.T) {
		s := f.ben.Connect(t)
		s.Close(t)
		f.ChangesNothing(t, func() { s.Send(t, map[string]any{"action": "subscribe", "id": "1", "topic": f.notes}) })
	})
	t.Run("another's meeting is refused", func(t *testing.T) {
		s := f.User("eve").Connect(t)
		if got := s.Ask(t, map[string]any{"action": "subscribe", "id": "1", "topic": f.notes}); got.Code != errs.Forbidden {
			t.Errorf("got %s, want FORBIDDEN", got.Raw)
		}
	})
	t.Run("unsubscribed gets nothing", func(t *testing.T) {
		s := f.ben.Connect(t)
		subscribe(t, s, f.notes)
		if got := s.Ask(t, map[string]any{"action": "unsubscribe", "id": "2", "topic": f.notes}); got.Type != "unsubscribed" {
			t.Errorf("got %s", got.Raw)
		}
		f.write(t)
		if got := s.Events(t, f.notes); len(got) != 0 {
			t.Errorf("got %v after unsubscribing", got)
		}
	})
}

// A replay longer than 1,000 events is ended by a head.
func TestLongReplayEndsWithHead(t *testing.T) {
	f := newFixture(t)
	const total = 1010
	for seq := 1; seq <= total; seq++ {
		f.ada.Call(t, "POST "+f.path+"/notes/changes", map[string]any{
			"baseVersion": seq - 1, "clientId": "ada-1", "clientSeq": seq,
			"ops": []any{map[string]any{"type": "insert", "position": 0, "content": "x"}},
		}).Expect(t, 200)
	}
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes, 0)
	events := s.Events(t, f.notes)
	if len(events) != 1000 {
		t.Fatalf("%d events, want 1,000", len(events))
	}
	head := last(t, s, "head", f.notes)
	if head == nil || head.Position != total {
		t.Fatalf("head %v, want position %d", head, total)
	}
	subscribe(t, s, f.notes, 1000)
	if events = s.Events(t, f.notes); len(events) != total {
		t.Errorf("%d events altogether, want %d", len(events), total)
	}
}

// What the express lane couldn't deliver, the durable lane sends, and a replay
// brings.
func TestDurableLaneRepairsALostPost(t *testing.T) {
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	s.Fail()
	f.write(t)
	if got := s.Events(t, f.notes); len(got) != 0 {
		t.Fatalf("got %v over a failing socket", got)
	}
	s.Recover()
	f.stream(t, "Log", "streams/project")
	f.stream(t, "Log", "streams/fanout")
	if head := last(t, s, "head", f.notes); head == nil || head.Position != 1 {
		t.Fatalf("head %v, want position 1", head)
	}
	subscribe(t, s, f.notes, 0)
	if got := s.Events(t, f.notes); len(got) != 1 {
		t.Errorf("got %v, want the missed event", got)
	}
}

// A head has the text's hash where the snapshot is of exactly that version.
func TestHeadHasTheHashOfTheSnapshot(t *testing.T) {
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	f.write(t)
	f.stream(t, "Log", "streams/fanout")
	if head := last(t, s, "head", f.notes); head != nil {
		t.Fatalf("head %s before the snapshot, which is to come", head.Raw)
	}
	f.stream(t, "Log", "streams/project")
	f.stream(t, "Log", "streams/fanout")
	text := testkit.As[struct {
		Version int64
		Content string
		Hash    string
	}](t, f.ben.Call(t, "GET "+f.path+"/notes", nil))
	if head := last(t, s, "head", f.notes); head == nil || head.Hash != text.Hash || head.Position != text.Version {
		t.Errorf("head %v, want version %d with hash %s", head, text.Version, text.Hash)
	}
}

// A socket that is gone is taken down by the first post that finds it so.
func TestGoneSocketIsTakenDown(t *testing.T) {
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	s.Vanish()
	f.write(t)
	for key := range f.Stored(t, "Realtime") {
		if strings.Contains(key, s.ID) {
			t.Errorf("%s is left of the socket that is gone", key)
		}
	}
	posts := s.Posts()
	f.write(t)
	if s.Posts() != posts {
		t.Error("another post went to the socket that is gone")
	}
}

// A function that died between the mark and the end of the streams: the durable
// lane does the rest, and spares who came back meanwhile.
func TestDurableLaneRepeatsARevocation(t *testing.T) {
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	key := table.Key{PK: "MEETING#" + f.id, SK: "PARTICIPANT#" + f.ben.ID}
	mark := func(status string) {
		if err := f.Tables.Data.Update(t.Context(), key, table.Update{Set: map[string]any{"status": status}}); err != nil {
			t.Fatal(err)
		}
	}
	mark("removed")
	f.stream(t, "Data", "streams/fanout")
	if got := last(t, s, "revoked", f.notes); got == nil || got.Reason != "removed" {
		t.Fatalf("got %v, want revoked with reason removed", got)
	}
	f.write(t)
	if got := s.Events(t, f.notes); len(got) != 0 {
		t.Errorf("got %v after the removal", got)
	}

	mark("active")
	mark("removed")
	mark("active")
	subscribe(t, s, f.notes)
	before := len(s.Frames(t))
	f.stream(t, "Data", "streams/fanout")
	for _, frame := range s.Frames(t)[before:] {
		if frame.Type == "revoked" {
			t.Errorf("an old record ended a subscription that stands: %s", frame.Raw)
		}
	}
}

// The same records again do no harm.
func TestFanoutIsIdempotent(t *testing.T) {
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	f.write(t)
	f.stream(t, "Log", "streams/fanout")
	f.ada.Call(t, fmt.Sprintf("DELETE %s/participants/%s", f.path, f.ben.ID), nil).Expect(t, 204)
	stored := f.Stored(t, "Realtime")
	f.Restart()
	f.stream(t, "Data", "streams/fanout")
	f.stream(t, "Data", "streams/fanout")
	if got := f.Stored(t, "Realtime"); len(got) != len(stored) {
		t.Errorf("%d rows, %d before", len(got), len(stored))
	}
}

// A person's own topic is theirs alone; the flags are everybody's, sent whole.
func TestTopicsOfNoMeeting(t *testing.T) {
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.User("ben")
	s := ada.Connect(t)
	if got := subscribe(t, s, "users/"+ada.ID); got.Position != 0 {
		t.Errorf("subscribed at %d, want 0", got.Position)
	}
	if got := s.Ask(t, map[string]any{"action": "subscribe", "id": "1", "topic": "users/" + ben.ID}); got.Code != errs.Forbidden {
		t.Errorf("another's topic: %s, want FORBIDDEN", got.Raw)
	}
	subscribe(t, s, "flags")
	if got := s.Events(t, "flags"); len(got) != 1 || string(got[0].Data) == "" {
		t.Errorf("flags came as %v, want their state once", got)
	}
}

// A function died right after it had marked a subscription: senders pass it
// over, and whoever repeats the revocation notifies the socket and deletes it.
func TestRevokedIsRepeated(t *testing.T) {
	f := newFixture(t)
	s := f.ben.Connect(t)
	subscribe(t, s, f.notes)
	key := table.Key{PK: "TOPIC#" + f.notes, SK: "CONNECTION#" + s.ID}
	if err := f.Tables.Realtime.Update(t.Context(), key, table.Update{Set: map[string]any{"ended": true}}); err != nil {
		t.Fatal(err)
	}
	f.write(t)
	if got := s.Events(t, f.notes); len(got) != 0 {
		t.Errorf("got %v over a subscription that is marked", got)
	}
	f.ada.Call(t, fmt.Sprintf("DELETE %s/participants/%s", f.path, f.ben.ID), nil).Expect(t, 204)
	if got := last(t, s, "revoked", f.notes); got == nil || got.Reason != "removed" {
		t.Errorf("got %v, want revoked", got)
	}
	for stored := range f.Stored(t, "Realtime") {
		if strings.Contains(stored, "TOPIC#"+f.notes) {
			t.Errorf("%s is left", stored)
		}
	}
}
