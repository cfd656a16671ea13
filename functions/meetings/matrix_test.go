package meetings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/testkit/scene"
	"github.com/rapport/rapport/shared/transcripts"
)

// aMeeting is what events call a meeting.
const aMeeting = "01K0ABCDEFGHJKMNPQRSTVWXYZ"

// prepare has the host make everything ready for a call about this meeting, and gives
// the call, which gives the code of its refusal, empty where it was done.
func (f *fixture) prepare(t *testing.T, scenes *scene.Scenes, p *testkit.Person, spec endpoint.FunctionSpec) func() errs.Kind {
	t.Helper()
	newcomer := f.User("newcomer")
	names := scene.Names{scene.Ada: f.host.ID, scene.Grace: newcomer.ID, aMeeting: f.id, scene.Socket: "any"}
	request := f.host.Prepare(t, scenes, spec.Name, names)
	if spec.Trigger == endpoint.TriggerSocket {
		socket := p.Connect(t)
		return func() errs.Kind { return socket.Ask(t, request.Body).Code }
	}
	return func() errs.Kind {
		answer := p.Call(t, request.Line, request.Body)
		var problem testkit.Problem
		if answer.Status > 299 {
			answer.JSON(t, &problem)
		}
		return problem.Code
	}
}

// TestPermissions holds the permission table against the contract's words.
func TestPermissions(t *testing.T) {
	t.Parallel()
	want := meetings.PermissionTable{
		"meetings.get": "observer", "meetings.listParticipants": "observer", "notes.read": "observer", "transcripts.read": "observer",
		"realtime.subscribe": "observer", "realtime.presence": "observer", "notes.write": "participant", "transcripts.write": "participant",
		"meetings.update": "co-host", "meetings.start": "co-host", "meetings.end": "co-host",
		"meetings.invite": "co-host", "meetings.changeRole": "co-host", "meetings.remove": "co-host",
		"transcripts.nameSpeakers": "co-host",
	}
	if diff := cmp.Diff(want, composition.Permissions()); diff != "" {
		t.Errorf("(-contract +table):\n%s", diff)
	}
}

// TestMatrix holds every function with an action against the permission table:
// every role, somebody who was never in it, and somebody who was removed. Each is
// called as its event in events/ says.
func TestMatrix(t *testing.T) {
	t.Parallel()
	scenes, err := scene.Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	permissions := composition.Permissions()
	// A part of writing the transcript, which is tested there.
	declared := map[caller.Action]bool{transcripts.ActionNameSpeakers: true}
	for _, spec := range functions.All() {
		if spec.Class != endpoint.Users || spec.Action == "" {
			continue
		}
		declared[spec.Action] = true
		t.Run(strings.ReplaceAll(spec.Name, "/", " "), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			needed, ofMeeting := permissions[spec.Action]
			for _, who := range []struct {
				*testkit.Person
				role meetings.Role
			}{
				{f.outsider, ""}, {f.removed, ""}, {f.observer, meetings.Observer}, {f.member, meetings.Member},
				{f.cohost, meetings.CoHost}, {f.host, meetings.Host},
			} {
				f.convene(t)
				call := f.prepare(t, scenes, who.Person, spec)
				if who.Person == f.removed {
					f.host.Call(t, "DELETE "+f.participantPath(f.removed), nil).Expect(t, 204)
				}
				if !ofMeeting || (who.role != "" && who.role.AtLeast(needed)) {
					if got := call(); got != "" {
						t.Errorf("%s may %s, but gets %s", who.ID, spec.Action, got)
					}
					continue
				}
				f.ChangesNothing(t, func() {
					if got := call(); got != errs.Forbidden {
						t.Errorf("%s may not %s, but gets %q", who.ID, spec.Action, got)
					}
				})
				if got := who.Denials(t, spec.Action, "meetings/"+f.id); got != 1 {
					t.Errorf("that %s may not %s is audited %d times", who.ID, spec.Action, got)
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
