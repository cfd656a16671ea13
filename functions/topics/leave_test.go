package topics_test

import (
	"testing"
	"time"

	"github.com/rapport/rapport/shared/testkit"
)

// A window that closes is told as left when its message comes; nothing is told
// before, nothing where the message comes twice, and nothing of the person's
// windows over another socket and without one.
func TestAClosedSocketLeaves(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada, other, ben := r.ada.Connect(t), r.ada.Connect(t), r.ben.Connect(t)
	subscribe(t, ben, r.state())
	ok(t, ada, r.beat(1, "active"))
	ok(t, other, r.beat(1, "typing", object{"clientId": "c-2"}))
	if code := r.told(t, r.ada, 1, "idle", object{"clientId": "c-3"}); code != "" {
		t.Fatalf("refused with %s", code)
	}
	seen, all := r.presence(t, ben, 0)
	expect(t, "all are there", seen, "", "+user_ada active", "+user_ada typing", "+user_ada idle")
	closing := all[1].Here[0].ClientKey

	ada.Close(t)
	seen, _ = r.presence(t, ben, len(all))
	expect(t, "nothing yet", seen)
	waiting := r.Queues.Snapshot()[0]
	if waiting.Delayed != 1 || waiting.Visible != 0 {
		t.Errorf("the message isn't held back: %+v", waiting)
	}
	_, next, err := r.Queues.Awaken("Departures")
	if wait := time.Until(next); err != nil || wait > 8*time.Second || wait < 4*time.Second {
		t.Errorf("it comes in %v, %v", wait, err)
	}
	given := r.Queue(t, "realtime/leave")
	if len(given.Messages) != 1 || len(given.Failed) != 0 || given.Messages[0].Attributes["sourceId"].Text != ada.ID {
		t.Fatalf("delivered %+v", given)
	}
	seen, now := r.presence(t, ben, len(all))
	expect(t, "left", seen, "-user_ada")
	if left := now[len(all)].Left[0].ClientKey; left != closing {
		t.Errorf("%s left, want %s", left, closing)
	}
	if got := r.here(t, r.ben); len(got) != 2 {
		t.Errorf("there are %v, want the two other windows", got)
	}

	again := testkit.QueueEvent("Departures", given.Messages)
	if _, err := r.Invoke(t.Context(), "realtime/leave", again); err != nil {
		t.Fatal(err)
	}
	seen, _ = r.presence(t, ben, len(all))
	expect(t, "told once", seen, "-user_ada")
	if r.Stored(t, "Realtime")["CONNECTION#"+ada.ID+"/CONNECTION"] != nil {
		t.Error("the connection's row is still there")
	}
}

// Who comes back before the message, by whatever way, has not left, and others see
// nothing at all.
func TestAClientThatComesBackStays(t *testing.T) {
	t.Parallel()
	overSocket := func(seq int) func(*testing.T, *room) {
		return func(t *testing.T, r *room) { ok(t, r.ada.Connect(t), r.beat(seq, "active")) }
	}
	overHTTP := func(seq int) func(*testing.T, *room) {
		return func(t *testing.T, r *room) {
			if code := r.told(t, r.ada, seq, "active"); code != "" {
				t.Errorf("refused with %s", code)
			}
		}
	}
	for name, tt := range map[string]struct {
		before, after func(*testing.T, *room)
		messages      int
	}{
		"over another socket":           {after: overSocket(51), messages: 1},
		"over HTTP":                     {after: overHTTP(51), messages: 1},
		"after a reload, counting anew": {after: overSocket(1), messages: 1},
		"over HTTP, counting anew":      {after: overHTTP(1), messages: 1},
		"before the old socket closed":  {before: overSocket(51)},
		"by HTTP before it closed":      {before: overHTTP(51)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			ada, ben := r.ada.Connect(t), r.ben.Connect(t)
			subscribe(t, ben, r.state())
			ok(t, ada, r.beat(50, "active"))
			r.pass(t, 2000, r.ada)
			_, all := r.presence(t, ben, 0)
			if tt.before != nil {
				tt.before(t, r)
			}
			ada.Close(t)
			if tt.after != nil {
				tt.after(t, r)
			}
			if given := r.Queue(t, "realtime/leave"); len(given.Messages) != tt.messages || len(given.Failed) != 0 {
				t.Errorf("delivered %+v, want %d messages", given, tt.messages)
			}
			seen, _ := r.presence(t, ben, len(all))
			expect(t, "others see", seen)
			if got := r.here(t, r.ben); len(got) != 1 {
				t.Errorf("there are %v, want the client", got)
			}
		})
	}
}

// Who said that they leave has left; the mark goes with the socket, so that they may
// come back counting anew.
func TestASocketOfWhoHasGoneSendsNothing(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada, ben := r.ada.Connect(t), r.ben.Connect(t)
	subscribe(t, ben, r.state())
	ok(t, ada, r.beat(50, "active"))
	ok(t, ada, r.beat(51, "gone"))
	ada.Close(t)
	if given := r.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("delivered %+v", given)
	}
	ok(t, r.ada.Connect(t), r.beat(1, "active"))
	seen, _ := r.presence(t, ben, 1)
	expect(t, "told", seen, "+user_ada active", "-user_ada", "+user_ada active")
}

// A socket whose client was nowhere present has nothing to be looked at.
func TestASocketWithoutPresenceSendsNothing(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada := r.ada.Connect(t)
	subscribe(t, ada, r.state())
	ada.Close(t)
	if given := r.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("delivered %+v", given)
	}
}

// A sender that finds a socket gone takes it down before its $disconnect has run;
// that still knows where its client was present.
func TestASocketFoundGoneLeavesToo(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada, ben := r.ada.Connect(t), r.ben.Connect(t)
	subscribe(t, ben, r.state())
	subscribe(t, ada, r.state())
	ok(t, ada, r.beat(1, "active"))
	ada.Vanish()
	ok(t, ben, r.beat(1, "active", object{"clientId": "b-1"}))
	_, all := r.presence(t, ben, 0)
	if r.Stored(t, "Realtime")["TOPIC#"+r.state()+"/CONNECTION#"+ada.ID] != nil {
		t.Fatal("the sender has not taken the socket down")
	}
	ada.Close(t)
	r.Queue(t, "realtime/leave")
	seen, _ := r.presence(t, ben, len(all))
	expect(t, "left", seen, "-user_ada")
	if r.Stored(t, "Realtime")["CONNECTION#"+ada.ID+"/CONNECTION"] != nil {
		t.Error("the connection's row is still there")
	}
}

// What a message says is checked like a request.
func TestADepartureThatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for _, body := range []string{`no JSON`, `{"connectionId":"c","userId":"u","topics":[]}`} {
		r.SendRaw(t, "Departures", body)
	}
	r.SendRaw(t, "Departures", `{"connectionId":"c","userId":"u","topics":["meetings/x"]}`)
	for try := range 5 {
		given := r.Queue(t, "realtime/leave")
		if want := 2; len(given.Failed) != want {
			t.Fatalf("try %d: %d failed, want %d", try, len(given.Failed), want)
		}
	}
	if given := r.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("still delivered: %+v", given.Messages)
	}
	if buried := r.Queues.Snapshot()[0].Buried; buried != 2 {
		t.Errorf("%d dead letters", buried)
	}
}
