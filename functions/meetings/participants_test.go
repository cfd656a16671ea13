package meetings_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

func TestInvite(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.meeting(t)
	got := testkit.As[meetings.Participant](t, f.cohost.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer")).Expect(t, 201))
	if got.UserID != f.outsider.ID || got.Role != "observer" || got.DisplayName != "Outsider Test" || got.InvitedAt.IsZero() {
		t.Errorf("invited %+v", got)
	}
	f.outsider.Call(t, "GET "+f.path, nil).Expect(t, 200)
	after := f.consistent(t)
	if after.Revision != before.Revision+1 || after.ParticipantCount != before.ParticipantCount+1 {
		t.Errorf("the meeting went from %+v to %+v", before, after)
	}
	f.ChangesNothing(t, func() {
		for _, role := range []string{"observer", "co-host"} {
			f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, role)).Refused(t, errs.Conflict)
		}
		f.host.Call(t, "POST "+f.path+"/participants", invitee(f.host, "observer")).Refused(t, errs.Conflict)
		f.host.Call(t, "POST "+f.path+"/participants", object{"userId": "user_nobody", "role": "observer"}).Refused(t, errs.Validation, "body.userId")
	})
	// Whom only the directory knows is created then.
	f.host.Call(t, "POST "+f.path+"/participants", invitee(f.User("newcomer"), "participant")).Expect(t, 201)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.meeting(t)
	if got := f.cohost.Call(t, "DELETE "+f.participantPath(f.member), nil).Expect(t, 204); len(got.Body) > 0 {
		t.Errorf("answered %s", got.Body)
	}
	after := f.consistent(t)
	if after.Revision != before.Revision+1 || after.ParticipantCount != before.ParticipantCount-1 {
		t.Errorf("the meeting went from %+v to %+v", before, after)
	}
	f.ChangesNothing(t, func() {
		f.member.Call(t, "GET "+f.path, nil).Refused(t, errs.Forbidden)
		f.member.Call(t, "POST "+f.path+"/notes/changes", change("late")).Refused(t, errs.Forbidden)
		if got := testkit.As[meetings.List[meetings.Meeting]](t, f.member.Call(t, "GET /v1/meetings", nil)); len(got.Items) != 0 {
			t.Errorf("it is still in the list of who was removed: %+v", got)
		}
		f.host.Call(t, "DELETE "+f.participantPath(f.member), nil).Refused(t, errs.NotFound)
		f.host.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "observer"}).Refused(t, errs.NotFound)
		f.host.Call(t, "DELETE "+f.participantPath(f.outsider), nil).Refused(t, errs.NotFound)
		f.host.Call(t, "DELETE "+f.path+"/participants/user_nobody", nil).Refused(t, errs.NotFound)
	})
}

func TestInviteAfterRemoval(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, role := range []meetings.Role{"observer", "participant"} {
		f.host.Call(t, "POST "+f.path+"/participants", invitee(f.removed, string(role))).Expect(t, 201)
		if got := f.participants(t)[f.removed.ID]; got != role {
			t.Errorf("invited again as %s, is %s", role, got)
		}
		if got := testkit.As[meetings.List[meetings.Meeting]](t, f.removed.Call(t, "GET /v1/meetings", nil)); len(got.Items) != 1 {
			t.Errorf("invited again, it is %d times in the list", len(got.Items))
		}
		f.consistent(t)
		f.host.Call(t, "DELETE "+f.participantPath(f.removed), nil).Expect(t, 204)
	}
	f.removed.Call(t, "GET "+f.path, nil).Refused(t, errs.Forbidden)
}

func TestChangeRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.meeting(t).Revision
	got := testkit.As[meetings.Participant](t, f.host.Call(t, "PATCH "+f.participantPath(f.observer), object{"role": "co-host"}).Expect(t, 200))
	if got.UserID != f.observer.ID || got.Role != "co-host" {
		t.Errorf("changed %+v", got)
	}
	// The new role holds at once, and the old one does no more.
	f.observer.Call(t, "PATCH "+f.path, object{"revision": revision + 1, "title": "Mine"}).Expect(t, 200)
	f.host.Call(t, "PATCH "+f.participantPath(f.observer), object{"role": "participant"}).Expect(t, 200)
	f.observer.Call(t, "PATCH "+f.path, object{"revision": revision + 3, "title": "Mine"}).Refused(t, errs.Forbidden)
	f.ChangesNothing(t, func() {
		f.host.Call(t, "PATCH "+f.participantPath(f.observer), object{"role": "participant"}).Expect(t, 200)
	})
	if got := f.consistent(t).Revision; got != revision+3 {
		t.Errorf("revision %d, want %d", got, revision+3)
	}
}

// The host stays: nobody removes, demotes or joins them.
func TestExactlyOneHost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ChangesNothing(t, func() {
		for _, p := range []*testkit.Person{f.host, f.cohost} {
			p.Call(t, "DELETE "+f.participantPath(f.host), nil).Refused(t, errs.Conflict)
			p.Call(t, "PATCH "+f.participantPath(f.host), object{"role": "observer"}).Refused(t, errs.Conflict)
			p.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "host"}).Refused(t, errs.Validation, "body.role")
			p.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "host")).Refused(t, errs.Validation, "body.role")
		}
		f.member.Call(t, "DELETE "+f.participantPath(f.host), nil).Refused(t, errs.Forbidden)
	})
	f.consistent(t)
}

// A co-host deals with roles below co-host only.
func TestCoHostLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.User("other")
	f.host.Call(t, "POST "+f.path+"/participants", invitee(other, "co-host")).Expect(t, 201)
	f.ChangesNothing(t, func() {
		f.cohost.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "co-host")).Refused(t, errs.Forbidden)
		f.cohost.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "co-host"}).Refused(t, errs.Forbidden)
		f.cohost.Call(t, "PATCH "+f.participantPath(other), object{"role": "observer"}).Refused(t, errs.Forbidden)
		f.cohost.Call(t, "DELETE "+f.participantPath(other), nil).Refused(t, errs.Forbidden)
	})
	f.cohost.Call(t, "PATCH "+f.participantPath(f.member), object{"role": "observer"}).Expect(t, 200)
	f.cohost.Call(t, "PATCH "+f.participantPath(f.observer), object{"role": "participant"}).Expect(t, 200)
	f.cohost.Call(t, "DELETE "+f.participantPath(f.member), nil).Expect(t, 204)
	f.host.Call(t, "PATCH "+f.participantPath(other), object{"role": "observer"}).Expect(t, 200)
	f.cohost.Call(t, "DELETE "+f.participantPath(other), nil).Expect(t, 204)
	want := map[string]meetings.Role{f.host.ID: "host", f.cohost.ID: "co-host", f.observer.ID: "participant"}
	if diff := cmp.Diff(want, f.participants(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
