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

// room is a started meeting of Ada, its host, and Ben.
type room struct {
	*testkit.Harness
	ada, ben *testkit.Person
	id, path string
	notes    string
	seq      int
}

func newRoom(t *testing.T) *room {
	t.Helper()
	w := testkit.New(t, functions.All())
	r := &room{Harness: w, ada: w.User("ada"), ben: w.User("ben")}
	created := testkit.As[struct{ MeetingID string }](t, r.ada.Call(t, "POST /v1/meetings", map[string]any{
		"title": "Plan", "participants": []any{map[string]any{"userId": r.ben.ID, "role": "participant"}},
	}))
	r.id, r.path, r.notes = created.MeetingID, "/v1/meetings/"+created.MeetingID, "meetings/"+created.MeetingID+"/notes"
	return r
}

// write commits one change of Ada's.
func (r *room) write(t *testing.T) {
	t.Helper()
	r.seq++
	r.ada.Call(t, "POST "+r.path+"/notes/changes", map[string]any{
		"baseVersion": 0, "clientId": "ada-1", "clientSeq": r.seq,
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

func (r *room) stream(t *testing.T, table, function string) {
	t.Helper()
	if got := r.Stream(t, table, function); len(got.Failed) > 0 {
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
	r := newRoom(t)
	r.write(t)
	r.write(t)
	t.Run("without from gets what comes from now on", func(t *testing.T) {
		s := r.ben.Connect(t)
		if got := subscribe(t, s, r.notes); got.Position != 2 {
			t.Errorf("subscribed at %d, want 2", got.Position)
		}
		r.write(t)
		if got := s.Events(t, r.notes); len(got) != 1 || got[0].Position != 3 {
			t.Errorf("got %v, want position 3 alone", got)
		}
	})
	t.Run("with from gets what was missed", func(t *testing.T) {
		s := r.ben.Connect(t)
		subscribe(t, s, r.notes, 1)
		if got := s.Events(t, r.notes); len(got) != 2 || got[0].Position != 2 || got[1].Position != 3 {
			t.Errorf("got %v, want positions 2 and 3", got)
		}
	})
	t.Run("a state comes once, whole", func(t *testing.T) {
		s := r.ben.Connect(t)
		got := subscribe(t, s, "meetings/"+r.id)
		events := s.Events(t, "meetings/"+r.id)
		if len(events) != 1 || events[0].Position != got.Position || !strings.Contains(string(events[0].Data), `"participants"`) {
			t.Errorf("got %v, want the state at %d", events, got.Position)
		}
		r.ada.Call(t, "POST "+r.path+"/start", nil).Expect(t, 200)
		if events = s.Events(t, "meetings/"+r.id); len(events) != 2 || events[1].Position != got.Position+1 {
			t.Errorf("got %v, want a second state", events)
		}
	})
	t.Run("a socket that is not open is refused", func(t *testing.T) {
		s := r.ben.Connect(t)
		s.Close(t)
		r.ChangesNothing(t, func() { s.Send(t, map[string]any{"action": "subscribe", "id": "1", "topic": r.notes}) })
	})
	t.Run("another's meeting is refused", func(t *testing.T) {
		s := r.User("eve").Connect(t)
		if got := s.Ask(t, map[string]any{"action": "subscribe", "id": "1", "topic": r.notes}); got.Code != errs.Forbidden {
			t.Errorf("got %s, want FORBIDDEN", got.Raw)
		}
	})
	t.Run("unsubscribed gets nothing", func(t *testing.T) {
		s := r.ben.Connect(t)
		subscribe(t, s, r.notes)
		if got := s.Ask(t, map[string]any{"action": "unsubscribe", "id": "2", "topic": r.notes}); got.Type != "unsubscribed" {
			t.Errorf("got %s", got.Raw)
		}
		r.write(t)
		if got := s.Events(t, r.notes); len(got) != 0 {
			t.Errorf("got %v after unsubscribing", got)
		}
	})
}

// A replay longer than 1,000 events is ended by a head.
func TestLongReplayEndsWithHead(t *testing.T) {
	r := newRoom(t)
	const total = 1010
	for seq := 1; seq <= total; seq++ {
		r.ada.Call(t, "POST "+r.path+"/notes/changes", map[string]any{
			"baseVersion": seq - 1, "clientId": "ada-1", "clientSeq": seq,
			"ops": []any{map[string]any{"type": "insert", "position": 0, "content": "x"}},
		}).Expect(t, 200)
	}
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes, 0)
	events := s.Events(t, r.notes)
	if len(events) != 1000 {
		t.Fatalf("%d events, want 1,000", len(events))
	}
	head := last(t, s, "head", r.notes)
	if head == nil || head.Position != total {
		t.Fatalf("head %v, want position %d", head, total)
	}
	subscribe(t, s, r.notes, 1000)
	if events = s.Events(t, r.notes); len(events) != total {
		t.Errorf("%d events altogether, want %d", len(events), total)
	}
}

// What the express lane couldn't deliver, the durable lane tells, and a replay
// brings.
func TestDurableLaneRepairsALostPost(t *testing.T) {
	r := newRoom(t)
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes)
	s.Fail()
	r.write(t)
	if got := s.Events(t, r.notes); len(got) != 0 {
		t.Fatalf("got %v over a failing socket", got)
	}
	s.Recover()
	r.stream(t, "Log", "streams/project")
	r.stream(t, "Log", "streams/fanout")
	if head := last(t, s, "head", r.notes); head == nil || head.Position != 1 {
		t.Fatalf("head %v, want position 1", head)
	}
	subscribe(t, s, r.notes, 0)
	if got := s.Events(t, r.notes); len(got) != 1 {
		t.Errorf("got %v, want the missed event", got)
	}
}

// A head has the text's hash where the snapshot is of exactly that version.
func TestHeadHasTheHashOfTheSnapshot(t *testing.T) {
	r := newRoom(t)
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes)
	r.write(t)
	r.stream(t, "Log", "streams/fanout")
	if head := last(t, s, "head", r.notes); head != nil {
		t.Fatalf("head %s before the snapshot, which is to come", head.Raw)
	}
	r.stream(t, "Log", "streams/project")
	r.stream(t, "Log", "streams/fanout")
	text := testkit.As[struct {
		Version int64
		Content string
		Hash    string
	}](t, r.ben.Call(t, "GET "+r.path+"/notes", nil))
	if head := last(t, s, "head", r.notes); head == nil || head.Hash != text.Hash || head.Position != text.Version {
		t.Errorf("head %v, want version %d with hash %s", head, text.Version, text.Hash)
	}
}

// A socket that is gone is taken down by the first post that finds it so.
func TestGoneSocketIsTakenDown(t *testing.T) {
	r := newRoom(t)
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes)
	s.Vanish()
	r.write(t)
	for key := range r.Stored(t, "Realtime") {
		if strings.Contains(key, s.ID) {
			t.Errorf("%s is left of the socket that is gone", key)
		}
	}
	posts := s.Posts()
	r.write(t)
	if s.Posts() != posts {
		t.Error("another post went to the socket that is gone")
	}
}

// A function that died between the mark and the end of the streams: the durable
// lane does the rest, and spares who came back meanwhile.
func TestDurableLaneRepeatsARevocation(t *testing.T) {
	r := newRoom(t)
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes)
	key := table.Key{PK: "MEETING#" + r.id, SK: "PARTICIPANT#" + r.ben.ID}
	mark := func(status string) {
		if err := r.Tables.Data.Update(t.Context(), key, table.Update{Set: map[string]any{"status": status}}); err != nil {
			t.Fatal(err)
		}
	}
	mark("removed")
	r.stream(t, "Data", "streams/fanout")
	if got := last(t, s, "revoked", r.notes); got == nil || got.Reason != "removed" {
		t.Fatalf("got %v, want revoked with reason removed", got)
	}
	r.write(t)
	if got := s.Events(t, r.notes); len(got) != 0 {
		t.Errorf("got %v after the removal", got)
	}

	mark("active")
	mark("removed")
	mark("active")
	subscribe(t, s, r.notes)
	before := len(s.Frames(t))
	r.stream(t, "Data", "streams/fanout")
	for _, frame := range s.Frames(t)[before:] {
		if frame.Type == "revoked" {
			t.Errorf("an old record ended a subscription that stands: %s", frame.Raw)
		}
	}
}

// The same records again do no harm.
func TestFanoutIsIdempotent(t *testing.T) {
	r := newRoom(t)
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes)
	r.write(t)
	r.stream(t, "Log", "streams/fanout")
	r.ada.Call(t, fmt.Sprintf("DELETE %s/participants/%s", r.path, r.ben.ID), nil).Expect(t, 204)
	stored := r.Stored(t, "Realtime")
	r.Restart()
	r.stream(t, "Data", "streams/fanout")
	r.stream(t, "Data", "streams/fanout")
	if got := r.Stored(t, "Realtime"); len(got) != len(stored) {
		t.Errorf("%d rows, %d before", len(got), len(stored))
	}
}

// A person's own topic is theirs alone; the flags are everybody's, sent whole.
func TestTopicsOfNoMeeting(t *testing.T) {
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
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
// over, and whoever repeats the revocation tells the socket and deletes it.
func TestRevokedIsToldAgain(t *testing.T) {
	r := newRoom(t)
	s := r.ben.Connect(t)
	subscribe(t, s, r.notes)
	key := table.Key{PK: "TOPIC#" + r.notes, SK: "CONNECTION#" + s.ID}
	if err := r.Tables.Realtime.Update(t.Context(), key, table.Update{Set: map[string]any{"ended": true}}); err != nil {
		t.Fatal(err)
	}
	r.write(t)
	if got := s.Events(t, r.notes); len(got) != 0 {
		t.Errorf("got %v over a subscription that is marked", got)
	}
	r.ada.Call(t, fmt.Sprintf("DELETE %s/participants/%s", r.path, r.ben.ID), nil).Expect(t, 204)
	if got := last(t, s, "revoked", r.notes); got == nil || got.Reason != "removed" {
		t.Errorf("got %v, want revoked", got)
	}
	for stored := range r.Stored(t, "Realtime") {
		if strings.Contains(stored, "TOPIC#"+r.notes) {
			t.Errorf("%s is left", stored)
		}
	}
}
