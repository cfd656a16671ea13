package topics_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit"
)

type items struct {
	Items    []object
	Revision int64
}

// What topics tell over a socket can be asked for over HTTP, the same.
func TestHTTPAnswersWhatTopicsSend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	spoken := "meetings/" + f.id + "/transcript"
	ben := f.ben.Connect(t)
	for _, topic := range []string{f.state(), f.notes, spoken} {
		subscribe(t, ben, topic)
	}
	f.ada.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	for range 3 {
		f.write(t)
		f.ada.Call(t, "POST "+f.path+"/transcript", object{"chunks": []any{
			object{"text": "So.", "confidence": 0.5, "startMs": 0, "endMs": 900, "isFinal": true},
		}}).Expect(t, 200)
	}
	f.ada.Call(t, "POST "+f.path+"/participants", object{"userId": f.User("eve").ID, "role": "observer"}).Expect(t, 201)

	same := func(what string, received, asked any) {
		t.Helper()
		if diff := cmp.Diff(received, asked); diff != "" {
			t.Errorf("%s: what was told, and what was asked for (-told +asked):\n%s", what, diff)
		}
	}
	for path, topic := range map[string]string{"/notes/changes": f.notes, "/transcript": spoken} {
		var received []object
		for _, event := range ben.Events(t, topic) {
			var data object
			if err := json.Unmarshal(event.Data, &data); err != nil {
				t.Fatal(err)
			}
			received = append(received, data)
		}
		if len(received) != 3 {
			t.Fatalf("%d events of %s", len(received), topic)
		}
		same(path, received, testkit.As[items](t, f.ben.Call(t, "GET "+f.path+path+"?from=0", nil)).Items)
		same(path+" from 1", received[1:], testkit.As[items](t, f.ben.Call(t, "GET "+f.path+path+"?from=1", nil)).Items)
		if got := testkit.As[items](t, f.ben.Call(t, "GET "+f.path+path+"?from=3", nil)).Items; len(got) != 0 {
			t.Errorf("%s from the newest on: %v", path, got)
		}
	}

	events := ben.Events(t, f.state())
	var state struct {
		Meeting      object
		Participants []object
	}
	if err := json.Unmarshal(events[len(events)-1].Data, &state); err != nil {
		t.Fatal(err)
	}
	meeting := testkit.As[object](t, f.ben.Call(t, "GET "+f.path, nil))
	people := testkit.As[items](t, f.ben.Call(t, "GET "+f.path+"/participants", nil))
	if meeting["role"] != "participant" {
		t.Errorf("Ben's own role came as %v", meeting["role"])
	}
	if meeting["epoch"] != "1" {
		t.Errorf("the meeting's revision came as of epoch %v", meeting["epoch"])
	}
	delete(meeting, "role")
	delete(meeting, "epoch")
	same("the meeting", state.Meeting, meeting)
	same("its participants", state.Participants, people.Items)
	if people.Revision != events[len(events)-1].Position {
		t.Errorf("participants at revision %d, want %d", people.Revision, events[len(events)-1].Position)
	}
}

// A client without a socket asks every two seconds while something moves, so each
// answer that says that nothing has must be cheap. It prints what they cost.
func TestCostOfPolling(t *testing.T) {
	t.Parallel()
	calls := newLedger()
	f := &fixture{Harness: testkit.New(t, timed(clock.System{}, slog.New(calls)))}
	f.ada = f.User("ada")
	var others []any
	const people = 101
	for n := range people - 1 {
		person := f.User(fmt.Sprintf("person-%03d-with-a-real-id-01k0", n))
		person.Call(t, "GET /v1/me", nil).Expect(t, 200)
		others = append(others, object{"userId": person.ID, "role": "participant"})
	}
	f.id = testkit.As[struct{ MeetingID string }](t, f.ada.Call(t, "POST /v1/meetings", object{"title": "Plan", "participants": others})).MeetingID
	f.path = "/v1/meetings/" + f.id
	for seq := 1; seq <= 20; seq++ {
		f.write(t)
	}
	const access = 4 // the session, the caller, the meeting and the participant
	perHour := 0.0
	for _, tt := range []struct {
		request string
		most    float64
		always  bool
	}{
		{"GET " + f.path, access, true},
		{"GET " + f.path + "/notes/changes?from=20&limit=200", access + 3, true},
		{"GET " + f.path + "/transcript?from=0&limit=200", access + 3, true},
		{"GET " + f.path + "/presence", access + 1, true},
		{"GET " + f.path + "/participants?limit=200", access + 9, false},
	} {
		f.ada.Call(t, tt.request, nil).Expect(t, 200) // whoever comes first reads the issuer's keys
		f.ada.Call(t, tt.request, nil).Expect(t, 200)
		got := calls.last()
		t.Logf("%s: %g read units, %g write units", got.function, got.read, got.write)
		if got.write != 0 || got.read > tt.most {
			t.Errorf("%s costs %g read and %g write units, want at most %g and none", tt.request, got.read, got.write, tt.most)
		}
		if tt.always {
			perHour += got.read * float64(time.Hour/(2*time.Second))
		}
	}
	t.Logf("a client-hour without a socket, asking every 2 s: %g read units", perHour)
}
