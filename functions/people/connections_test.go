package people_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/testkit"
)

var types = []string{"connection", "follow", "mentor", "mentee", "collaborator"}

func connect(t *testing.T, from, to *testkit.Person, kind string) people.Connection {
	t.Helper()
	return testkit.As[people.Connection](t, from.Call(t, "POST /v1/connections", object{"userId": to.ID, "type": kind}).Expect(t, 201))
}

func accept(t *testing.T, p *testkit.Person, id string) people.Connection {
	t.Helper()
	return testkit.As[people.Connection](t, p.Call(t, "POST /v1/connections/"+id+"/accept", nil).Expect(t, 200))
}

// connectionsOf is a person's whole list, in pages of two.
func connectionsOf(t *testing.T, p *testkit.Person, query string) []people.Connection {
	t.Helper()
	var all []people.Connection
	cursor := ""
	for {
		page := testkit.As[people.List[people.Connection]](t, p.Call(t, "GET /v1/connections?limit=2"+query+cursor, nil).Expect(t, 200))
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func count(t *testing.T, p *testkit.Person) int64 {
	t.Helper()
	return testkit.As[people.Card](t, p.Call(t, "GET /v1/users/"+p.ID, nil).Expect(t, 200)).ConnectionCount
}

func TestConnectionIsAskedForAndAccepted(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben, eve := w.User("ada"), w.User("ben"), w.User("eve")
	for _, kind := range types {
		asked := connect(t, ada, ben, kind)
		want := people.Connection{UserID: ben.ID, Type: people.Type(kind), State: "requested", Direction: "out"}
		if kind == "follow" {
			want.State = "accepted"
		}
		want.ConnectionID, want.CreatedAt, want.UpdatedAt = asked.ConnectionID, asked.CreatedAt, asked.UpdatedAt
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		w.ChangesNothing(t, func() {
			if again := connect(t, ada, ben, kind); again != asked {
				t.Errorf("%s: a second one is %+v", kind, again)
			}
		})
		path := "/v1/connections/" + asked.ConnectionID
		for _, verb := range []string{"accept", "decline"} {
			w.ChangesNothing(t, func() {
				ada.Call(t, "POST "+path+"/"+verb, nil).Refused(t, errs.Forbidden)
				eve.Call(t, "POST "+path+"/"+verb, nil).Refused(t, errs.Forbidden)
			})
		}
		eve.Call(t, "DELETE "+path, nil).Refused(t, errs.Forbidden)
		if got := accept(t, ben, asked.ConnectionID); got.State != "accepted" || got.Direction != "in" || got.UserID != ada.ID {
			t.Errorf("%s: accepted as %+v", kind, got)
		}
		ben.Call(t, "POST "+path+"/decline", nil).Refused(t, errs.Conflict)
	}
	for _, p := range []*testkit.Person{ada, ben} {
		if got := len(connectionsOf(t, p, "&state=accepted")); got != len(types) || count(t, p) != int64(got) {
			t.Errorf("%s has %d, counted %d", p.ID, got, count(t, p))
		}
		if got := connectionsOf(t, p, "&type=mentor"); len(got) != 1 || got[0].Type != "mentor" {
			t.Errorf("mentors: %+v", got)
		}
	}
	all := connectionsOf(t, ada, "")
	ben.Call(t, "DELETE /v1/connections/"+all[0].ConnectionID, nil).Expect(t, 204)
	for _, p := range []*testkit.Person{ada, ben} {
		p.Call(t, "DELETE /v1/connections/"+all[0].ConnectionID, nil).Refused(t, errs.NotFound)
		if got := len(connectionsOf(t, p, "")); got != len(types)-1 || count(t, p) != int64(got) {
			t.Errorf("%s has %d, counted %d", p.ID, got, count(t, p))
		}
	}
	eve.Call(t, "DELETE /v1/connections/"+all[0].ConnectionID, nil).Refused(t, errs.Forbidden)
	eve.Call(t, "DELETE /v1/connections/none", nil).Refused(t, errs.NotFound)
	for body, at := range map[string]string{
		`{"userId":"` + ada.ID + `","type":"connection"}`:                                           "body.userId",
		`{"userId":"nobody","type":"connection"}`:                                                   "body.userId",
		`{"userId":"` + ben.ID + `","type":"friend"}`:                                               "body.type",
		`{"userId":"` + ben.ID + `"}`:                                                               "body.type",
		`{"userId":"` + ben.ID + `","type":"mentor","message":"` + strings.Repeat("x", 1001) + `"}`: "body.message",
	} {
		ada.Call(t, "POST /v1/connections", body).Refused(t, errs.Validation, at)
	}
	ada.Call(t, "GET /v1/connections?state=broken", nil).Refused(t, errs.Validation, "query.state")
	ada.Call(t, "GET /v1/connections?cursor=broken", nil).Refused(t, errs.Validation, "query.cursor")
	w.Nobody().Call(t, "POST /v1/connections", object{"userId": ada.ID, "type": "follow"}).Refused(t, errs.Unauthorized)
}

func TestRequestBackAccepts(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	asked := connect(t, ada, ben, "collaborator")
	back := connect(t, ben, ada, "collaborator")
	if back.ConnectionID != asked.ConnectionID || back.State != "accepted" || back.Direction != "in" {
		t.Errorf("a request back is %+v", back)
	}
	if count(t, ada) != 1 || count(t, ben) != 1 {
		t.Errorf("counted %d and %d", count(t, ada), count(t, ben))
	}
}

func TestDeclinedPairWaits(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	asked := connect(t, ada, ben, "mentor")
	ben.Call(t, "POST /v1/connections/"+asked.ConnectionID+"/decline", nil).Expect(t, 200)
	ben.Call(t, "POST /v1/connections/"+asked.ConnectionID+"/accept", nil).Refused(t, errs.Conflict)
	if got := connectionsOf(t, ada, "&state=declined"); len(got) != 1 || got[0].Direction != "out" {
		t.Errorf("declined: %+v", got)
	}
	day := time.Now().UTC().Add(30 * 24 * time.Hour)
	refused := func() {
		t.Helper()
		for _, pair := range [][2]*testkit.Person{{ada, ben}, {ben, ada}} {
			got := pair[0].Call(t, "POST /v1/connections", object{"userId": pair[1].ID, "type": "mentor"}).Refused(t, errs.Conflict)
			if !strings.Contains(got.Detail, day.Format(time.DateOnly)) && !strings.Contains(got.Detail, day.Add(-time.Hour).Format(time.DateOnly)) {
				t.Errorf("the day is missing: %s", got.Detail)
			}
		}
		ada.Call(t, "POST /v1/connections", object{"userId": ben.ID, "type": "follow"}).Refused(t, errs.Conflict)
	}
	refused()
	// Neither deleting nor blocking shortens the wait.
	ada.Call(t, "DELETE /v1/connections/"+asked.ConnectionID, nil).Expect(t, 204)
	ada.Call(t, "PUT /v1/me/blocks/"+ben.ID, nil).Expect(t, 200)
	ada.Call(t, "DELETE /v1/me/blocks/"+ben.ID, nil).Expect(t, 204)
	refused()
	later := testkit.With(endpoint.Overrides{Clock: clock.NewManual(time.Now().Add(30*24*time.Hour + time.Minute))})
	// A token of that day.
	token := testkit.Bearer(ada.Token(t, map[string]any{"exp": time.Now().Add(31 * 24 * time.Hour).Unix(), "iat": time.Now().Unix()}))
	answer := ada.Call(t, "POST /v1/connections", object{"userId": ben.ID, "type": "mentor"}, later, token).Expect(t, 201)
	if again := testkit.As[people.Connection](t, answer); again.State != "requested" || again.ConnectionID == asked.ConnectionID {
		t.Errorf("asked again: %+v", again)
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben, eve := w.User("ada"), w.User("ben"), w.User("eve")
	for _, kind := range types {
		accept(t, ben, connect(t, ada, ben, kind).ConnectionID)
	}
	open := connect(t, eve, ada, "connection")
	blocked := testkit.As[people.Block](t, ada.Call(t, "PUT /v1/me/blocks/"+ben.ID, nil).Expect(t, 200))
	if blocked.UserID != ben.ID {
		t.Errorf("blocked %+v", blocked)
	}
	w.ChangesNothing(t, func() { ada.Call(t, "PUT /v1/me/blocks/"+ben.ID, nil).Expect(t, 200) })
	if len(connectionsOf(t, ben, "")) != 0 || count(t, ben) != 0 || count(t, ada) != 0 {
		t.Errorf("connections: %+v, counted %d and %d", connectionsOf(t, ben, ""), count(t, ben), count(t, ada))
	}
	if got := connectionsOf(t, ada, ""); len(got) != 1 || got[0].ConnectionID != open.ConnectionID {
		t.Errorf("others' requests: %+v", got)
	}
	unknown := ben.Call(t, "POST /v1/connections", object{"userId": "nobody", "type": "follow"}).Refused(t, errs.Validation, "body.userId")
	for _, pair := range [][2]*testkit.Person{{ada, ben}, {ben, ada}} {
		pair[0].Call(t, "GET /v1/users/"+pair[1].ID, nil).Refused(t, errs.NotFound)
		got := pair[0].Call(t, "POST /v1/connections", object{"userId": pair[1].ID, "type": "follow"}).Refused(t, errs.Validation, "body.userId")
		if diff := cmp.Diff(unknown.Errors, got.Errors); diff != "" || got.Detail != unknown.Detail {
			t.Errorf("to a blocker it isn't as for nobody: %+v", got)
		}
	}
	if got := testkit.As[people.List[people.Block]](t, ada.Call(t, "GET /v1/me/blocks", nil)); len(got.Items) != 1 || got.Items[0] != blocked {
		t.Errorf("blocks: %+v", got)
	}
	if got := testkit.As[people.List[people.Block]](t, ben.Call(t, "GET /v1/me/blocks", nil)); len(got.Items) != 0 {
		t.Errorf("the blocked sees %+v", got)
	}
	// The other's own block stays when one is taken away.
	ben.Call(t, "PUT /v1/me/blocks/"+ada.ID, nil).Expect(t, 200)
	ada.Call(t, "DELETE /v1/me/blocks/"+ben.ID, nil).Expect(t, 204)
	w.ChangesNothing(t, func() { ada.Call(t, "DELETE /v1/me/blocks/"+ben.ID, nil).Expect(t, 204) })
	ada.Call(t, "GET /v1/users/"+ben.ID, nil).Refused(t, errs.NotFound)
	ben.Call(t, "DELETE /v1/me/blocks/"+ada.ID, nil).Expect(t, 204)
	ada.Call(t, "GET /v1/users/"+ben.ID, nil).Expect(t, 200)
	connect(t, ada, ben, "connection")
	ada.Call(t, "PUT /v1/me/blocks/"+ada.ID, nil).Refused(t, errs.Validation, "path.userId")
	ada.Call(t, "PUT /v1/me/blocks/nobody", nil).Refused(t, errs.NotFound)
	ada.Call(t, "DELETE /v1/me/blocks/nobody", nil).Refused(t, errs.NotFound)
}

// A key that is sent again gets its first answer, and does nothing, for every
// mutation of a pair.
func TestPairOnce(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	key := 0
	twice := func(p *testkit.Person, line string, body any, status int) testkit.Answer {
		t.Helper()
		key++
		k := testkit.Key(line[:4] + string(rune('a'+key)))
		first := p.Call(t, line, body, k).Expect(t, status)
		w.ChangesNothing(t, func() {
			if second := p.Call(t, line, body, k).Expect(t, status); string(second.Body) != string(first.Body) {
				t.Errorf("%s: %s, then %s", line, first.Body, second.Body)
			}
		})
		return first
	}
	ask := object{"userId": ben.ID, "type": "connection"}
	id := testkit.As[people.Connection](t, twice(ada, "POST /v1/connections", ask, 201)).ConnectionID
	twice(ben, "POST /v1/connections/"+id+"/accept", nil, 200)
	twice(ada, "DELETE /v1/connections/"+id, nil, 204)
	id = testkit.As[people.Connection](t, twice(ada, "POST /v1/connections", ask, 201)).ConnectionID
	twice(ben, "POST /v1/connections/"+id+"/decline", nil, 200)
	twice(ben, "PUT /v1/me/blocks/"+ada.ID, nil, 200)
	twice(ben, "DELETE /v1/me/blocks/"+ada.ID, nil, 204)
	twice(ben, "POST /v1/users/"+ada.ID+"/report", object{"reason": "spam"}, 200)
}

func TestReportAndNotices(t *testing.T) {
	t.Parallel()
	w := testkit.New(t, functions.All())
	ada, ben := w.User("ada"), w.User("ben")
	ben.Call(t, "PUT /v1/me/blocks/"+ada.ID, nil).Expect(t, 200)
	answer := ada.Call(t, "POST /v1/users/"+ben.ID+"/report", object{"reason": "harassment", "text": "Again.", "meetingId": "m"}).Expect(t, 200)
	id := testkit.As[people.Reported](t, answer).ReportID
	found := 0
	for key, item := range w.Stored(t, "Data") {
		if strings.HasPrefix(key, "REPORTS#") && item["reportId"] == id {
			found++
			if item["reporterId"] != ada.ID || item["reportedId"] != ben.ID || item["reason"] != "harassment" || item["text"] != "Again." {
				t.Errorf("stored %+v", item)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d reports are stored", found)
	}
	w.ChangesNothing(t, func() {
		ada.Call(t, "POST /v1/users/nobody/report", object{"reason": "spam"}).Refused(t, errs.NotFound)
		ada.Call(t, "POST /v1/users/"+ada.ID+"/report", object{"reason": "spam"}).Refused(t, errs.Validation, "path.userId")
		ada.Call(t, "POST /v1/users/"+ben.ID+"/report", object{"reason": " "}).Refused(t, errs.Validation, "body.reason")
		ada.Call(t, "POST /v1/users/"+ben.ID+"/report", object{}).Refused(t, errs.Validation, "body.reason")
		w.Nobody().Call(t, "POST /v1/users/"+ben.ID+"/report", object{"reason": "spam"}).Refused(t, errs.Unauthorized)
	})

	on := people.Ways{Email: true, App: true}
	if got := testkit.As[people.Notices](t, ada.Call(t, "GET /v1/me/notices", nil)); got != (people.Notices{Invitation: on, Reminder: on, Match: on, Insights: on}) {
		t.Errorf("without any choice: %+v", got)
	}
	chosen := people.Notices{Invitation: on, Reminder: people.Ways{App: true}, Match: people.Ways{}, Insights: people.Ways{Email: true}}
	ada.Call(t, "PUT /v1/me/notices", chosen).Expect(t, 200)
	if got := testkit.As[people.Notices](t, ada.Call(t, "GET /v1/me/notices", nil)); got != chosen {
		t.Errorf("chosen: %+v", got)
	}
	ada.Call(t, "PUT /v1/me/notices", object{"invitation": object{"email": true, "app": true}}).Refused(t, errs.Validation, "body.insights", "body.match", "body.reminder")
	w.Nobody().Call(t, "PUT /v1/me/notices", chosen).Refused(t, errs.Unauthorized)
}
