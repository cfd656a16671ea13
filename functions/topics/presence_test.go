package topics_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
)

type object = map[string]any

// presentClient is a client in a frame of presence.
type presentClient struct {
	UserID      string `json:"userId"`
	ClientKey   string `json:"clientKey"`
	DisplayName string `json:"displayName"`
	Status      string `json:"status"`
	Cursor      *struct{ Anchor, Head, Version int }
}

type presenceNews struct{ Here, Left []presentClient }

// presence gives the frames of presence that a socket has got since it was last
// asked, as `+user status` and `-user`, and all of them.
func (f *fixture) presence(t *testing.T, s *testkit.Socket, skip int) (seen []string, all []presenceNews) {
	t.Helper()
	for _, frame := range s.Frames(t) {
		if frame.Type != "presence" {
			continue
		}
		var got presenceNews
		if err := json.Unmarshal(frame.Raw, &got); err != nil || got.Here == nil || got.Left == nil || frame.Topic != f.state() {
			t.Fatalf("a frame of presence %s: %v", frame.Raw, err)
		}
		all = append(all, got)
	}
	for _, frame := range all[min(skip, len(all)):] {
		text := ""
		for _, presentClient := range frame.Left {
			text += " -" + presentClient.UserID
		}
		for _, presentClient := range frame.Here {
			text += " +" + presentClient.UserID + " " + presentClient.Status
		}
		seen = append(seen, strings.TrimSpace(text))
	}
	return seen, all
}

func (f *fixture) state() string { return "meetings/" + f.id }

// beat is a heartbeat of the client c-1.
func (f *fixture) beat(seq int, status string, more ...object) object {
	frame := object{"action": "presence", "id": fmt.Sprint("p", seq), "topic": f.state(), "clientId": "c-1", "seq": seq, "status": status}
	for _, change := range more {
		for name, value := range change {
			frame[name] = value
			if value == nil {
				delete(frame, name)
			}
		}
	}
	return frame
}

func ok(t *testing.T, s *testkit.Socket, frame object) {
	t.Helper()
	if got := s.Ask(t, frame); string(got.Raw) != fmt.Sprintf(`{"type":"ok","id":%q}`, frame["id"]) {
		t.Fatalf("%v: got %s, want ok", frame, got.Raw)
	}
}

// pass lets time pass for whoever is present: their rows get older.
func (f *fixture) pass(t *testing.T, ms float64, users ...*testkit.Person) {
	t.Helper()
	for key, item := range f.Stored(t, "Realtime") {
		if !strings.HasPrefix(key, "PRESENCE#") {
			continue
		}
		for _, user := range users {
			if item["userId"] != user.ID {
				continue
			}
			err := f.Tables.Realtime.Update(t.Context(), table.Key{PK: item["PK"].(string), SK: item["SK"].(string)}, table.Update{
				Set: map[string]any{"at": int64(item["at"].(float64) - ms), "tat": int64(item["tat"].(float64) - ms)},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	seen, _ := f.presence(t, ben, 0)
	expect(t, "nobody is there", seen, "")

	ok(t, ada, f.beat(1, "active"))
	f.pass(t, 20_000, f.ada)
	posts := ada.Posts()
	ada.Send(t, f.beat(2, "active", object{"id": nil}))
	if ada.Posts() != posts {
		t.Error("a heartbeat without id was answered")
	}
	cursor := object{"cursor": object{"anchor": 3, "head": 9, "version": 12}}
	f.pass(t, 20_000, f.ada)
	ok(t, ada, f.beat(3, "active", cursor))
	f.pass(t, 20_000, f.ada)
	ok(t, ada, f.beat(4, "active", cursor))
	f.pass(t, 1000, f.ada)
	ok(t, ada, f.beat(5, "typing", cursor))
	seen, all := f.presence(t, ben, 1)
	expect(t, "changes alone are told", seen, "+user_ada active", "+user_ada active", "+user_ada typing")
	first, moved := all[1].Here[0], all[2].Here[0]
	if first.DisplayName != "Ada Test" || first.Cursor != nil || len(first.ClientKey) < 16 || strings.Contains(first.ClientKey, "c-1") {
		t.Errorf("came as %+v", first)
	}
	if moved.ClientKey != first.ClientKey || moved.Cursor == nil || moved.Cursor.Anchor != 3 || moved.Cursor.Head != 9 || moved.Cursor.Version != 12 {
		t.Errorf("moved as %+v", moved)
	}

	// Two windows of one person are two clients; whoever subscribes sees both.
	other := f.ada.Connect(t)
	ok(t, other, f.beat(1, "idle", object{"clientId": "c-2"}))
	late := f.ben.Connect(t)
	subscribe(t, late, f.state())
	_, all = f.presence(t, late, 0)
	if len(all) != 1 || len(all[0].Here) != 2 || all[0].Here[0].ClientKey == all[0].Here[1].ClientKey {
		t.Errorf("who is there came as %+v, want two clients", all)
	}

	// The notes have no presence, and whoever follows only them learns of none.
	notes := f.ben.Connect(t)
	subscribe(t, notes, f.notes)
	f.pass(t, 2000, f.ada)
	ok(t, ada, f.beat(6, "idle"))
	if seen, _ := f.presence(t, notes, 0); len(seen) > 0 {
		t.Errorf("told %v on another topic", seen)
	}
}

func TestPresenceRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.ben.Connect(t)
	big := strings.Repeat("x", 256)
	tests := []struct {
		name   string
		change object
		want   errs.Kind
		at     string
	}{
		{"another's meeting", object{"topic": "meetings/other"}, errs.Forbidden, ""},
		{"the notes", object{"topic": f.notes}, errs.Validation, "body.topic"},
		{"a user", object{"topic": "users/" + f.ben.ID}, errs.Validation, "body.topic"},
		{"no topic", object{"topic": "weather"}, errs.Validation, "body.topic"},
		{"topic missing", object{"topic": nil}, errs.Validation, "body.topic"},
		{"no client", object{"clientId": ""}, errs.Validation, "body.clientId"},
		{"a long client", object{"clientId": big}, errs.Validation, "body.clientId"},
		{"no seq", object{"seq": nil}, errs.Validation, "body.seq"},
		{"negative", object{"seq": -1}, errs.Validation, "body.seq"},
		{"not whole", object{"seq": 1.5}, errs.Validation, "body.seq"},
		{"a status that isn't", object{"status": "asleep"}, errs.Validation, "body.status"},
		{"half a cursor", object{"cursor": object{"anchor": 1, "head": 1}}, errs.Validation, "body.cursor.version"},
		{"a cursor before the text", object{"cursor": object{"anchor": -1, "head": 0, "version": 0}}, errs.Validation, "body.cursor.anchor"},
		{"a cursor behind any text", object{"cursor": object{"anchor": 0, "head": 262145, "version": 0}}, errs.Validation, "body.cursor.head"},
		{"a cursor with more", object{"cursor": object{"anchor": 0, "head": 0, "version": 0, "x": 1}}, errs.Validation, "body.cursor.x"},
		{"no cursor but null", object{"cursor": json.RawMessage("null")}, errs.Validation, "body.cursor"},
		{"more", object{"x": 1}, errs.Validation, "body.x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.ChangesNothing(t, func() {
				for _, id := range []any{"1", nil} {
					before := len(s.Frames(t))
					s.Send(t, f.beat(1, "active", tt.change, object{"id": id}))
					frames := s.Frames(t)[before:]
					if len(frames) != 1 || frames[0].Type != "error" || frames[0].Code != tt.want || (frames[0].ID == "") != (id == nil) {
						t.Fatalf("id %v: got %v, want %s", id, frames, tt.want)
					}
					if tt.at != "" && (len(frames[0].Errors) != 1 || frames[0].Errors[0].Location != tt.at) {
						t.Errorf("got %s, want the problem at %s", frames[0].Raw, tt.at)
					}
				}
			})
		})
	}
	gone := f.ben.Connect(t)
	gone.Close(t)
	f.ChangesNothing(t, func() { gone.Send(t, f.beat(1, "active")) })
}

// Of a client's frames the highest number wins, in whatever order they come.
func TestPresenceHighestWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	ok(t, ada, f.beat(5, "active"))
	ok(t, ada, f.beat(4, "typing"))
	f.pass(t, 5000, f.ada)
	ok(t, ada, f.beat(3, "idle"))
	seen, _ := f.presence(t, ben, 1)
	expect(t, "late frames change nothing", seen, "+user_ada active")
	// The same frame again: whoever took it may have died before the others knew.
	ok(t, ada, f.beat(5, "active"))
	seen, _ = f.presence(t, ben, 2)
	expect(t, "the same again", seen, "+user_ada active")
	// After a silence that others took for the end, a client may begin anew.
	f.pass(t, 46_000, f.ada)
	ok(t, ada, f.beat(1, "idle"))
	seen, _ = f.presence(t, ben, 3)
	expect(t, "back with a lower number", seen, "+user_ada idle")

	for round := range 5 {
		f.pass(t, 10_000, f.ada)
		base := 10 + 10*round
		answers := testkit.AtOnce(4, func(i int) testkit.Frame { return ada.Ask(t, f.beat(base+i, "active")) })
		highest := 0
		for i, answer := range answers {
			if answer.Type == "ok" {
				highest = base + i
			} else if answer.Code != errs.RateLimited {
				t.Errorf("got %s", answer.Raw)
			}
		}
		for key, item := range f.Stored(t, "Realtime") {
			if strings.HasPrefix(key, "PRESENCE#") && int(item["seq"].(float64)) != highest {
				t.Errorf("stored is seq %v, the highest that was taken is %d", item["seq"], highest)
			}
		}
	}
}

func TestPresenceLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.ada.Connect(t)
	ok(t, s, f.beat(1, "active"))
	f.pass(t, -10_000, f.ada) // as if many had come at once
	f.ChangesNothing(t, func() {
		if got := s.Ask(t, f.beat(2, "active")); got.Code != errs.RateLimited {
			t.Errorf("too many frames: %s", got.Raw)
		}
	})
	f.pass(t, 12_000, f.ada)
	ok(t, s, f.beat(2, "active"))
	for client := range 9 {
		ok(t, s, f.beat(1, "active", object{"clientId": fmt.Sprint("more-", client)}))
	}
	f.ChangesNothing(t, func() {
		if got := s.Ask(t, f.beat(1, "active", object{"clientId": "eleventh"})); got.Code != errs.RateLimited {
			t.Errorf("the eleventh client: %s", got.Raw)
		}
	})
	f.pass(t, 46_000, f.ada)
	ok(t, s, f.beat(1, "active", object{"clientId": "eleventh"}))
}

// Over one socket a client is present in twenty meetings, and can go on to
// others when it has left some.
func TestPresenceInManyMeetings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.ada.Connect(t)
	enter := func() testkit.Frame {
		id := testkit.As[struct{ MeetingID string }](t, f.ada.Call(t, "POST /v1/meetings", object{"title": "Plan"})).MeetingID
		return s.Ask(t, f.beat(1, "active", object{"topic": "meetings/" + id}))
	}
	for range 20 {
		if got := enter(); got.Type != "ok" {
			t.Fatalf("entering: %s", got.Raw)
		}
	}
	if got := enter(); got.Code != errs.RateLimited {
		t.Fatalf("the twenty-first: %s", got.Raw)
	}
	f.pass(t, 46_000, f.ada)
	if got := enter(); got.Type != "ok" {
		t.Errorf("after leaving the others: %s", got.Raw)
	}
	for _, item := range f.Stored(t, "Realtime") {
		if present, ok := item["present"].([]string); ok && len(present) != 1 {
			t.Errorf("the socket has %d meetings, want the last one", len(present))
		}
	}
	f.ada.Revoke(t).Expect(t, 200)
	for key := range f.Stored(t, "Realtime") {
		if strings.HasPrefix(key, "PRESENCE#") {
			t.Errorf("%s is left after the end of the session", key)
		}
	}
}

// Who is silent for 45 seconds has left: the others' next heartbeats find it.
func TestPresenceExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	ok(t, ada, f.beat(1, "active"))
	ok(t, ben, f.beat(1, "active"))
	f.pass(t, 35_000, f.ada)
	f.pass(t, 20_000, f.ben)
	ok(t, ben, f.beat(2, "active"))
	seen, _ := f.presence(t, ben, 1)
	expect(t, "after 35 s", seen, "+user_ada active", "+user_ben active")
	f.pass(t, 11_000, f.ada)
	f.pass(t, 20_000, f.ben)
	ok(t, ben, f.beat(3, "active"))
	ok(t, ben, f.beat(4, "active"))
	seen, all := f.presence(t, ben, 3)
	expect(t, "after 46 s, once", seen, "-user_ada")
	if all[3].Left[0].ClientKey != all[1].Here[0].ClientKey {
		t.Errorf("left as %+v, came as %+v", all[3].Left[0], all[1].Here[0])
	}
	ok(t, ada, f.beat(2, "active"))
	seen, _ = f.presence(t, ben, 4)
	expect(t, "back", seen, "+user_ada active")

	// Whoever subscribes finds it too, and isn't shown who has left.
	f.pass(t, 46_000, f.ada)
	late := f.ben.Connect(t)
	subscribe(t, late, f.state())
	seen, _ = f.presence(t, ben, 5)
	expect(t, "found by who subscribes", seen, "-user_ada")
	seen, _ = f.presence(t, late, 0)
	expect(t, "shown to who subscribes", seen[:1], "+user_ben active")
}

// A client that moves to a new socket stays who it is, and nobody is notified.
func TestPresenceSurvivesANewSocket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ben := f.ben.Connect(t)
	subscribe(t, ben, f.state())
	old := f.ada.Connect(t)
	ok(t, old, f.beat(1, "active"))
	f.pass(t, 2000, f.ada)
	fresh := f.ada.Connect(t)
	ok(t, fresh, f.beat(2, "active"))
	old.Close(t)
	f.pass(t, 20_000, f.ada)
	ok(t, fresh, f.beat(3, "active"))
	seen, _ := f.presence(t, ben, 1)
	expect(t, "told", seen, "+user_ada active")
	f.pass(t, 2000, f.ada)
	ok(t, fresh, f.beat(4, "idle"))
	_, all := f.presence(t, ben, 0)
	if all[1].Here[0].ClientKey != all[2].Here[0].ClientKey {
		t.Error("the client has another key over its new socket")
	}
}

func TestPresenceEndsWithThePermission(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (f *fixture, ada, ben *testkit.Socket) {
		f = newFixture(t)
		f.ada.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
		ada, ben = f.ada.Connect(t), f.ben.Connect(t)
		subscribe(t, ada, f.state())
		subscribe(t, ben, f.state())
		ok(t, ben, f.beat(1, "active"))
		ok(t, ada, f.beat(1, "active"))
		f.pass(t, 2000, f.ada, f.ben)
		return f, ada, ben
	}
	seat := func(f *fixture) string { return f.path + "/participants/" + f.ben.ID }
	t.Run("removal", func(t *testing.T) {
		f, ada, ben := begin(t)
		f.ada.Call(t, "DELETE "+seat(f), nil).Expect(t, 204)
		seen, _ := f.presence(t, ada, 3)
		expect(t, "told", seen, "-user_ben")
		if got := ben.Ask(t, f.beat(2, "typing")); got.Code != errs.Forbidden {
			t.Errorf("a heartbeat of who was removed: %s", got.Raw)
		}
		seen, _ = f.presence(t, ben, 3)
		expect(t, "told who was removed", seen)
	})
	t.Run("another role", func(t *testing.T) {
		f, ada, ben := begin(t)
		f.ada.Call(t, "PATCH "+seat(f), object{"role": "observer"}).Expect(t, 200)
		ok(t, ben, f.beat(2, "idle"))
		seen, _ := f.presence(t, ada, 3)
		expect(t, "told", seen, "+user_ben idle")
	})
	t.Run("end of the meeting", func(t *testing.T) {
		f, ada, ben := begin(t)
		f.ada.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200)
		_, all := f.presence(t, ada, 0)
		if left := all[len(all)-1].Left; len(left) != 2 || len(all[len(all)-1].Here) != 0 {
			t.Errorf("told %+v, want both to have left", all[len(all)-1])
		}
		if got := ben.Ask(t, f.beat(2, "active")); got.Code != errs.MeetingNotActive {
			t.Errorf("a heartbeat after the end: %s", got.Raw)
		}
		late := f.ben.Connect(t)
		subscribe(t, late, f.state())
		seen, _ := f.presence(t, late, 0)
		expect(t, "after the end", seen, "")
	})
	t.Run("end of the session", func(t *testing.T) {
		f, ada, ben := begin(t)
		elsewhere := *f.ben
		elsewhere.Session = "session_elsewhere"
		other := elsewhere.Connect(t)
		ok(t, other, f.beat(1, "active", object{"clientId": "c-2"}))
		f.ben.Revoke(t).Expect(t, 200)
		seen, all := f.presence(t, ada, 4)
		expect(t, "told", seen, "-user_ben")
		if all[4].Left[0].ClientKey != all[1].Here[0].ClientKey {
			t.Error("the client of another session has left")
		}
		posts := ben.Posts()
		f.ChangesNothing(t, func() { ben.Send(t, f.beat(2, "active")) })
		if seen, _ := f.presence(t, ada, 5); len(seen) > 0 || ben.Posts() != posts+1 {
			t.Errorf("after the end of the session: told %v, %d posts", seen, ben.Posts()-posts)
		}
	})
	t.Run("a removal that died", func(t *testing.T) {
		f, ada, ben := begin(t)
		key := table.Key{PK: "MEETING#" + f.id, SK: "PARTICIPANT#" + f.ben.ID}
		if err := f.Tables.Data.Update(t.Context(), key, table.Update{Set: map[string]any{"status": "removed"}}); err != nil {
			t.Fatal(err)
		}
		f.stream(t, "Data", "streams/fanout")
		seen, _ := f.presence(t, ada, 3)
		expect(t, "told", seen, "-user_ben")
		if got := ben.Ask(t, f.beat(2, "typing")); got.Code != errs.Forbidden {
			t.Errorf("a heartbeat of who was removed: %s", got.Raw)
		}
	})
}
