package topics_test

import (
	"fmt"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
)

// sendHeartbeat sends a heartbeat of the client c-1 by one of the two ways.
type sendHeartbeat func(t *testing.T, seq int, status string, more ...object) errs.Kind

// Who says so leaves at once, by either way, and no heartbeat from before brings
// them back.
func TestGone(t *testing.T) {
	t.Parallel()
	ways := map[string]func(t *testing.T, f *fixture) sendHeartbeat{
		"over a socket": func(t *testing.T, f *fixture) sendHeartbeat {
			s := f.ada.Connect(t)
			return func(t *testing.T, seq int, status string, more ...object) errs.Kind {
				return s.Ask(t, f.beat(seq, status, more...)).Code
			}
		},
		"over HTTP": func(t *testing.T, f *fixture) sendHeartbeat {
			return func(t *testing.T, seq int, status string, more ...object) errs.Kind {
				return f.received(t, f.ada, seq, status, more...)
			}
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ben := f.ben.Connect(t)
			subscribe(t, ben, f.state())
			received := 1 // the frame that says that nobody is there
			say := way(t, f)
			step := func(what string, seq int, status string, want ...string) {
				t.Helper()
				if code := say(t, seq, status); code != "" {
					t.Fatalf("%s: refused with %s", what, code)
				}
				seen, all := f.presence(t, ben, received)
				expect(t, what, seen, want...)
				received = len(all)
			}
			step("coming", 5, "active", "+user_ada active")
			step("leaving", 6, "gone", "-user_ada")
			step("the same again", 6, "gone")
			step("once more", 7, "gone")
			step("a heartbeat from before", 4, "active")
			step("with the same number", 7, "active")
			if got := f.here(t, f.ben); len(got) > 0 {
				t.Errorf("there is %v", got)
			}
			late := f.ben.Connect(t)
			subscribe(t, late, f.state())
			seen, _ := f.presence(t, late, 0)
			expect(t, "shown to who subscribes", seen, "")
			f.pass(t, 2000, f.ada)
			step("coming back", 8, "typing", "+user_ada typing")
			step("leaving too late", 7, "gone")
			step("leaving again", 9, "gone", "-user_ada")

			// Nobody is notified of marks again when they are removed.
			f.pass(t, 46_000, f.ada)
			ok(t, ben, f.beat(1, "active"))
			seen, all := f.presence(t, ben, received)
			expect(t, "after a while", seen, "+user_ben active")
			received = len(all)
			for key, item := range f.Stored(t, "Realtime") {
				if item["status"] == "gone" {
					t.Errorf("%s is left", key)
				}
			}
			step("counting anew after a silence", 1, "active", "+user_ada active")
		})
	}
}

// A client of which nobody knows leaves without a word; a heartbeat that it had
// sent before and that comes later brings nobody.
func TestGoneBeforeComing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ben, f.state())
	other := object{"clientId": "c-2"}
	ok(t, ada, f.beat(1, "active", other))
	ok(t, ada, f.beat(2, "gone"))
	ok(t, ada, f.beat(1, "active"))
	seen, _ := f.presence(t, ben, 1)
	expect(t, "told", seen, "+user_ada active")
	if got := f.here(t, f.ben); len(got) != 1 {
		t.Errorf("there are %v, want the other window alone", got)
	}
	// Leaving has no cursor, but one does no harm; the other window stays when this
	// one leaves.
	f.pass(t, 2000, f.ada)
	ok(t, ada, f.beat(3, "active"))
	ok(t, ada, f.beat(4, "gone", object{"cursor": object{"anchor": 1, "head": 1, "version": 1}}))
	if got := f.here(t, f.ben); len(got) != 1 || got[0].Cursor != nil {
		t.Errorf("there are %v, want the other window alone", got)
	}

	eve := f.User("eve")
	if got := eve.Connect(t).Ask(t, f.beat(1, "gone")); got.Code != errs.Forbidden {
		t.Errorf("an outsider who leaves: %s, want FORBIDDEN", got.Raw)
	}
	f.ada.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	f.ada.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200)
	ok(t, ada, f.beat(5, "gone"))
	ok(t, ada, f.beat(6, "gone"))
}

// Marks are bounded as clients are: they can't fill the table.
func TestGoneIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.ada.Connect(t)
	for i := range 30 {
		ok(t, ada, f.beat(1, "gone", object{"clientId": fmt.Sprint("never-", i)}))
	}
	marks := 0
	for _, item := range f.Stored(t, "Realtime") {
		if item["status"] == "gone" {
			marks++
		}
	}
	if marks != 10 {
		t.Errorf("%d marks, want 10", marks)
	}
	if got := ada.Ask(t, f.beat(1, "active")); got.Code != errs.RateLimited {
		t.Errorf("coming after ten that have gone: %s, want RATE_LIMITED", got.Raw)
	}
	f.pass(t, 46_000, f.ada)
	ok(t, ada, f.beat(1, "active"))
}
