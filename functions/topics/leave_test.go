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
	f := newFixture(t)
	ada, other, ben := f.ada.Connect(t), f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	ok(t, ada, f.beat(1, "active"))
	ok(t, other, f.beat(1, "typing", object{"clientId": "c-2"}))
	if code := f.received(t, f.ada, 1, "idle", object{"clientId": "c-3"}); code != "" {
		t.Fatalf("refused with %s", code)
	}
	seen, all := f.presence(t, ben, 0)
	expect(t, "all are there", seen, "", "+user_ada active", "+user_ada typing", "+user_ada idle")
	closing := all[1].Here[0].ClientKey

	ada.Close(t)
	seen, _ = f.presence(t, ben, len(all))
	expect(t, "nothing yet", seen)
	waiting := f.Queues.Snapshot()[0]
	if waiting.Delayed != 1 || waiting.Visible != 0 {
		t.Errorf("the message isn't held back: %+v", waiting)
	}
	_, next, err := f.Queues.Awaken("Departures")
	if wait := time.Until(next); err != nil || wait > 8*time.Second || wait < 4*time.Second {
		t.Errorf("it comes in %v, %v", wait, err)
	}
	given := f.Queue(t, "realtime/leave")
	if len(given.Messages) != 1 || len(given.Failed) != 0 || given.Messages[0].Attributes["sourceId"].Text != ada.ID {
		t.Fatalf("delivered %+v", given)
	}
	seen, now := f.presence(t, ben, len(all))
	expect(t, "left", seen, "-user_ada")
	if left := now[len(all)].Left[0].ClientKey; left != closing {
		t.Errorf("%s left, want %s", left, closing)
	}
	if got := f.here(t, f.ben); len(got) != 2 {
		t.Errorf("there are %v, want the two other windows", got)
	}

	again := testkit.QueueEvent("Departures", given.Messages)
	if _, err := f.Invoke(t.Context(), "realtime/leave", again); err != nil {
		t.Fatal(err)
	}
	seen, _ = f.presence(t, ben, len(all))
	expect(t, "told once", seen, "-user_ada")
	if f.Stored(t, "Realtime")["CONNECTION#"+ada.ID+"/CONNECTION"] != nil {
		t.Error("the connection's row is still there")
	}
}

// Who comes back before the message, by whatever way, has not left, and others see
// nothing at all.
func TestAClientThatComesBackStays(t *testing.T) {
	t.Parallel()
	overSocket := func(seq int) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) { ok(t, f.ada.Connect(t), f.beat(seq, "active")) }
	}
	overHTTP := func(seq int) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) {
			if code := f.received(t, f.ada, seq, "active"); code != "" {
				t.Errorf("refused with %s", code)
			}
		}
	}
	for name, tt := range map[string]struct {
		before, after func(*testing.T, *fixture)
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
			f := newFixture(t)
			ada, ben := f.ada.Connect(t), f.ben.Connect(t)
			subscribe(t, ben, f.state())
			ok(t, ada, f.beat(50, "active"))
			f.pass(t, 2000, f.ada)
			_, all := f.presence(t, ben, 0)
			if tt.before != nil {
				tt.before(t, f)
			}
			ada.Close(t)
			if tt.after != nil {
				tt.after(t, f)
			}
			if given := f.Queue(t, "realtime/leave"); len(given.Messages) != tt.messages || len(given.Failed) != 0 {
				t.Errorf("delivered %+v, want %d messages", given, tt.messages)
			}
			seen, _ := f.presence(t, ben, len(all))
			expect(t, "others see", seen)
			if got := f.here(t, f.ben); len(got) != 1 {
				t.Errorf("there are %v, want the client", got)
			}
		})
	}
}

// Who said that they leave has left; the mark goes with the socket, so that they may
// come back counting anew.
func TestASocketThatLeftSendsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	ok(t, ada, f.beat(50, "active"))
	ok(t, ada, f.beat(51, "gone"))
	ada.Close(t)
	if given := f.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("delivered %+v", given)
	}
	ok(t, f.ada.Connect(t), f.beat(1, "active"))
	seen, _ := f.presence(t, ben, 1)
	expect(t, "told", seen, "+user_ada active", "-user_ada", "+user_ada active")
}

// A socket whose client was nowhere present has nothing to be looked at.
func TestASocketWithoutPresenceSendsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.ada.Connect(t)
	subscribe(t, ada, f.state())
	ada.Close(t)
	if given := f.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("delivered %+v", given)
	}
}

// A sender that finds a socket gone takes it down before its $disconnect has run;
// that still knows where its client was present.
func TestASocketFoundGoneLeavesToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	subscribe(t, ada, f.state())
	ok(t, ada, f.beat(1, "active"))
	ada.Vanish()
	ok(t, ben, f.beat(1, "active", object{"clientId": "b-1"}))
	_, all := f.presence(t, ben, 0)
	if f.Stored(t, "Realtime")["TOPIC#"+f.state()+"/CONNECTION#"+ada.ID] != nil {
		t.Fatal("the sender has not taken the socket down")
	}
	ada.Close(t)
	f.Queue(t, "realtime/leave")
	seen, _ := f.presence(t, ben, len(all))
	expect(t, "left", seen, "-user_ada")
	if f.Stored(t, "Realtime")["CONNECTION#"+ada.ID+"/CONNECTION"] != nil {
		t.Error("the connection's row is still there")
	}
}

// What a message says is checked like a request.
func TestADepartureThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, body := range []string{`no JSON`, `{"connectionId":"c","userId":"u","topics":[]}`} {
		f.SendRaw(t, "Departures", body)
	}
	f.SendRaw(t, "Departures", `{"connectionId":"c","userId":"u","topics":["meetings/x"]}`)
	for try := range 5 {
		given := f.Queue(t, "realtime/leave")
		if want := 2; len(given.Failed) != want {
			t.Fatalf("try %d: %d failed, want %d", try, len(given.Failed), want)
		}
	}
	if given := f.Queue(t, "realtime/leave"); len(given.Messages) != 0 {
		t.Errorf("still delivered: %+v", given.Messages)
	}
	if buried := f.Queues.Snapshot()[0].Buried; buried != 2 {
		t.Errorf("%d dead letters", buried)
	}
}
