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
func TestHTTPHasWhatTopicsTell(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	spoken := "meetings/" + r.id + "/transcript"
	ben := r.ben.Connect(t)
	for _, topic := range []string{r.state(), r.notes, spoken} {
		subscribe(t, ben, topic)
	}
	r.ada.Call(t, "POST "+r.path+"/start", nil).Expect(t, 200)
	for range 3 {
		r.write(t)
		r.ada.Call(t, "POST "+r.path+"/transcript", object{"chunks": []any{
			object{"text": "So.", "confidence": 0.5, "startMs": 0, "endMs": 900, "isFinal": true},
		}}).Expect(t, 200)
	}
	r.ada.Call(t, "POST "+r.path+"/participants", object{"userId": r.User("eve").ID, "role": "observer"}).Expect(t, 201)

	same := func(what string, told, asked any) {
		t.Helper()
		if diff := cmp.Diff(told, asked); diff != "" {
			t.Errorf("%s: what was told, and what was asked for (-told +asked):\n%s", what, diff)
		}
	}
	for path, topic := range map[string]string{"/notes/changes": r.notes, "/transcript": spoken} {
		var told []object
		for _, event := range ben.Events(t, topic) {
			var data object
			if err := json.Unmarshal(event.Data, &data); err != nil {
				t.Fatal(err)
			}
			told = append(told, data)
		}
		if len(told) != 3 {
			t.Fatalf("%d events of %s", len(told), topic)
		}
		same(path, told, testkit.As[items](t, r.ben.Call(t, "GET "+r.path+path+"?from=0", nil)).Items)
		same(path+" from 1", told[1:], testkit.As[items](t, r.ben.Call(t, "GET "+r.path+path+"?from=1", nil)).Items)
		if got := testkit.As[items](t, r.ben.Call(t, "GET "+r.path+path+"?from=3", nil)).Items; len(got) != 0 {
			t.Errorf("%s from the newest on: %v", path, got)
		}
	}

	events := ben.Events(t, r.state())
	var state struct {
		Meeting      object
		Participants []object
	}
	if err := json.Unmarshal(events[len(events)-1].Data, &state); err != nil {
		t.Fatal(err)
	}
	meeting := testkit.As[object](t, r.ben.Call(t, "GET "+r.path, nil))
	people := testkit.As[items](t, r.ben.Call(t, "GET "+r.path+"/participants", nil))
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
	r := &room{Harness: testkit.New(t, timed(clock.System{}, slog.New(calls)))}
	r.ada = r.User("ada")
	var others []any
	const people = 101
	for n := range people - 1 {
		person := r.User(fmt.Sprintf("person-%03d-with-a-real-id-01k0", n))
		person.Call(t, "GET /v1/me", nil).Expect(t, 200)
		others = append(others, object{"userId": person.ID, "role": "participant"})
	}
	r.id = testkit.As[struct{ MeetingID string }](t, r.ada.Call(t, "POST /v1/meetings", object{"title": "Plan", "participants": others})).MeetingID
	r.path = "/v1/meetings/" + r.id
	for seq := 1; seq <= 20; seq++ {
		r.write(t)
	}
	const access = 4 // the session, the caller, the meeting and the participant
	perHour := 0.0
	for _, tt := range []struct {
		request string
		most    float64
		always  bool
	}{
		{"GET " + r.path, access, true},
		{"GET " + r.path + "/notes/changes?from=20&limit=200", access + 3, true},
		{"GET " + r.path + "/transcript?from=0&limit=200", access + 3, true},
		{"GET " + r.path + "/presence", access + 1, true},
		{"GET " + r.path + "/participants?limit=200", access + 9, false},
	} {
		r.ada.Call(t, tt.request, nil).Expect(t, 200) // whoever comes first reads the issuer's keys
		r.ada.Call(t, tt.request, nil).Expect(t, 200)
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
