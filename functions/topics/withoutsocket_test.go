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

// told says over HTTP that a person's client c-1 is there, and gives the code of a
// refusal.
func (r *room) told(t *testing.T, p *testkit.Person, seq int, status string, more ...object) errs.Kind {
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
	answer := p.Call(t, "POST "+r.path+"/presence", body)
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
func (r *room) here(t *testing.T, p *testkit.Person) []who {
	t.Helper()
	return testkit.As[struct{ Items []who }](t, p.Call(t, "GET "+r.path+"/presence", nil)).Items
}

func TestPresenceWithoutASocket(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ben := r.ben.Connect(t)
	subscribe(t, ben, r.state())
	if got := r.here(t, r.ada); got == nil || len(got) > 0 {
		t.Errorf("there are %v, want an empty list", got)
	}
	come := func(seq int, status string, more ...object) {
		t.Helper()
		if code := r.told(t, r.ada, seq, status, more...); code != "" {
			t.Fatalf("refused with %s", code)
		}
	}
	come(1, "active")
	come(2, "typing", object{"cursor": object{"anchor": 3, "head": 9, "version": 12}})
	come(1, "idle")
	seen, all := r.presence(t, ben, 1)
	expect(t, "told over sockets", seen, "+user_ada active", "+user_ada typing")
	got := r.here(t, r.ben)
	if len(got) != 1 || got[0].UserID != r.ada.ID || got[0].DisplayName != "Ada Test" || got[0].Status != "typing" ||
		got[0].ClientKey != all[1].Here[0].ClientKey || got[0].Cursor == nil || got[0].Cursor.Head != 9 {
		t.Errorf("there are %+v", got)
	}

	// No socket stands behind it, and none is needed to stay.
	for seq := 3; seq < 8; seq++ {
		r.pass(t, 20_000, r.ada)
		come(seq, "typing")
	}
	if got := r.here(t, r.ben); len(got) != 1 {
		t.Errorf("after five heartbeats there are %+v", got)
	}

	// The client gets a socket, and loses it again.
	r.pass(t, 2000, r.ada)
	socket := r.ada.Connect(t)
	ok(t, socket, r.beat(8, "typing"))
	r.pass(t, 2000, r.ada)
	come(9, "typing")
	socket.Close(t)
	seen, all = r.presence(t, ben, 4)
	expect(t, "told of the way that it takes", seen)
	if got := r.here(t, r.ben); len(got) != 1 || got[0].ClientKey != all[1].Here[0].ClientKey {
		t.Errorf("after it moved there are %+v", got)
	}

	r.pass(t, 46_000, r.ada)
	if got := r.here(t, r.ben); len(got) > 0 {
		t.Errorf("after a silence there are %+v", got)
	}
	ok(t, ben, r.beat(1, "active"))
	seen, _ = r.presence(t, ben, 4)
	expect(t, "told of the silent", seen, "-user_ada +user_ben active")
}

func TestPresenceWithoutASocketRefused(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	post, get := "POST "+r.path+"/presence", "GET "+r.path+"/presence"
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
		{"a topic, which the path has", with("topic", r.state()), "body.topic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.ChangesNothing(t, func() { r.ada.Call(t, post, tt.body).Refused(t, errs.Validation, tt.at) })
		})
	}
	r.ChangesNothing(t, func() {
		r.ada.Call(t, get+"?what=1", nil).Refused(t, errs.Validation, "query.what")
		r.ada.Call(t, get+"?limit=201", nil).Refused(t, errs.Validation, "query.limit")
		r.ada.Call(t, get+"?cursor=abc", nil).Refused(t, errs.Validation, "query.cursor")
		r.Nobody().Call(t, get, nil).Refused(t, errs.Unauthorized)
		r.Nobody().Call(t, post, good()).Refused(t, errs.Unauthorized)
	})
	eve := r.User("eve")
	eve.Call(t, get, nil).Refused(t, errs.Forbidden)
	eve.Call(t, post, good()).Refused(t, errs.Forbidden)
	r.ada.Call(t, "GET /v1/meetings/other/presence", nil).Refused(t, errs.Forbidden)
	if got := r.here(t, r.ben); len(got) > 0 {
		t.Errorf("after refusals there are %+v", got)
	}

	r.ada.Call(t, post, good()).Expect(t, 200)
	r.pass(t, -10_000, r.ada) // as if many had come at once
	r.ada.Call(t, post, with("seq", 2)).Refused(t, errs.RateLimited)
	r.pass(t, 12_000, r.ada)
	for i := range 9 {
		r.ada.Call(t, post, with("clientId", fmt.Sprint("more-", i))).Expect(t, 200)
	}
	r.ada.Call(t, post, with("clientId", "eleventh")).Refused(t, errs.RateLimited)

	// They come in one answer, or in pages.
	if got := r.here(t, r.ben); len(got) != 10 {
		t.Errorf("there are %d, want 10", len(got))
	}
	keys := map[string]bool{}
	for path, pages := get+"?limit=4", 0; path != ""; pages++ {
		page := testkit.As[struct {
			Items      []who
			NextCursor *string
		}](t, r.ben.Call(t, path, nil))
		for _, one := range page.Items {
			keys[one.ClientKey] = true
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
	r := newRoom(t)
	var paths []string
	enter := func() testkit.Answer {
		id := testkit.As[struct{ MeetingID string }](t, r.ada.Call(t, "POST /v1/meetings", object{"title": "Plan"})).MeetingID
		paths = append(paths, "/v1/meetings/"+id+"/presence")
		return r.ada.Call(t, "POST /v1/meetings/"+id+"/presence", object{"clientId": "c-1", "seq": 1, "status": "active"})
	}
	for range 20 {
		enter().Expect(t, 200)
	}
	enter().Refused(t, errs.RateLimited)
	r.ada.Call(t, "POST "+paths[0], object{"clientId": "c-1", "seq": 2, "status": "gone"}).Expect(t, 200)
	enter().Expect(t, 200)
	r.ada.Revoke(t).Expect(t, 200)
	for key, item := range r.Stored(t, "Realtime") {
		present := strings.HasPrefix(key, "PRESENCE#") && item["status"] != "gone"
		if present || strings.HasPrefix(key, "OWNER#") {
			t.Errorf("%s is left after the end of the session", key)
		}
	}
}

func TestPresenceWithoutASocketEndsWithTheRight(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (r *room, ada *testkit.Socket) {
		r = newRoom(t)
		r.ada.Call(t, "POST "+r.path+"/start", nil).Expect(t, 200)
		ada = r.ada.Connect(t)
		subscribe(t, ada, r.state())
		if code := r.told(t, r.ben, 1, "active"); code != "" {
			t.Fatalf("refused with %s", code)
		}
		r.pass(t, 2000, r.ben)
		return r, ada
	}
	ends := func(t *testing.T, r *room, ada *testkit.Socket, then errs.Kind) {
		t.Helper()
		seen, _ := r.presence(t, ada, 2)
		expect(t, "told", seen, "-user_ben")
		if got := r.here(t, r.ada); len(got) > 0 {
			t.Errorf("there are %+v", got)
		}
		answer := r.ben.Call(t, "POST "+r.path+"/presence", object{"clientId": "c-1", "seq": 2, "status": "typing"})
		answer.Refused(t, then)
		seen, _ = r.presence(t, ada, 3)
		expect(t, "told of the refused", seen)
	}
	t.Run("removal", func(t *testing.T) {
		t.Parallel()
		r, ada := begin(t)
		r.ada.Call(t, "DELETE "+r.path+"/participants/"+r.ben.ID, nil).Expect(t, 204)
		ends(t, r, ada, errs.Forbidden)
		r.ben.Call(t, "GET "+r.path+"/presence", nil).Refused(t, errs.Forbidden)
	})
	t.Run("end of the meeting", func(t *testing.T) {
		t.Parallel()
		r, ada := begin(t)
		r.ada.Call(t, "POST "+r.path+"/end", nil).Expect(t, 200)
		ends(t, r, ada, errs.MeetingNotActive)
	})
	t.Run("end of the session", func(t *testing.T) {
		t.Parallel()
		r, ada := begin(t)
		r.ben.Revoke(t).Expect(t, 200)
		ends(t, r, ada, errs.Unauthorized)
	})
	t.Run("another session goes on", func(t *testing.T) {
		t.Parallel()
		r, ada := begin(t)
		elsewhere := *r.ben
		elsewhere.Session = "session_elsewhere"
		elsewhere.Call(t, "POST "+r.path+"/presence", object{"clientId": "c-2", "seq": 1, "status": "idle"}).Expect(t, 200)
		r.ben.Revoke(t).Expect(t, 200)
		seen, _ := r.presence(t, ada, 3)
		expect(t, "told", seen, "-user_ben")
		if got := r.here(t, r.ada); len(got) != 1 || got[0].Status != "idle" {
			t.Errorf("there are %+v, want the other session's", got)
		}
	})
}

// A session that ends between being let in and being written down.
func TestPresenceWithoutASocketOfAnEndedSession(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	overtaking := &between{behind: table.NewHTTP(), first: func() {
		if err := r.ben.EndSession(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	beat := object{"clientId": "c-1", "seq": 1, "status": "active"}
	r.ben.Call(t, "POST "+r.path+"/presence", beat, testkit.With(endpoint.Overrides{Tables: overtaking})).Refused(t, errs.Unauthorized)
	if got := r.here(t, r.ada); len(got) > 0 {
		t.Errorf("there are %+v", got)
	}
}
