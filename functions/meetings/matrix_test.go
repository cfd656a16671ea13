package meetings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/caller"
	"github.com/rapport/rapport/shared/endpoint"
	"github.com/rapport/rapport/shared/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// request says how to call a function that declares an action, so that whoever
// may gets it done.
func (c *cast) request(t *testing.T, name string) (line string, body any) {
	t.Helper()
	switch name {
	case "meetings/create":
		return "POST /v1/meetings", object{"title": "Mine"}
	case "meetings/list":
		return "GET /v1/meetings", nil
	case "meetings/get":
		return "GET " + c.path, nil
	case "meetings/update":
		return "PATCH " + c.path, object{"revision": c.meeting(t).Revision, "title": "Other"}
	case "meetings/start":
		return "POST " + c.path + "/start", nil
	case "meetings/end":
		c.host.Call(t, "POST "+c.path+"/start", nil).Want(t, 200)
		return "POST " + c.path + "/end", nil
	case "meetings/listparticipants":
		return "GET " + c.path + "/participants", nil
	case "meetings/invite":
		return "POST " + c.path + "/participants", invitee(c.User("newcomer"), "observer")
	case "meetings/changerole":
		return "PATCH " + c.seat(c.observer), object{"role": "participant"}
	case "meetings/remove":
		return "DELETE " + c.seat(c.observer), nil
	case "notes/get":
		return "GET " + c.path + "/notes", nil
	case "notes/changes":
		return "GET " + c.path + "/notes/changes", nil
	case "notes/append":
		return "POST " + c.path + "/notes/changes", change("x")
	case "notes/edit":
		frame := change("x")
		frame["action"], frame["id"], frame["meetingId"] = "edit", "1", c.id
		return "", frame
	case "transcripts/list":
		return "GET " + c.path + "/transcript", nil
	case "transcripts/append":
		if c.meeting(t).State == meetings.Scheduled {
			c.host.Call(t, "POST "+c.path+"/start", nil).Want(t, 200)
		}
		return "POST " + c.path + "/transcript", object{"chunks": list{object{"text": "x", "confidence": 1, "startMs": 0, "endMs": 1, "isFinal": true}}}
	case "realtime/subscribe":
		return "", object{"action": "subscribe", "id": "1", "topic": "meetings/" + c.id + "/notes"}
	case "realtime/presence":
		return "", object{"action": "presence", "id": "1", "topic": "meetings/" + c.id, "clientId": "c", "seq": 1, "status": "active"}
	case "realtime/ticket":
		return "POST /v1/realtime/tickets", nil
	case "users/get":
		return "GET /v1/me", nil
	case "users/update":
		return "PATCH /v1/me", object{"displayName": "Other"}
	}
	t.Fatalf("%s declares an action: say here how to call it", name)
	return "", nil
}

// prepare makes everything ready for a call and gives the call, which gives the
// code of its refusal, empty where it was done.
func (c *cast) prepare(t *testing.T, p *testkit.Person, unit endpoint.Unit) func() errs.Kind {
	t.Helper()
	line, body := c.request(t, unit.Name)
	if unit.Trigger == endpoint.TriggerSocket {
		socket := p.Connect(t)
		return func() errs.Kind { return socket.Ask(t, body).Code }
	}
	return func() errs.Kind {
		answer := p.Call(t, line, body)
		var problem testkit.Problem
		if answer.Status > 299 {
			answer.JSON(t, &problem)
		}
		return problem.Code
	}
}

// denials counts the entries of the audit log that say a person was denied an
// action in the meeting.
func (c *cast) denials(t *testing.T, p *testkit.Person, action caller.Action) (n int) {
	t.Helper()
	for key, entry := range c.Stored(t, "Audit") {
		about := strings.HasPrefix(key, "AUDIT#meetings/"+c.id+"/")
		if about && entry["userId"] == p.ID && entry["action"] == string(action) && entry["result"] == "denied" {
			n++
		}
	}
	return n
}

// TestPermissions holds the permission table against the contract's words.
func TestPermissions(t *testing.T) {
	t.Parallel()
	want := map[caller.Action]meetings.Role{
		"meetings.get": "observer", "meetings.listParticipants": "observer", "notes.read": "observer", "transcripts.read": "observer",
		"realtime.subscribe": "observer", "realtime.presence": "observer", "notes.write": "participant", "transcripts.write": "participant",
		"meetings.update": "co-host", "meetings.start": "co-host", "meetings.end": "co-host",
		"meetings.invite": "co-host", "meetings.changeRole": "co-host", "meetings.remove": "co-host",
		"transcripts.nameSpeakers": "co-host",
	}
	if diff := cmp.Diff(want, meetings.Permissions()); diff != "" {
		t.Errorf("(-contract +table):\n%s", diff)
	}
}

// TestMatrix holds every function with an action against the permission table:
// every role, a stranger, and somebody who was removed.
func TestMatrix(t *testing.T) {
	t.Parallel()
	permissions := meetings.Permissions()
	// A part of writing the transcript, which is tested there.
	declared := map[caller.Action]bool{meetings.ActionNameSpeakers: true}
	for _, unit := range functions.All() {
		if unit.Class != endpoint.Users || unit.Action == "" {
			continue
		}
		declared[unit.Action] = true
		t.Run(strings.ReplaceAll(unit.Name, "/", " "), func(t *testing.T) {
			t.Parallel()
			c := newCast(t)
			needed, ofMeeting := permissions[unit.Action]
			for _, who := range []struct {
				*testkit.Person
				role meetings.Role
			}{
				{c.stranger, ""}, {c.removed, ""}, {c.observer, meetings.Observer}, {c.member, meetings.Member},
				{c.cohost, meetings.CoHost}, {c.host, meetings.Host},
			} {
				c.meet(t)
				call := c.prepare(t, who.Person, unit)
				if !ofMeeting || (who.role != "" && who.role.AtLeast(needed)) {
					if got := call(); got != "" {
						t.Errorf("%s may %s, but gets %s", who.ID, unit.Action, got)
					}
					continue
				}
				c.ChangesNothing(t, func() {
					if got := call(); got != errs.Forbidden {
						t.Errorf("%s may not %s, but gets %q", who.ID, unit.Action, got)
					}
				})
				if got := c.denials(t, who.Person, unit.Action); got != 1 {
					t.Errorf("that %s may not %s is audited %d times", who.ID, unit.Action, got)
				}
			}
		})
	}
	for action := range permissions {
		if !declared[action] {
			t.Errorf("no function declares %s", action)
		}
	}
}
