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
func (f *fixture) rename(t *testing.T, p *testkit.Person, name string) {
	t.Helper()
	p.Call(t, "PATCH /v1/me", object{"displayName": name}).Expect(t, 200)
	f.stream(t, "Data", "streams/project")
}

// called gives what the newest frames of a socket call a person: in the meeting's
// state, and in its presence.
func (f *fixture) called(t *testing.T, s *testkit.Socket, p *testkit.Person) (state, presence string) {
	t.Helper()
	if event := last(t, s, "event", f.state()); event != nil {
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
	_, all := f.presence(t, s, 0)
	for _, frame := range all {
		for _, presentClient := range frame.Here {
			if presentClient.UserID == p.ID {
				presence = presentClient.DisplayName
			}
		}
	}
	return state, presence
}

func TestNewNameReachesWhoIsThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, ben := f.ada.Connect(t), f.ben.Connect(t)
	subscribe(t, ada, f.state())
	ok(t, ben, f.beat(1, "active"))
	f.rename(t, f.ben, "Benjamin")
	if state, presence := f.called(t, ada, f.ben); state != "Benjamin" || presence != "Benjamin" {
		t.Errorf("Ben is called %q in the state and %q in presence", state, presence)
	}
	// His socket was opened under the old name; what it says goes on under the new
	// one, and so does what another socket of his says.
	f.pass(t, 2000, f.ben)
	ok(t, ben, f.beat(2, "typing"))
	if _, presence := f.called(t, ada, f.ben); presence != "Benjamin" {
		t.Errorf("a heartbeat calls him %q", presence)
	}
	ok(t, f.ben.Connect(t), f.beat(1, "active", object{"clientId": "c-2"}))
	cara := f.ada.Connect(t)
	subscribe(t, cara, f.state())
	if state, presence := f.called(t, cara, f.ben); state != "Benjamin" || presence != "Benjamin" {
		t.Errorf("who comes later hears of %q in the state and %q in presence", state, presence)
	}
	// A record that comes again sends nothing.
	frames := len(ada.Frames(t))
	f.rename(t, f.ben, "Benjamin")
	if more := ada.Frames(t)[frames:]; len(more) > 0 {
		t.Errorf("told again: %v", more)
	}
}

// Whoever enters a meeting while they are renamed is there under the new name:
// their entry commits before the change of the row, and is found, or after it.
func TestRenamedWhileEntering(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.ada.Connect(t)
	subscribe(t, ada, f.state())
	for round := range 4 {
		name := fmt.Sprint("Ben ", round)
		sockets := []*testkit.Socket{f.ben.Connect(t), f.ben.Connect(t)}
		testkit.AtOnce(len(sockets)+1, func(i int) struct{} {
			if i == len(sockets) {
				f.rename(t, f.ben, name)
			} else {
				ok(t, sockets[i], f.beat(1, "active", object{"clientId": fmt.Sprint("c-", round, i)}))
			}
			return struct{}{}
		})
		f.stream(t, "Data", "streams/project")
		for key, item := range f.Stored(t, "Realtime") {
			if strings.HasPrefix(key, "PRESENCE#") && item["userId"] == f.ben.ID && item["displayName"] != name {
				t.Errorf("round %d: the row has %v", round, item["displayName"])
			}
		}
		if _, presence := f.called(t, ada, f.ben); presence != name {
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
	f := newFixture(t)
	f.ben.Connect(t)
	for key, item := range f.Stored(t, "Realtime") {
		if _, named := item["displayName"]; named && slices.Contains([]string{"CONNECTION", "SOCKETS"}, strings.Split(key, "#")[0]) {
			t.Errorf("%s has the name %v", key, item["displayName"])
		}
	}
}
