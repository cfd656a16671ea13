package check

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/local/door"
	"github.com/rapport/rapport/infra/local/iam"
	"github.com/rapport/rapport/infra/local/runner"
	"github.com/rapport/rapport/shared/config"
)

// enough bounds the whole scenario; nothing is asserted about time.
const enough = 2 * time.Minute

// TestPoliciesGrantWhatFunctionsDo runs every function through the local runner,
// good calls and bad ones, and compares what each did to the tables with what
// its policy in the templates allows. What a policy grants and no call used is
// only printed (-v): rarer paths may need it.
func TestPoliciesGrantWhatFunctionsDo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	stack, err := loadStack(root(t))
	if err != nil {
		t.Fatalf("templates:\n%v", err)
	}
	policies, err := iam.New(stack, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	watch := newGuard()
	settings, err := runner.FromEnvironment(config.Process().With(config.Env{ // ENGINE, as for all tests
		"PORT": "0", "WS_PORT": "0", "DATA_DIR": runner.Memory,
	}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := runner.Start(ctx, runner.Config{Settings: settings, Root: root(t), Units: functions.All(), Calls: []door.Step{watch.Step}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Log("stop:", err) // how it ends is the runner's own test
		}
	})
	everything(ctx, t, newWorld(t, r.URL), watch)

	acted := map[string]bool{}
	for _, u := range watch.uses() {
		t.Logf("used: %s %s on %s", u.function, u.Name, u.Resource)
		acted[u.function] = true
		if policies.Decide(u.function, u.Action) != iam.Granted {
			t.Errorf("%s did %s on %s, which its policy does not grant", u.function, u.Name, u.Resource)
		}
	}
	for _, f := range stack.Functions {
		if !acted[f.Folder] && len(f.Policies) > 0 {
			t.Errorf("%s touched no table: the scenario does not reach it", f.Folder)
		}
		for _, s := range f.Policies {
			for _, action := range s.Action {
				one := s
				one.Action = []string{action}
				if !slices.ContainsFunc(watch.uses(), func(u use) bool { return u.function == f.Folder && iam.Covers(one, u.Action) }) {
					t.Logf("not used: %s %s on %s", f.Folder, action, s.Sid)
				}
			}
		}
	}
}

// everything calls every function: as its people would, and wrongly.
func everything(ctx context.Context, t *testing.T, w *world, watch *guard) {
	ada, grace, alan := w.signIn("ada"), w.signIn("grace"), w.signIn("alan")
	w.call(nil, "GET /healthz", nil, 200)
	w.call(nil, "GET /v1/nowhere", nil, 404)
	w.call(nil, "GET /v1/me", nil, 401)
	w.call(ada, "GET /v1/me", nil, 200)
	w.call(ada, "PATCH /v1/me", object{"displayName": "Ada L."}, 200)
	w.call(ada, "PATCH /v1/me", object{"displayName": ""}, 400)

	meeting := "/v1/meetings/" + w.call(ada, "POST /v1/meetings", object{
		"title": "Grants", "participants": []object{{"userId": grace.id, "role": "participant"}},
	}, 201)["meetingId"].(string)
	w.call(ada, "GET /v1/meetings", nil, 200)
	w.call(ada, "GET "+meeting, nil, 200)
	w.call(alan, "GET "+meeting, nil, 403)
	w.call(grace, "PATCH "+meeting, object{"revision": 1, "title": "Mine"}, 403)
	w.call(ada, "PATCH "+meeting, object{"revision": 999, "title": "Late"}, 409)
	w.call(ada, "POST "+meeting+"/participants", object{"userId": alan.id, "role": "observer"}, 201)
	w.call(ada, "POST "+meeting+"/participants", object{"userId": alan.id, "role": "observer"}, 409)
	w.call(ada, "GET "+meeting+"/participants", nil, 200)

	topic := strings.TrimPrefix(meeting, "/v1/")
	w.crowd(ctx, "edsger")
	adas, graces, alans := w.socket(ctx, "ada"), w.socket(ctx, "grace"), w.socket(ctx, "alan")
	for _, socket := range []*socket{adas, graces, alans} {
		socket.ask(object{"action": "subscribe", "topic": topic}, "subscribed")
		socket.ask(object{"action": "subscribe", "topic": topic + "/notes", "from": 0}, "subscribed")
		socket.ask(object{"action": "subscribe", "topic": topic + "/transcript", "from": 0}, "subscribed")
		socket.ask(object{"action": "presence", "topic": topic, "clientId": "c", "seq": 1, "status": "active"}, "ok")
		socket.ask(object{"action": "ping"}, "pong")
	}
	alans.ask(object{"action": "subscribe", "topic": "meetings/other/notes"}, "error")
	alans.ask(object{"action": "sing"}, "error")

	w.call(ada, "POST "+meeting+"/start", nil, 200)
	w.call(ada, "POST "+meeting+"/start", nil, 409)
	change := func(client string, base, seq int) object {
		return object{"baseVersion": base, "clientId": client, "clientSeq": seq, "ops": []object{{"type": "insert", "position": 0, "content": "x"}}}
	}
	with := func(o object, more object) object {
		for name, value := range more {
			o[name] = value
		}
		return o
	}
	edit := object{"action": "edit", "meetingId": strings.TrimPrefix(topic, "meetings/")}
	w.call(ada, "POST "+meeting+"/notes/changes", change("a", 0, 1), 200)
	w.call(ada, "POST "+meeting+"/notes/changes", change("a", 0, 1), 200)
	graces.ask(with(change("g", 0, 1), edit), "ack")
	alans.ask(with(change("l", 0, 1), edit), "error")
	graces.burst(30, func(i int) object { return with(change("g", 1, i+2), edit) })
	w.call(ada, "GET "+meeting+"/notes", nil, 200)
	w.call(ada, "GET "+meeting+"/notes/changes?from=0&limit=5", nil, 200)
	w.until(ctx, "a snapshot is written", func() bool {
		return slices.ContainsFunc(watch.uses(), func(u use) bool {
			return u.function == "notes/project" && u.Name == "dynamodb:UpdateItem"
		})
	})
	w.call(ada, "GET "+meeting+"/notes", nil, 200)

	spoken := func(speaker string) object {
		return object{"chunks": []object{
			{"text": "So.", "confidence": 0.9, "startMs": 0, "endMs": 900, "isFinal": true},
			{"text": "Yes.", "confidence": 1, "startMs": 900, "endMs": 1200, "isFinal": true, "speakerId": speaker},
		}}
	}
	w.call(grace, "POST "+meeting+"/transcript", spoken(ada.id), 200)
	w.call(grace, "POST "+meeting+"/transcript", spoken("nobody"), 400)
	w.call(alan, "POST "+meeting+"/transcript", spoken(ada.id), 403)
	w.call(alan, "GET "+meeting+"/transcript?from=1", nil, 200)

	w.call(ada, "PATCH "+meeting+"/participants/"+alan.id, object{"role": "participant"}, 200)
	alans.expect("revoked")
	w.call(ada, "DELETE "+meeting+"/participants/"+alan.id, nil, 204)
	w.call(ada, "DELETE "+meeting+"/participants/"+ada.id, nil, 409)
	w.call(ada, "DELETE "+meeting+"/participants/nobody", nil, 404)
	w.call(ada, "PATCH "+meeting, object{"revision": w.call(ada, "GET "+meeting, nil, 200)["revision"], "title": "Granted"}, 200)
	adas.ask(object{"action": "unsubscribe", "topic": topic}, "unsubscribed")
	w.call(ada, "POST "+meeting+"/end", nil, 200)
	graces.expect("revoked")
	w.call(ada, "POST "+meeting+"/notes/changes", change("a", 1, 9), 409)
	w.call(ada, "POST "+meeting+"/transcript", spoken(ada.id), 409)
	w.call(nil, "POST /v1/webhooks/workos", object{"event": "session.revoked"}, 401)
	w.call(nil, "POST /dev/revoke", object{"user": "grace"}, 200)
	graces.expect("revoked")
	for _, socket := range []*socket{adas, alans} {
		socket.open.Cut()
	}
	w.until(ctx, "sockets are taken down", func() bool {
		return slices.ContainsFunc(watch.uses(), func(u use) bool {
			return u.function == "realtime/disconnect" && u.Name != "dynamodb:GetItem" && u.Name != "dynamodb:Query"
		})
	})
	w.call(nil, "POST /dev/run", object{"function": "notes/trim"}, 200)
	w.call(nil, "POST /dev/run", object{"function": "notes/get"}, 404)
	w.call(nil, "POST /dev/run", object{}, 400)
	w.until(ctx, "a closed window has left", func() bool {
		return slices.ContainsFunc(watch.uses(), func(u use) bool { return u.function == "realtime/leave" })
	})
}
