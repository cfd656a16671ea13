package topics_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/testkit"
)

// rename changes what a person is called, and hands the change to those who
// propagate it.
func (r *room) rename(t *testing.T, p *testkit.Person, name string) {
	t.Helper()
	p.Call(t, "PATCH /v1/me", object{"displayName": name}).Expect(t, 200)
	r.stream(t, "Data", "streams/project")
}

// called gives what the newest frames of a socket call a person: in the meeting's
// state, and in its presence.
func (r *room) called(t *testing.T, s *testkit.Socket, p *testkit.Person) (state, presence string) {
	t.Helper()
	if event := last(t, s, "event", r.state()); event != nil {
		var whole struct {
			Events []struct {
				Data struct {
					Participants []struct{ UserID, DisplayName string }
				}
			}
		}
		if err := json.Unmarshal(event.Raw, &whole); err != nil {
			t.Fatal(err)
		}
		for _, one := range whole.Events[len(whole.Events)-1].Data.Participants {
			if one.UserID == p.ID {
				state = one.DisplayName
			}
		}
	}
	_, all := r.presence(t, s, 0)
	for _, frame := range all {
		for _, one := range frame.Here {
			if one.UserID == p.ID {
				presence = one.DisplayName
			}
		}
	}
	return state, presence
}

func TestNewNameReachesWhoIsThere(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada, ben := r.ada.Connect(t), r.ben.Connect(t)
	subscribe(t, ada, r.state())
	ok(t, ben, r.beat(1, "active"))
	r.rename(t, r.ben, "Benjamin")
	if state, presence := r.called(t, ada, r.ben); state != "Benjamin" || presence != "Benjamin" {
		t.Errorf("Ben is called %q in the state and %q in presence", state, presence)
	}
	// His socket was opened under the old name; what it says goes on under the new
	// one, and so does what another socket of his says.
	r.pass(t, 2000, r.ben)
	ok(t, ben, r.beat(2, "typing"))
	if _, presence := r.called(t, ada, r.ben); presence != "Benjamin" {
		t.Errorf("a heartbeat calls him %q", presence)
	}
	ok(t, r.ben.Connect(t), r.beat(1, "active", object{"clientId": "c-2"}))
	cara := r.ada.Connect(t)
	subscribe(t, cara, r.state())
	if state, presence := r.called(t, cara, r.ben); state != "Benjamin" || presence != "Benjamin" {
		t.Errorf("who comes later hears of %q in the state and %q in presence", state, presence)
	}
	// A record that comes again tells nobody anything.
	frames := len(ada.Frames(t))
	r.rename(t, r.ben, "Benjamin")
	if more := ada.Frames(t)[frames:]; len(more) > 0 {
		t.Errorf("told again: %v", more)
	}
}

// Whoever enters a meeting while they are renamed is there under the new name:
// their entry commits before the change of the row, and is found, or after it.
func TestRenamedWhileEntering(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ada := r.ada.Connect(t)
	subscribe(t, ada, r.state())
	for round := range 4 {
		name := fmt.Sprint("Ben ", round)
		sockets := []*testkit.Socket{r.ben.Connect(t), r.ben.Connect(t)}
		testkit.AtOnce(len(sockets)+1, func(i int) struct{} {
			if i == len(sockets) {
				r.rename(t, r.ben, name)
			} else {
				ok(t, sockets[i], r.beat(1, "active", object{"clientId": fmt.Sprint("c-", round, i)}))
			}
			return struct{}{}
		})
		r.stream(t, "Data", "streams/project")
		for key, item := range r.Stored(t, "Realtime") {
			if strings.HasPrefix(key, "PRESENCE#") && item["userId"] == r.ben.ID && item["displayName"] != name {
				t.Errorf("round %d: the row has %v", round, item["displayName"])
			}
		}
		if _, presence := r.called(t, ada, r.ben); presence != name {
			t.Errorf("round %d: the last frame calls him %q", round, presence)
		}
		for _, socket := range sockets {
			socket.Close(t)
		}
	}
}

// No row of a socket keeps a name that could grow old.
func TestSocketsKeepNoName(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.ben.Connect(t)
	for key, item := range r.Stored(t, "Realtime") {
		if _, named := item["displayName"]; named && slices.Contains([]string{"CONNECTION", "SOCKETS"}, strings.Split(key, "#")[0]) {
			t.Errorf("%s has the name %v", key, item["displayName"])
		}
	}
}
