package meetings_test

import (
	"strings"
	"testing"
)

// Whoever can't be told that their streams have ended believes that they follow
// them: the durable lane tells them later, and closes a socket that it can't tell
// either, so that its client comes back and hears what holds.
func TestUntoldOfAnEnd(t *testing.T) {
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
			c := newCast(t)
			c.host.Call(t, "POST "+c.path+"/start", nil).Expect(t, 200)
			c.Stream(t, "Data", "streams/fanout")
			reached, unreachable := c.following(t, c.member), c.following(t, c.member)
			reached.Fail()
			unreachable.Fail()
			request := strings.NewReplacer("{seat}", c.seat(c.member), "{meeting}", c.path).Replace(tt.request)
			c.host.Call(t, request, tt.body)

			reached.Recover()
			if got := c.Stream(t, "Data", "streams/fanout"); len(got.Failed) > 0 {
				t.Fatalf("the durable lane failed: %+v", got)
			}
			want := 2
			if tt.spared != "" {
				want = 1
			}
			if told := revoked(t, reached); told[tt.reason] != want {
				t.Errorf("told %v", told)
			}
			if got := c.subscribed(t, reached); got != tt.spared || !reached.Open() {
				t.Errorf("whoever was told follows %q, open %v", got, reached.Open())
			}
			if unreachable.Open() {
				t.Error("the socket that can't be told is open")
			}
			if got := c.subscribed(t, unreachable); got != "" {
				t.Errorf("the socket that can't be told follows %q", got)
			}
		})
	}
}

// What an end left marked gets nothing, also before it is told.
func TestUntoldGetNothing(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	socket := c.following(t, c.member)
	before := len(socket.Frames(t))
	socket.Fail()
	c.host.Call(t, "DELETE "+c.seat(c.member), nil).Expect(t, 204)
	socket.Recover()
	c.host.Call(t, "PATCH "+c.path, object{"revision": c.meeting(t).Revision, "title": "Without you"}).Expect(t, 200)
	c.host.Call(t, "POST "+c.path+"/notes/changes", object{
		"baseVersion": 0, "clientId": "c", "clientSeq": 1, "ops": list{object{"type": "insert", "position": 0, "content": "x"}},
	}).Expect(t, 200)
	if got := socket.Frames(t)[before:]; len(got) > 0 {
		t.Errorf("the removed got %s", got[0].Raw)
	}
}
