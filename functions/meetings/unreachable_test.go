package meetings_test

import (
	"strings"
	"testing"
)

// A client that can't be reached when its subscriptions end believes that it follows
// the topics: the durable lane sends them later, and closes a socket that it can't tell
// either, so that its client comes back and gets what holds.
func TestUnreachableSocketIsClosed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request string
		body    any
		reason  string
		// spared is what isn't ended.
		spared string
	}{
		{"removed", "DELETE {seat}", nil, "removed", ""},
		{"another role", "PATCH {seat}", object{"role": "observer"}, "role_changed", ""},
		{"ended", "POST {meeting}/end", nil, "meeting_ended", "state"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.host.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
			f.Stream(t, "Data", "streams/fanout")
			reached, unreachable := f.following(t, f.member), f.following(t, f.member)
			reached.Fail()
			unreachable.Fail()
			request := strings.NewReplacer("{seat}", f.participantPath(f.member), "{meeting}", f.path).Replace(tt.request)
			f.host.Call(t, request, tt.body)

			reached.Recover()
			if got := f.Stream(t, "Data", "streams/fanout"); len(got.Failed) > 0 {
				t.Fatalf("the durable lane failed: %+v", got)
			}
			want := 2
			if tt.spared != "" {
				want = 1
			}
			if received := revoked(t, reached); received[tt.reason] != want {
				t.Errorf("told %v", received)
			}
			if got := f.subscribed(t, reached); got != tt.spared || !reached.Open() {
				t.Errorf("whoever was told follows %q, open %v", got, reached.Open())
			}
			if unreachable.Open() {
				t.Error("the socket that can't be told is open")
			}
			if got := f.subscribed(t, unreachable); got != "" {
				t.Errorf("the socket that can't be told follows %q", got)
			}
		})
	}
}

// What an end left marked gets nothing, also before it is told.
func TestUnreachableSocketGetsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.following(t, f.member)
	before := len(socket.Frames(t))
	socket.Fail()
	f.host.Call(t, "DELETE "+f.participantPath(f.member), nil).Expect(t, 204)
	socket.Recover()
	f.host.Call(t, "PATCH "+f.path, object{"revision": f.meeting(t).Revision, "title": "Without you"}).Expect(t, 200)
	f.host.Call(t, "POST "+f.path+"/notes/changes", object{
		"baseVersion": 0, "clientId": "c", "clientSeq": 1, "ops": list{object{"type": "insert", "position": 0, "content": "x"}},
	}).Expect(t, 200)
	if got := socket.Frames(t)[before:]; len(got) > 0 {
		t.Errorf("the removed got %s", got[0].Raw)
	}
}
