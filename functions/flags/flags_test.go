package flags_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/flags"
	"github.com/rapport/rapport/shared/testkit"
)

// Short names for bodies.
type (
	object = map[string]any
	list   = []any
)

const admin = "/v1/admin/flags"

// greeting is a request to make a flag, with other members than usual; nil leaves one out.
func greeting(others object) object {
	body := object{
		"key": "greeting", "type": "string", "variants": object{"warm": "Hello!", "cool": "Good day."}, "default": "cool",
		"rules": list{object{"if": list{}, "serve": object{"weights": object{"warm": 2500, "cool": 7500}}}}, "client": true,
		"owner": "greetings", "description": "How people are greeted.", "reason": "Try the warm one.",
	}
	maps.Copy(body, others)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
	return body
}

func newHarness(t *testing.T) (h *testkit.Harness, root, ada *testkit.Person) {
	t.Helper()
	h = testkit.New(t, functions.All())
	return h, h.Operator("root"), h.User("ada")
}

func mine(t *testing.T, p *testkit.Person) flags.Evaluated {
	t.Helper()
	return testkit.As[flags.Evaluated](t, p.Call(t, "GET /v1/flags", nil).Expect(t, 200))
}

// A flag's life: created, seen by clients, changed, killed, deleted, created again;
// its revisions and its history go on throughout.
func TestFlagLifecycle(t *testing.T) {
	t.Parallel()
	_, root, ada := newHarness(t)
	if got := mine(t, ada); got.Version != 0 || len(got.Flags) != 0 {
		t.Errorf("before the first flag: %+v", got)
	}
	made := testkit.As[flags.Flag](t, root.Call(t, "POST "+admin, greeting(nil)).Expect(t, 201))
	if made.Revision != 1 || made.Key != "greeting" || made.Rules[0].Serve.Weights["warm"] != 2500 {
		t.Errorf("made %+v", made)
	}
	root.Call(t, "POST "+admin, greeting(nil)).Expect(t, 409)
	root.Call(t, "POST "+admin, greeting(object{"key": "hidden", "client": nil})).Expect(t, 201)
	got := mine(t, ada)
	if e := got.Flags["greeting"]; got.Version != 2 || len(got.Flags) != 1 || e.Reason != flags.ReasonSplit || string(e.Value) == "" || e.Variant == "" {
		t.Errorf("what ada gets: %+v", got)
	}

	read := testkit.As[flags.Flag](t, root.Call(t, "GET "+admin+"/greeting", nil).Expect(t, 200))
	if diff := cmp.Diff(made, read); diff != "" {
		t.Errorf("read is not what was made:\n%s", diff)
	}
	change := func(body object, want int) flags.Flag {
		t.Helper()
		answer := root.Call(t, "PATCH "+admin+"/greeting", body).Expect(t, want)
		if want != 200 {
			return flags.Flag{}
		}
		return testkit.As[flags.Flag](t, answer)
	}
	change(object{"revision": 2, "reason": "Too early.", "kill": true}, 409)
	if same := change(object{"revision": 1, "reason": "Nothing.", "owner": "greetings"}, 200); same.Revision != 1 {
		t.Errorf("what changes nothing makes revision %d", same.Revision)
	}
	if killed := change(object{"revision": 1, "reason": "Too warm.", "kill": true}, 200); killed.Revision != 2 || !killed.Kill {
		t.Errorf("killed %+v", killed)
	}
	if e := mine(t, ada).Flags["greeting"]; e.Variant != "cool" || e.Reason != flags.ReasonDisabled || string(e.Value) != `"Good day."` {
		t.Errorf("killed, ada gets %+v", e)
	}
	change(object{"revision": 2, "reason": "Warm for all.", "kill": false, "rules": list{object{"if": list{}, "serve": "warm"}}}, 200)
	if e := mine(t, ada).Flags["greeting"]; e.Variant != "warm" || e.Reason != flags.ReasonStatic {
		t.Errorf("for all, ada gets %+v", e)
	}
	change(object{"revision": 3, "reason": "No rule.", "rules": list{}}, 200)
	if e := mine(t, ada).Flags["greeting"]; e.Variant != "cool" || e.Reason != flags.ReasonDefault {
		t.Errorf("without a rule, ada gets %+v", e)
	}

	root.Call(t, "DELETE "+admin+"/greeting?revision=3&reason=Stale", nil).Expect(t, 409)
	root.Call(t, "DELETE "+admin+"/greeting?revision=4&reason=Done", nil).Expect(t, 204)
	root.Call(t, "GET "+admin+"/greeting", nil).Expect(t, 404)
	root.Call(t, "DELETE "+admin+"/greeting?revision=5&reason=Again", nil).Expect(t, 404)
	change(object{"revision": 5, "reason": "Gone.", "kill": true}, 404)
	if got := mine(t, ada); len(got.Flags) != 0 || got.Version != 6 {
		t.Errorf("after the deletion ada gets %+v", got)
	}
	if again := testkit.As[flags.Flag](t, root.Call(t, "POST "+admin, greeting(nil)).Expect(t, 201)); again.Revision != 6 {
		t.Errorf("made again at revision %d, want 6", again.Revision)
	}

	var received []string
	for path := admin + "/greeting/history?limit=4"; path != ""; {
		page := testkit.As[flags.HistoryList](t, root.Call(t, "GET "+path, nil).Expect(t, 200))
		for _, e := range page.Items {
			received = append(received, fmt.Sprintf("%d %s %s %t %t", e.Version, e.Reason, e.By, e.Flag.Kill, e.Deleted))
			if e.Flag.Revision != e.Version || e.At.IsZero() {
				t.Errorf("an entry of the history: %+v", e)
			}
		}
		path = ""
		if page.NextCursor != nil {
			path = admin + "/greeting/history?limit=4&cursor=" + *page.NextCursor
		}
	}
	want := []string{
		"6 Try the warm one. user_root false false", "5 Done user_root false true", "4 No rule. user_root false false",
		"3 Warm for all. user_root false false", "2 Too warm. user_root true false", "1 Try the warm one. user_root false false",
	}
	if diff := cmp.Diff(want, received); diff != "" {
		t.Errorf("the history (-want +got):\n%s", diff)
	}
	root.Call(t, "GET "+admin+"/never/history", nil).Expect(t, 404)
}

// What is declared in code is there before anybody stored it, at revision 0, and after
// it was deleted.
func TestDeclaredFlags(t *testing.T) {
	t.Parallel()
	_, root, _ := newHarness(t)
	path := admin + "/matching"
	get := func(revision int64, on bool) {
		t.Helper()
		f := testkit.As[flags.Flag](t, root.Call(t, "GET "+path, nil).Expect(t, 200))
		if f.Revision != revision || (len(f.Rules) == 1) != on {
			t.Errorf("it is %+v", f)
		}
	}
	get(0, true)
	root.Call(t, "DELETE "+path+"?revision=0&reason=x", nil).Expect(t, 409)
	root.Call(t, "PATCH "+path, object{"revision": 0, "reason": "Off.", "rules": list{}}).Expect(t, 200)
	get(1, false)
	root.Call(t, "POST "+admin, greeting(object{"key": "matching"})).Expect(t, 400)
	root.Call(t, "DELETE "+path+"?revision=1&reason=As+declared", nil).Expect(t, 204)
	get(2, true)
	root.Call(t, "POST "+admin, object{
		"key": "matching", "type": "boolean", "variants": object{"on": true, "off": false}, "default": "on", "kill": true, "reason": "By hand.",
	}).Expect(t, 201)
	get(3, false)
	page := testkit.As[flags.HistoryList](t, root.Call(t, "GET "+admin+"/video.stream/history", nil).Expect(t, 200))
	if len(page.Items) != 0 {
		t.Errorf("the history of what nobody changed: %+v", page.Items)
	}
}

// A list gives stored, changed, deleted and declared flags in one order, whatever the
// length of its pages.
func TestList(t *testing.T) {
	t.Parallel()
	_, root, _ := newHarness(t)
	want := map[string]int64{
		"ai.incall": 0, "ai.postcall": 0, "ai.precall": 0, "matching": 0, "search.semantic": 0, "transcription": 1, "video.stream": 2,
		"aa": 1, "b1": 1, "zz": 1,
	}
	for _, key := range []string{"aa", "b1", "gone", "zz"} {
		root.Call(t, "POST "+admin, greeting(object{"key": key})).Expect(t, 201)
	}
	root.Call(t, "DELETE "+admin+"/gone?revision=1&reason=x", nil).Expect(t, 204)
	for _, key := range []string{"transcription", "video.stream"} {
		root.Call(t, "PATCH "+admin+"/"+key, object{"revision": 0, "reason": "Off.", "kill": true}).Expect(t, 200)
	}
	root.Call(t, "DELETE "+admin+"/video.stream?revision=1&reason=x", nil).Expect(t, 204)
	for _, limit := range []int{1, 2, 3, 4, 7, 200} {
		got := map[string]int64{}
		var keys []string
		for path := fmt.Sprintf("%s?limit=%d", admin, limit); path != ""; {
			page := testkit.As[flags.FlagList](t, root.Call(t, "GET "+path, nil).Expect(t, 200))
			if len(page.Items) > limit {
				t.Fatalf("%d flags for a limit of %d", len(page.Items), limit)
			}
			for _, f := range page.Items {
				got[f.Key], keys = f.Revision, append(keys, f.Key)
			}
			path = ""
			if page.NextCursor != nil {
				path = fmt.Sprintf("%s?limit=%d&cursor=%s", admin, limit, *page.NextCursor)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || !slices.IsSorted(keys) || len(keys) != len(want) {
			t.Errorf("in pages of %d: %q (-want +got):\n%s", limit, keys, diff)
		}
	}
	root.Call(t, "GET "+admin+"?cursor=nonsense", nil).Expect(t, 400)
}

// What isn't a flag is refused where it is wrong, and nothing is stored.
func TestBadInput(t *testing.T) {
	t.Parallel()
	h, root, _ := newHarness(t)
	root.Call(t, "POST "+admin, greeting(nil)).Expect(t, 201)
	serve := func(s any) list { return list{object{"if": list{}, "serve": s}} }
	values := func(of string, value any) object {
		return object{"type": of, "variants": object{"a": value}, "default": "a", "rules": list{}}
	}
	many := object{}
	for i := range 21 {
		many[fmt.Sprint("v", i)] = "x"
	}
	creations := []struct {
		others object
		want   string
	}{
		{object{"key": nil}, "body.key"}, {object{"key": "-a"}, "body.key"}, {object{"key": "a b"}, "body.key"}, {object{"key": "a/b"}, "body.key"},
		{object{"key": strings.Repeat("k", 101)}, "body.key"}, {object{"type": "colour"}, "body.type"}, {object{"reason": nil}, "body.reason"},
		{object{"reason": " "}, "body.reason"}, {object{"variants": object{}}, "body.variants"}, {object{"variants": many}, "body.variants"},
		{object{"variants": nil}, "body.variants"}, {object{"default": "hot"}, "body.default"}, {object{"revision": 1}, "body.revision"},
		{object{"approval": true}, "body.approval"}, {object{"prerequisites": list{}}, "body.prerequisites"}, {object{"from": "2026-12-01T00:00:00Z"}, "body.from"},
		{object{"rules": append(serve("warm"), serve("cool")...)}, "body.rules"},
		{object{"rules": list{object{"if": list{object{"attribute": "email"}}, "serve": "warm"}}}, "body.rules[0].if"},
		{object{"rules": list{object{"serve": "warm"}}}, "body.rules[0].if"}, {object{"rules": list{object{"if": list{}}}}, "body.rules[0].serve"},
		{object{"rules": serve("hot")}, "body.rules[0].serve"}, {object{"rules": serve(1)}, "body.rules[0].serve"},
		{object{"rules": serve(object{"weights": object{"warm": 9999}})}, "body.rules[0].serve.weights"},
		{object{"rules": serve(object{"weights": object{"warm": 9999, "cool": 2}})}, "body.rules[0].serve.weights"},
		{object{"rules": serve(object{"weights": object{}})}, "body.rules[0].serve.weights"},
		{object{"rules": serve(object{"weights": object{"warm": -1, "cool": 10001}})}, "body.rules[0].serve.weights.cool"},
		{object{"rules": serve(object{"weights": object{"hot": 10000}})}, "body.rules[0].serve.weights.hot"},
		{object{"rules": serve(object{"weights": object{"warm": 0.5}})}, "body.rules[0].serve.weights.warm"},
		{object{"rules": serve(object{"weights": object{"warm": 10000}, "seed": 1})}, "body.rules[0].serve.seed"},
		{values("boolean", "true"), "body.variants.a"}, {values("boolean", 1), "body.variants.a"}, {values("string", true), "body.variants.a"},
		{values("string", strings.Repeat("x", 4001)), "body.variants.a"}, {values("number", "1"), "body.variants.a"}, {values("json", "x"), "body.variants.a"},
		{object{"type": "json", "variants": `{"a":null}`, "default": "a"}, "body.variants"}, {object{"variants": object{"a b": "x"}, "default": "a b", "rules": list{}}, "body.variants.a b"},
	}
	h.ChangesNothing(t, func() {
		for _, tt := range creations {
			body := greeting(object{"key": "another"})
			maps.Copy(body, tt.others)
			maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
			refused(t, root.Call(t, "POST "+admin, body), tt.want)
		}
		refused(t, root.Call(t, "POST "+admin, `{"key":"n","type":"number","variants":{"a":1e999},"default":"a","reason":"x"}`), "body.variants.a")
		for _, tt := range []struct {
			body object
			want string
		}{
			{object{"reason": "x"}, "body.revision"}, {object{"revision": 1}, "body.reason"}, {object{"revision": -1, "reason": "x"}, "body.revision"},
			{object{"revision": 1, "reason": "x", "type": "json"}, "body.type"}, {object{"revision": 1, "reason": "x", "key": "y"}, "body.key"},
			{object{"revision": 1, "reason": "x", "kill": nil}, "body.kill"}, {object{"revision": 1, "reason": "x", "default": "hot"}, "body.default"},
			{object{"revision": 1, "reason": "x", "variants": object{"cool": 1}}, "body.variants.cool"},
			{object{"revision": 1, "reason": "x", "variants": object{"cool": "x"}}, "body.rules[0].serve.weights.warm"},
		} {
			refused(t, root.Call(t, "PATCH "+admin+"/greeting", tt.body), tt.want)
		}
		refused(t, root.Call(t, "DELETE "+admin+"/greeting?reason=x", nil), "query.revision")
		refused(t, root.Call(t, "DELETE "+admin+"/greeting?revision=1", nil), "query.reason")
		refused(t, root.Call(t, "DELETE "+admin+"/greeting?revision=1&reason=+", nil), "query.reason")
		refused(t, root.Call(t, "GET /v1/flags?user=ben", nil), "query.user")
	})
	big := object{}
	for i := range 20 {
		big[fmt.Sprint("v", i)] = strings.Repeat("x", 4000)
	}
	root.Call(t, "POST "+admin, greeting(object{"key": "big", "variants": big, "default": "v0", "rules": nil})).Expect(t, 413)
}

// refused holds an answer to VALIDATION_ERROR at a place.
func refused(t *testing.T, answer testkit.Answer, want string) {
	t.Helper()
	var p testkit.Problem
	answer.JSON(t, &p)
	if answer.Status != 400 || p.Code != errs.Validation || !slices.ContainsFunc(p.Errors, func(e errs.FieldError) bool { return e.Location == want }) {
		t.Errorf("%s: %d %s, want %s at %s", answer.Request, answer.Status, answer.Body, errs.Validation, want)
	}
}

// Values of every type come back as they were given.
func TestTypes(t *testing.T) {
	t.Parallel()
	_, root, ada := newHarness(t)
	for of, values := range map[string]list{
		"boolean": {true, false}, "string": {"", "Amélie 😀\n"}, "number": {0, -1.5, 1e300}, "json": {object{}, list{1, object{"a": nil}}},
	} {
		for i, value := range values {
			key := fmt.Sprint(of, i)
			root.Call(t, "POST "+admin, object{
				"key": key, "type": of, "variants": object{"v": value}, "default": "v", "client": true, "reason": "x",
			}).Expect(t, 201)
		}
	}
	got := mine(t, ada).Flags
	for key, want := range map[string]string{
		"boolean0": "true", "boolean1": "false", "string0": `""`, "string1": `"Amélie 😀\n"`, "number0": "0", "number1": "-1.5", "json0": "{}", "json1": `[1,{"a":null}]`,
	} {
		if string(got[key].Value) != want || got[key].Reason != flags.ReasonDefault {
			t.Errorf("%s is %s (%s), want %s", key, got[key].Value, got[key].Reason, want)
		}
	}
}

// Of two operators who change what both have read, one is told to read again, and
// the history has no hole; those who change different flags don't disturb each other.
func TestOperatorsRace(t *testing.T) {
	t.Parallel()
	h, root, _ := newHarness(t)
	other := h.Operator("other")
	root.Call(t, "POST "+admin, greeting(nil)).Expect(t, 201)
	const rounds = 8
	for revision := 1; revision <= rounds; revision++ {
		statuses := testkit.AtOnce(2, func(i int) int {
			p := []*testkit.Person{root, other}[i]
			return p.Call(t, "PATCH "+admin+"/greeting", object{"revision": revision, "reason": p.ID, "description": fmt.Sprint(p.ID, revision)}).Status
		})
		slices.Sort(statuses)
		if !slices.Equal(statuses, []int{200, 409}) {
			t.Fatalf("at revision %d they get %v", revision, statuses)
		}
	}
	made := testkit.AtOnce(6, func(i int) int {
		return root.Call(t, "POST "+admin, greeting(object{"key": fmt.Sprint("flag", i)})).Status
	})
	if !slices.Equal(made, slices.Repeat([]int{201}, 6)) {
		t.Errorf("six flags at once: %v", made)
	}
	page := testkit.As[flags.HistoryList](t, root.Call(t, "GET "+admin+"/greeting/history?limit=200", nil).Expect(t, 200))
	for i, e := range page.Items {
		if want := int64(rounds + 1 - i); e.Version != want || (i < rounds && e.Flag.Description != fmt.Sprint(e.Reason, want-1)) {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if got := mine(t, root).Version; got != 1+rounds+6 {
		t.Errorf("version %d after %d changes", got, 1+rounds+6)
	}
}

// The same request with its key changes a flag once.
func TestOnce(t *testing.T) {
	t.Parallel()
	_, root, _ := newHarness(t)
	for _, call := range []struct {
		line string
		body any
		want int
	}{
		{"POST " + admin, greeting(nil), 201},
		{"PATCH " + admin + "/greeting", object{"revision": 1, "reason": "x", "kill": true}, 200},
		{"DELETE " + admin + "/greeting?revision=2&reason=x", nil, 204},
	} {
		first := root.Call(t, call.line, call.body, testkit.Key("k")).Expect(t, call.want)
		again := root.Call(t, call.line, call.body, testkit.Key("k")).Expect(t, call.want)
		if string(first.Body) != string(again.Body) {
			t.Errorf("%s: %s, then %s", call.line, first.Body, again.Body)
		}
	}
	if got := mine(t, root).Version; got != 3 {
		t.Errorf("version %d after three changes", got)
	}
}

// The topic says every version at once, and the durable lane repeats it.
func TestTopic(t *testing.T) {
	t.Parallel()
	h, root, ada := newHarness(t)
	s := ada.Connect(t)
	if got := s.Ask(t, object{"action": "subscribe", "id": "1", "topic": "flags"}); got.Type != "subscribed" || got.Position != 0 {
		t.Fatalf("subscribed: %s", got.Raw)
	}
	root.Call(t, "POST "+admin, greeting(nil)).Expect(t, 201)
	events := s.Events(t, "flags")
	if last := events[len(events)-1]; last.Position != 1 || string(last.Data) != `{"version":1}` {
		t.Errorf("the topic says %d %s", last.Position, last.Data)
	}
	h.Stream(t, "Data", "streams/fanout")
	var heads []int64
	for _, frame := range s.Frames(t) {
		if frame.Type == "head" && frame.Topic == "flags" {
			heads = append(heads, frame.Position)
		}
	}
	if !slices.Equal(heads, []int64{1}) {
		t.Errorf("the durable lane says %v", heads)
	}
}

// Killing the flag `transcription` refuses chunks within two seconds, and reading goes
// on; a permission is looked at first.
func TestTranscriptionIsSwitchedOff(t *testing.T) {
	t.Parallel()
	h, root, ada := newHarness(t)
	path := "/v1/meetings/" + testkit.As[struct{ MeetingID string }](t, ada.Call(t, "POST /v1/meetings", object{"title": "Plan"}).Expect(t, 201)).MeetingID
	ada.Call(t, "POST "+path+"/start", nil).Expect(t, 200)
	chunk := object{"chunks": list{object{"text": "So.", "confidence": 1, "startMs": 0, "endMs": 1, "isFinal": true}}}
	say := func() testkit.Answer { return ada.Call(t, "POST "+path+"/transcript", chunk, testkit.Key("said")) }
	say().Expect(t, 200)
	root.Call(t, "PATCH "+admin+"/transcription", object{"revision": 0, "reason": "An incident.", "kill": true}).Expect(t, 200)
	h.Restart()
	say().Expect(t, 200) // what was committed before is answered as before
	var p testkit.Problem
	ada.Call(t, "POST "+path+"/transcript", chunk).Expect(t, 409).JSON(t, &p)
	if p.Code != errs.Conflict || !strings.Contains(p.Detail, "switched off") {
		t.Errorf("refused with %s: %s", p.Code, p.Detail)
	}
	h.User("ben").Call(t, "POST "+path+"/transcript", chunk).Expect(t, 403)
	ada.Call(t, "GET "+path+"/transcript", nil).Expect(t, 200)
	root.Call(t, "PATCH "+admin+"/transcription", object{"revision": 1, "reason": "It is over.", "kill": false}).Expect(t, 200)
	h.Restart()
	ada.Call(t, "POST "+path+"/transcript", chunk).Expect(t, 200)
}
