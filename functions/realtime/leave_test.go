package realtime_test

import (
	"testing"
	"time"

	"github.com/rapport/rapport/shared/testkit"
)

// A window that closes is told as left when its message comes; nothing is told
// before, and nothing where the message comes twice.
func TestAClosedSocketLeaves(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada, ben := r.ada.Connect(t), r.ben.Connect(t)
	subscribe(t, ben, r.state())
	ok(t, ada, r.beat(1, "active"))
	ok(t, ben, r.beat(1, "idle", object{"clientId": "b-1"}))
	seen, all := r.presence(t, ben, 0)
	expect(t, "both are there", seen, "", "+user_ada active", "+user_ben idle")

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
	seen, _ = r.presence(t, ben, len(all))
	expect(t, "left", seen, "-user_ada")

	again := testkit.QueueEvent("Departures", given.Messages)
	if _, err := r.Invoke(t.Context(), "realtime/leave", again); err != nil {
		t.Fatal(err)
	}
	seen, _ = r.presence(t, ben, len(all))
	expect(t, "told once", seen, "-user_ada")
	if r.Stored(t, "Realtime")["CONNECTION#"+ada.ID+" CONNECTION"] != nil {
		t.Error("the connection's row is still there")
	}
}

// A reload doesn't flicker: the client is back on another socket before the
// message comes, and others see nothing at all.
func TestAReloadStays(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada, ben := r.ada.Connect(t), r.ben.Connect(t)
	subscribe(t, ben, r.state())
	ok(t, ada, r.beat(1, "active"))
	other := r.ada.Connect(t)
	ok(t, other, r.beat(1, "active", object{"clientId": "c-2"}))
	_, all := r.presence(t, ben, 0)

	ada.Close(t)
	back := r.ada.Connect(t)
	r.pass(t, 2000, r.ada)
	ok(t, back, r.beat(2, "active"))
	if given := r.Queue(t, "realtime/leave"); len(given.Messages) != 1 || len(given.Failed) != 0 {
		t.Fatalf("delivered %+v", given)
	}
	seen, _ := r.presence(t, ben, len(all))
	expect(t, "others see", seen)

	// The one window stays where the other closes.
	other.Close(t)
	r.Queue(t, "realtime/leave")
	seen, now := r.presence(t, ben, len(all))
	expect(t, "the other window left", seen, "-user_ada")
	if left := now[len(now)-1].Left[0].ClientKey; left == all[1].Here[0].ClientKey {
		t.Error("the wrong window left")
	}
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
	if r.Stored(t, "Realtime")["TOPIC#"+r.state()+" CONNECTION#"+ada.ID] != nil {
		t.Fatal("the sender has not taken the socket down")
	}
	ada.Close(t)
	r.Queue(t, "realtime/leave")
	seen, _ := r.presence(t, ben, len(all))
	expect(t, "left", seen, "-user_ada")
	if r.Stored(t, "Realtime")["CONNECTION#"+ada.ID+" CONNECTION"] != nil {
		t.Error("the connection's row is still there")
	}
}

// What a message says is checked like a request.
func TestADepartureThatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for _, body := range []string{`no JSON`, `{"connectionId":"c","userId":"u","topics":[]}`, `{"connectionId":"c","userId":"u","topics":["meetings"]}`} {
		r.SendRaw(t, "Departures", body)
	}
	r.SendRaw(t, "Departures", `{"connectionId":"c","userId":"u","topics":["meetings/x"]}`)
	for try := range 5 {
		given := r.Queue(t, "realtime/leave")
		if want := 3; len(given.Failed) != want {
			t.Fatalf("try %d: %d failed, want %d", try, len(given.Failed), want)
		}
	}
	if given := r.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("still delivered: %+v", given.Messages)
	}
	if buried := r.Queues.Snapshot()[0].Buried; buried != 3 {
		t.Errorf("%d dead letters", buried)
	}
}
