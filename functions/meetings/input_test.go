package meetings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

func at(locations ...string) []string { return locations }

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := func(items ...string) string { return `{"title":"x","participants":[` + strings.Join(items, ",") + `]}` }
	tests := []struct {
		name, body string
		at         []string
	}{
		{"nothing", ``, at("body")},
		{"malformed JSON", `{"title":"x"`, at("body")},
		{"a list", `[{"title":"x"}]`, at("body")},
		{"two values", `{"title":"x"} {"title":"y"}`, at("body")},
		{"nested deep", `{"title":` + strings.Repeat(`[`, 10_000), at("body")},
		{"no title", `{}`, at("body.title")},
		{"no title, in other case", `{"Title":"x"}`, at("body.title", "body.Title")},
		{"an empty title", `{"title":""}`, at("body.title")},
		{"a blank title", `{"title":"\t "}`, at("body.title")},
		{"a title too long", `{"title":"` + strings.Repeat("é", 201) + `"}`, at("body.title")},
		{"a title that is a number", `{"title":1}`, at("body.title")},
		{"a title twice", `{"title":"x","title":"y"}`, at("body.title")},
		{"a title that is not UTF-8", "{\"title\":\"\xff\"}", at("body.title")},
		{"a title with half a character", `{"title":"\ud83d"}`, at("body.title")},
		{"an unknown field", `{"title":"x","colour":"red"}`, at("body.colour")},
		{"what is not the caller's to set", `{"title":"x","hostId":"user_member","state":"active","revision":7}`, at("body.hostId", "body.revision", "body.state")},
		{"a description too long", `{"title":"x","description":"` + strings.Repeat("x", 5001) + `"}`, at("body.description")},
		{"a null description", `{"title":"x","description":null}`, at("body.description")},
		{"no time", `{"title":"x","scheduledAt":"soon"}`, at("body.scheduledAt")},
		{"no length", `{"title":"x","durationMinutes":0}`, at("body.durationMinutes")},
		{"a length of more than a day", `{"title":"x","durationMinutes":1441}`, at("body.durationMinutes")},
		{"half a minute", `{"title":"x","durationMinutes":0.5}`, at("body.durationMinutes")},
		{"participants that are no list", `{"title":"x","participants":{"userId":"user_member"}}`, at("body.participants")},
		{"a participant without role", people(`{"userId":"user_member"}`), at("body.participants[0].role")},
		{"a participant of unknown role", people(`{"userId":"user_member","role":"admin"}`), at("body.participants[0].role")},
		{"a participant without id", people(`{"role":"observer"}`, `{"userId":"","role":"observer"}`), at("body.participants[0].userId", "body.participants[1].userId")},
		{"a participant with a long id", people(`{"userId":"` + strings.Repeat("x", 256) + `","role":"observer"}`), at("body.participants[0].userId")},
		{"a participant with more", people(`{"userId":"user_member","role":"observer","email":"x"}`), at("body.participants[0].email")},
		{"somebody twice", people(`{"userId":"user_member","role":"observer"}`, `{"userId":"user_member","role":"participant"}`), at("body.participants[1].userId")},
		{"another host", people(`{"userId":"user_member","role":"host"}`), at("body.participants[0].role")},
		{"the caller as less than host", people(`{"userId":"user_observer","role":"observer"}`, `{"userId":"user_host","role":"participant"}`), at("body.participants[1].role")},
		{"unknown people", people(`{"userId":"user_nobody","role":"observer"}`, `{"userId":"user_member","role":"observer"}`, `{"userId":"user_no1","role":"observer"}`),
			at("body.participants[0].userId", "body.participants[2].userId")},
		{"an id that is a path", people(`{"userId":"../user_member","role":"observer"}`, `{"userId":"user_member?x","role":"observer"}`), at("body.participants[0].userId", "body.participants[1].userId")},
		{"an id of many bytes", people(`{"userId":"` + strings.Repeat("😀", 255) + `","role":"observer"}`), at("body.participants[0].userId")},
	}
	f.ChangesNothing(t, func() {
		for _, tt := range tests {
			for _, options := range [][]testkit.Option{nil, {testkit.Key("key of " + tt.name)}} {
				f.host.Call(t, "POST /v1/meetings", tt.body, options...).Refused(t, errs.Validation, tt.at...)
			}
			if t.Failed() {
				t.Fatalf("with %s", tt.name)
			}
		}
	})
}

func TestBodiesRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := `{"title":"x"}`
	huge := body + strings.Repeat(" ", 256<<10)
	tests := []struct {
		name, body string
		option     testkit.Option
		want       errs.Kind
	}{
		{"above 256 KB", huge, nil, errs.PayloadTooLarge},
		{"above 256 KB and no JSON", strings.Repeat("x", 256<<10+1), nil, errs.PayloadTooLarge},
		{"above 256 KB and of the wrong type", huge, testkit.Header("Content-Type", "text/plain"), errs.PayloadTooLarge},
		{"text", body, testkit.Header("Content-Type", "text/plain"), errs.UnsupportedMediaType},
		{"of no type", body, testkit.Header("Content-Type", ""), errs.UnsupportedMediaType},
		{"a form", "title=x", testkit.Header("Content-Type", "application/x-www-form-urlencoded"), errs.UnsupportedMediaType},
		{"compressed", "\x1f\x8b", testkit.Header("Content-Encoding", "gzip"), errs.UnsupportedMediaType},
		{"said to be compressed", body, testkit.Header("Content-Encoding", "gzip"), errs.UnsupportedMediaType},
	}
	f.ChangesNothing(t, func() {
		for _, tt := range tests {
			options := []testkit.Option{testkit.Key("k")}
			if tt.option != nil {
				options = append(options, tt.option)
			}
			f.host.Call(t, "POST /v1/meetings", tt.body, options...).Refused(t, tt.want)
			if t.Failed() {
				t.Fatalf("with a body %s", tt.name)
			}
		}
	})
	exact := body + strings.Repeat(" ", 256<<10-len(body))
	f.host.Call(t, "POST /v1/meetings", exact, testkit.Header("Content-Type", "application/json; charset=utf-8")).Expect(t, 201)
}

func TestOtherBodiesRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ChangesNothing(t, func() {
		tests := []struct {
			request string
			body    any
			at      []string
		}{
			{"PATCH " + f.path, object{"title": "x"}, at("body.revision")},
			{"PATCH " + f.path, object{"revision": 0}, at("body.revision")},
			{"PATCH " + f.path, object{"revision": "2"}, at("body.revision")},
			{"PATCH " + f.path, object{"revision": 2, "title": ""}, at("body.title")},
			{"PATCH " + f.path, object{"revision": 2, "state": "active"}, at("body.state")},
			{"PATCH " + f.path, object{"revision": 2, "meetingId": "x"}, at("body.meetingId")},
			{"PATCH " + f.path, `{"revision":2,"revision":3}`, at("body.revision")},
			{"POST " + f.path + "/participants", object{"userId": "user_outsider"}, at("body.role")},
			{"POST " + f.path + "/participants", object{"userId": 7, "role": "observer"}, at("body.userId")},
			{"POST " + f.path + "/participants", object{"userId": "user_nobody", "role": "observer"}, at("body.userId")},
			{"PATCH " + f.participantPath(f.member), object{"role": "Observer"}, at("body.role")},
			{"PATCH " + f.participantPath(f.member), object{"role": nil}, at("body.role")},
			{"PATCH " + f.participantPath(f.member), object{"role": "observer", "userId": "user_member"}, at("body.userId")},
			{"POST " + f.path + "/start", object{"now": true}, at("body.now")},
			{"POST " + f.path + "/end", `[]`, at("body")},
			{"DELETE " + f.participantPath(f.member), `{"why":"x"}`, at("body.why")},
			{"GET " + f.path + "?fields=title", nil, at("query.fields")},
		}
		for _, tt := range tests {
			f.host.Call(t, tt.request, tt.body).Refused(t, errs.Validation, tt.at...)
		}
	})
}

// A meeting that one may not see is forbidden, whether it exists or not.
func TestIDsOfOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	paths := map[string]string{"of others": f.path}
	for name, id := range map[string]string{
		"of nothing": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "in lower case": strings.ToLower(f.id), "with more": f.id + "x", "a word": "x",
		"a number sign": "a%23b", "a slash": f.id + "%2Fparticipants", "a NUL": "%00", "white space": "%20", "two points": "..%2F" + f.id,
		"emojis": strings.Repeat("%F0%9F%98%80", 63), "the longest": strings.Repeat("x", 255),
	} {
		paths[name] = "/v1/meetings/" + id
	}
	f.ChangesNothing(t, func() {
		for name, path := range paths {
			for _, request := range []struct {
				line string
				body any
			}{
				{"GET " + path, nil}, {"PATCH " + path, object{"revision": 1}}, {"POST " + path + "/start", nil}, {"POST " + path + "/end", nil},
				{"GET " + path + "/participants", nil}, {"POST " + path + "/participants", invitee(f.outsider, "observer")},
				{"PATCH " + path + "/participants/user_member", object{"role": "observer"}}, {"DELETE " + path + "/participants/user_member", nil},
				{"GET " + path + "/notes", nil}, {"POST " + path + "/notes/changes", change("x")}, {"GET " + path + "/notes/changes", nil},
			} {
				problem := f.outsider.Call(t, request.line, request.body).Refused(t, errs.Forbidden)
				if strings.Contains(problem.Detail, "exist") {
					t.Errorf("%s tells: %s", request.line, problem.Detail)
				}
			}
			if t.Failed() {
				t.Fatalf("with an id %s", name)
			}
		}
	})
	f.outsider.Call(t, "GET /v1/meetings/"+strings.Repeat("x", 256), nil).Refused(t, errs.Validation, "path.meetingId")
	f.outsider.Call(t, "GET /v1/meetings/"+strings.Repeat("%F0%9F%98%80", 64), nil).Refused(t, errs.Validation, "path.meetingId")
	for _, user := range []string{strings.Repeat("%F0%9F%98%80", 63), "%00", "..%2Fx", "a%23b"} {
		f.host.Call(t, "DELETE "+f.path+"/participants/"+user, nil).Refused(t, errs.NotFound)
	}
	f.host.Call(t, "DELETE "+f.path+"/participants/"+strings.Repeat("x", 256), nil).Refused(t, errs.Validation, "path.userId")
}

// The contract's order: 401, 413, 415, 400 (shape), 403, 404, 400 (against
// stored state), 409. Each step mends what the one before was refused for.
func TestChecksInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
	f.host.Call(t, "POST "+f.path+"/end", nil).Expect(t, 200)
	revision := f.meeting(t).Revision
	bad := testkit.Bearer("bad")
	text := testkit.Header("Content-Type", "text/plain")
	huge := strings.Repeat("x", 256<<10+1)
	refused := func(p *testkit.Person, request string, body any, want errs.Kind, options ...testkit.Option) {
		t.Helper()
		a := p.Call(t, request, body, options...)
		if want == errs.Validation {
			// Which place it is, other tests say.
			if a.Status != 400 {
				t.Errorf("%s: %d %s, want VALIDATION_ERROR", request, a.Status, a.Body)
			}
			return
		}
		a.Refused(t, want)
	}
	for _, route := range []struct {
		line        string
		shape, good any
	}{
		{"PATCH " + f.path, object{"revision": 0}, object{"revision": revision - 1}},
		{"POST " + f.path + "/participants", object{"userId": "user_nobody"}, object{"userId": "user_nobody", "role": "observer"}},
		{"PATCH " + f.path + "/participants/user_nobody", object{"role": "king"}, object{"role": "observer"}},
		{"POST " + f.path + "/start", `{`, nil},
	} {
		refused(f.outsider, route.line, huge, errs.Unauthorized, bad, text)
		refused(f.outsider, route.line, huge, errs.PayloadTooLarge, text)
		refused(f.outsider, route.line, `{`, errs.UnsupportedMediaType, text)
		refused(f.outsider, route.line, route.shape, errs.Validation)
		refused(f.outsider, route.line, route.good, errs.Forbidden)
		refused(f.observer, route.line, route.good, errs.Forbidden)
	}
	refused(f.host, "PATCH "+f.path+"/participants/user_nobody", object{"role": "observer"}, errs.NotFound)
	refused(f.cohost, "PATCH "+f.path+"/participants/user_nobody", object{"role": "co-host"}, errs.Forbidden)
	refused(f.host, "POST "+f.path+"/participants", object{"userId": "user_nobody", "role": "observer"}, errs.Validation)
	refused(f.host, "POST "+f.path+"/participants", object{"userId": "user_outsider", "role": "observer"}, errs.Conflict)
	refused(f.host, "PATCH "+f.path, object{"revision": revision - 1}, errs.Conflict)
	refused(f.host, "POST "+f.path+"/start", nil, errs.Conflict)
}

func TestProblemsNameTheirPlaceExactly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	items := list{}
	for i := range 30 {
		items = append(items, object{"userId": fmt.Sprintf("user_%d", i), "role": "king"})
	}
	p := f.host.Call(t, "POST /v1/meetings", object{"title": "x", "participants": items})
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("body.participants[%d].role", i))
	}
	p.Refused(t, errs.Validation, want...)
}

// What isn't a name is refused wherever one is given, with what is wrong and
// where; what is one is stored in its normal form.
func TestNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	places := []struct{ line, field string }{
		{"POST /v1/meetings", "title"}, {"PATCH " + f.path, "title"}, {"PATCH /v1/me", "displayName"},
	}
	body := func(line, field, text string) object {
		if line == "PATCH "+f.path {
			return object{field: text, "revision": f.meeting(t).Revision}
		}
		return object{field: text}
	}
	f.ChangesNothing(t, func() {
		for _, text := range []string{
			"", " ", "\u200b", "\u2060\ufeff", "\u2800", "\u3164", "\u115f\u1160", "\uffa0", "\ufe0f", "\U000E0041", "\u0301",
			"a\u0000", "a\n", "a\u0085b", "a\u2028b", "a\tb", "\u001b[31mred", "Grace\u202e(tsoh)", "a\u2067b", "a\u200e", "a\u061c",
			"Gr\u200bace", "Gr\u00adace", "a\ufff9b", "a\ue000", "a\uffff", "a\u0378", "x" + strings.Repeat("\u0336\u0301", 9),
		} {
			for _, place := range places {
				for _, options := range [][]testkit.Option{nil, {testkit.Key("k")}} {
					f.host.Call(t, place.line, body(place.line, place.field, text), options...).Refused(t, errs.Validation, "body."+place.field)
				}
			}
		}
	})
	for give, want := range map[string]string{
		"Ame\u0301lie": "Amélie", "  padded\u3000": "padded", "می\u200cخواهم": "می\u200cخواهم", "👩‍👩‍👧 Ada": "👩‍👩‍👧 Ada", "אדה": "אדה", "❤️": "❤️",
		strings.Repeat("e\u0301", 100): strings.Repeat("é", 100),
	} {
		for _, place := range places {
			got := testkit.As[object](t, f.host.Call(t, place.line, body(place.line, place.field, give)))
			if got[place.field] != want {
				t.Errorf("%s: %+q is stored as %+q", place.line, give, got[place.field])
			}
		}
	}
	detail := f.host.Call(t, "POST /v1/meetings", object{"title": "Plan\u202e"}).Refused(t, errs.Validation, "body.title").Errors[0].Detail
	if detail != "has a character that changes the direction of text (U+202E) at character 5" {
		t.Errorf("it says %q", detail)
	}
}
