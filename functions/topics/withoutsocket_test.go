package topics_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit"
)

// received says over HTTP that a person's client c-1 is there, and gives the code of a
// refusal.
func (f *fixture) received(t *testing.T, p *testkit.Person, seq int, status string, more ...object) errs.Kind {
	t.Helper()
	body := object{"clientId": "c-1", "seq": seq, "status": status}
	for _, change := range more {
		for name, value := range change {
			body[name] = value
			if value == nil {
				delete(body, name)
			}
		}
	}
	answer := p.Call(t, "POST "+f.path+"/presence", body)
	var got struct {
		Code      errs.Kind
		ClientKey string
		At        time.Time
	}
	answer.JSON(t, &got)
	if got.Code == "" && (answer.Status != 200 || len(got.ClientKey) != 22 || got.At.IsZero()) {
		t.Errorf("%s: %d %s", answer.Request, answer.Status, answer.Body)
	}
	return got.Code
}

// here asks over HTTP who is there.
func (f *fixture) here(t *testing.T, p *testkit.Person) []presentClient {
	t.Helper()
	return testkit.As[struct{ Items []presentClient }](t, p.Call(t, "GET "+f.path+"/presence", nil)).Items
}

func TestPresenceWithoutASocket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ben := f.ben.Connect(t)
	subscribe(t, ben, f.state())
	if got := f.here(t, f.ada); got == nil || len(got) > 0 {
		t.Errorf("there are %v, want an empty list", got)
	}
	come := func(seq int, status string, more ...object) {
		t.Helper()
		if code := f.received(t, f.ada, seq, status, more...); code != "" {
			t.Fatalf("refused with %s", code)
		}
	}
	come(1, "active")
	come(2, "typing", object{"cursor": object{"anchor": 3, "head": 9, "version": 12}})
	come(1, "idle")
	seen, all := f.presence(t, ben, 1)
	expect(t, "told over sockets", seen, "+user_ada active", "+user_ada typing")
	got := f.here(t, f.ben)
	if len(got) != 1 || got[0].UserID != f.ada.ID || got[0].DisplayName != "Ada Test" || got[0].Status != "typing" ||
		got[0].ClientKey != all[1].Here[0].ClientKey || got[0].Cursor == nil || got[0].Cursor.Head != 9 {
		t.Errorf("there are %+v", got)
	}

	// No socket stands behind it, and none is needed to stay.
	for seq := 3; seq < 8; seq++ {
		f.pass(t, 20_000, f.ada)
		come(seq, "typing")
	}
	if got := f.here(t, f.ben); len(got) != 1 {
		t.Errorf("after five heartbeats there are %+v", got)
	}

	// The client gets a socket, and loses it again.
	f.pass(t, 2000, f.ada)
	socket := f.ada.Connect(t)
	ok(t, socket, f.beat(8, "typing"))
	f.pass(t, 2000, f.ada)
	come(9, "typing")
	socket.Close(t)
	seen, all = f.presence(t, ben, 4)
	expect(t, "told of the way that it takes", seen)
	if got := f.here(t, f.ben); len(got) != 1 || got[0].ClientKey != all[1].Here[0].ClientKey {
		t.Errorf("after it moved there are %+v", got)
	}

	f.pass(t, 46_000, f.ada)
	if got := f.here(t, f.ben); len(got) > 0 {
		t.Errorf("after a silence there are %+v", got)
	}
	ok(t, ben, f.beat(1, "active"))
	seen, _ = f.presence(t, ben, 4)
	expect(t, "told of the silent", seen, "-user_ada +user_ben active")
}

func TestPresenceWithoutASocketRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	post, get := "POST "+f.path+"/presence", "GET "+f.path+"/presence"
	good := func() object { return object{"clientId": "c-1", "seq": 1, "status": "active"} }
	with := func(name string, value any) object {
		body := good()
		body[name] = value
		return body
	}
	tests := []struct {
		name string
		body object
		at   string
	}{
		{"no client", with("clientId", ""), "body.clientId"},
		{"a long client", with("clientId", strings.Repeat("x", 256)), "body.clientId"},
		{"negative", with("seq", -1), "body.seq"},
		{"not whole", with("seq", 1.5), "body.seq"},
		{"a status that isn't", with("status", "asleep"), "body.status"},
		{"half a cursor", with("cursor", object{"anchor": 1, "head": 1}), "body.cursor.version"},
		{"a cursor behind any text", with("cursor", object{"anchor": 0, "head": 262145, "version": 0}), "body.cursor.head"},
		{"no cursor but null", with("cursor", json.RawMessage("null")), "body.cursor"},
		{"a topic, which the path has", with("topic", f.state()), "body.topic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.ChangesNothing(t, func() { f.ada.Call(t, post, tt.body).Refused(t, errs.Validation, tt.at) })
		})
	}
	f.ChangesNothing(t, func() {
		f.ada.Call(t, get+"?what=1", nil).Refused(t, errs.Validation, "query.what")
		f.ada.Call(t, get+"?limit=201", nil).Refused(t, errs.Validation, "query.limit")
		f.ada.Call(t, get+"?cursor=abc", nil).Refused(t, errs.Validation, "query.cursor")
		f.Nobody().Call(t, get, nil).Refused(t, errs.Unauthorized)
		f.Nobody().Call(t, post, good()).Refused(t, errs.Unauthorized)
	})
	eve := f.User("eve")
	eve.Call(t, get, nil).Refused(t, errs.Forbidden)
	eve.Call(t, post, good()).Refused(t, errs.Forbidden)
	f.ada.Call(t, "GET /v1/meetings/other/presence", nil).Refused(t, errs.Forbidden)
	if got := f.here(t, f.ben); len(got) > 0 {
		t.Errorf("after refusals there are %+v", got)
	}

	f.ada.Call(t, post, good()).Expect(t, 200)
	f.pass(t, -10_000, f.ada) // as if many had come at once
	f.ada.Call(t, post, with("seq", 2)).Refused(t, errs.RateLimited)
	f.pass(t, 12_000, f.ada)
	for i := range 9 {
		f.ada.Call(t, post, with("clientId", fmt.Sprint("more-", i))).Expect(t, 200)
	}
	f.ada.Call(t, post, with("clientId", "eleventh")).Refused(t, errs.RateLimited)

	// They come in one answer, or in pages.
	if got := f.here(t, f.ben); len(got) != 10 {
		t.Errorf("there are %d, want 10", len(got))
	}
	keys := map[string]bool{}
	for path, pages := get+"?limit=4", 0; path != ""; pages++ {
		page := testkit.As[struct {
			Items      []presentClient
			NextCursor *string
		}](t, f.ben.Call(t, path, nil))
		for _, presentClient := range page.Items {
			keys[presentClient.ClientKey] = true
		}
		if path = ""; page.NextCursor != nil {
			path = get + "?limit=4&cursor=" + url.QueryEscape(*page.NextCursor)
		}
		if pages > 3 {
			t.Fatal("the list doesn't end")
		}
	}
	if len(keys) != 10 {
		t.Errorf("pages have %d, want 10", len(keys))
	}
}

// Over one session a client is present in twenty meetings at once, as over a socket.
func TestPresenceInManyMeetingsWithoutASocket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var paths []string
	enter := func() testkit.Answer {
		id := testkit.As[struct{ MeetingID string }](t, f.ada.Call(t, "POST /v1/meetings", object{"title": "Plan"})).MeetingID
		paths = append(paths, "/v1/meetings/"+id+"/presence")
		return f.ada.Call(t, "POST /v1/meetings/"+id+"/presence", object{"clientId": "c-1", "seq": 1, "status": "active"})
	}
	for range 20 {
		enter().Expect(t, 200)
	}
	enter().Refused(t, errs.RateLimited)
	f.ada.Call(t, "POST "+paths[0], object{"clientId": "c-1", "seq": 2, "status": "gone"}).Expect(t, 200)
	enter().Expect(t, 200)
	f.ada.Revoke(t).Expect(t, 200)
	for key, item := range f.Stored(t, "Realtime") {
		present := strings.HasPrefix(key, "PRESENCE#") && item["status"] != "gone"
		if present || strings.HasPrefix(key, "OWNER#") {
			t.Errorf("%s is left after the end of the session", key)
		}
	}
}

func TestPresenceWithoutASocketEndsWithThePermission(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (f *fixture, ada *testkit.Socket) {
		f = newFixture(t)
		f.ada.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
		ada = f.ada.Connect(t)
		subscribe(t, ada, f.state())
		if code := f.received(t, f.ben, 1, "active"); code != "" {
			t.Fatalf("refused with %s", code)
		}
		f.pass(t, 2000, f.ben)
		return f, ada
	}
	ends := func(t *testing.T, f *fixture, ada *testkit.Socket, then errs.Kind) {
		t.Helper()
		seen, _ := f.presence(t, ada, 2)
		expect(t, "told", seen, "-user_ben")
		if got := f.here(t, f.ada); len(got) > 0 {
			t.Errorf("there are %+v", got)
		}
		answer := f.ben.Call(t, "POST "+f.path+"/presence", object{"clientId": "c-1", "seq": 2, "status": "typing"})
		answer.Refused(t, then)
		seen, _ = f.presence(t, ada, 3)
		expect(t, "told of the refused", seen)
	}
	t.Run("removal", func(t *testing.T) {
		t.Parallel()
		f, ada := begin(t)
		f.ada.Call(t, "DELETE "+f.path+"/participants/"+f.ben.ID, nil).Expect(t, 204)
		ends(t, f, ada, errs.Forbidden)
		f.ben.Call(t, "GET "+f.path+"/presence", nil).Refused(t, errs.Forbidden)
	})
	t.Run("end of the meeting", func(t *testing.T) {
		t.Parallel()
		f, ada := begin(t)
		f.ada.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200)
		ends(t, f, ada, errs.MeetingNotActive)
	})
	t.Run("end of the session", func(t *testing.T) {
		t.Parallel()
		f, ada := begin(t)
		f.ben.Revoke(t).Expect(t, 200)
		ends(t, f, ada, errs.Unauthorized)
	})
	t.Run("another session goes on", func(t *testing.T) {
		t.Parallel()
		f, ada := begin(t)
		elsewhere := *f.ben
		elsewhere.Session = "session_elsewhere"
		elsewhere.Call(t, "POST "+f.path+"/presence", object{"clientId": "c-2", "seq": 1, "status": "idle"}).Expect(t, 200)
		f.ben.Revoke(t).Expect(t, 200)
		seen, _ := f.presence(t, ada, 3)
		expect(t, "told", seen, "-user_ben")
		if got := f.here(t, f.ada); len(got) != 1 || got[0].Status != "idle" {
			t.Errorf("there are %+v, want the other session's", got)
		}
	})
}

// A session that ends between being let in and being written down.
func TestPresenceWithoutASocketOfAnEndedSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	overtaking := &between{behind: table.NewHTTP(), first: func() {
		if err := f.ben.EndSession(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	beat := object{"clientId": "c-1", "seq": 1, "status": "active"}
	f.ben.Call(t, "POST "+f.path+"/presence", beat, testkit.With(endpoint.Overrides{Tables: overtaking})).Refused(t, errs.Unauthorized)
	if got := f.here(t, f.ada); len(got) > 0 {
		t.Errorf("there are %+v", got)
	}
}
