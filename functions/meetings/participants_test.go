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
	c := newCast(t)
	before := c.meeting(t)
	got := testkit.As[meetings.Participant](t, c.cohost.Call(t, "POST "+c.path+"/participants", invitee(c.stranger, "observer")).Expect(t, 201))
	if got.UserID != c.stranger.ID || got.Role != "observer" || got.DisplayName != "Stranger Test" || got.InvitedAt.IsZero() {
		t.Errorf("invited %+v", got)
	}
	c.stranger.Call(t, "GET "+c.path, nil).Expect(t, 200)
	after := c.consistent(t)
	if after.Revision != before.Revision+1 || after.ParticipantCount != before.ParticipantCount+1 {
		t.Errorf("the meeting went from %+v to %+v", before, after)
	}
	c.ChangesNothing(t, func() {
		for _, role := range []string{"observer", "co-host"} {
			c.host.Call(t, "POST "+c.path+"/participants", invitee(c.stranger, role)).Refused(t, errs.Conflict)
		}
		c.host.Call(t, "POST "+c.path+"/participants", invitee(c.host, "observer")).Refused(t, errs.Conflict)
		c.host.Call(t, "POST "+c.path+"/participants", object{"userId": "user_nobody", "role": "observer"}).Refused(t, errs.Validation, "body.userId")
	})
	// Whom only the directory knows is created then.
	c.host.Call(t, "POST "+c.path+"/participants", invitee(c.User("newcomer"), "participant")).Expect(t, 201)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	before := c.meeting(t)
	if got := c.cohost.Call(t, "DELETE "+c.seat(c.member), nil).Expect(t, 204); len(got.Body) > 0 {
		t.Errorf("answered %s", got.Body)
	}
	after := c.consistent(t)
	if after.Revision != before.Revision+1 || after.ParticipantCount != before.ParticipantCount-1 {
		t.Errorf("the meeting went from %+v to %+v", before, after)
	}
	c.ChangesNothing(t, func() {
		c.member.Call(t, "GET "+c.path, nil).Refused(t, errs.Forbidden)
		c.member.Call(t, "POST "+c.path+"/notes/changes", change("late")).Refused(t, errs.Forbidden)
		if got := testkit.As[meetings.List[meetings.Meeting]](t, c.member.Call(t, "GET /v1/meetings", nil)); len(got.Items) != 0 {
			t.Errorf("it is still in the list of who was removed: %+v", got)
		}
		c.host.Call(t, "DELETE "+c.seat(c.member), nil).Refused(t, errs.NotFound)
		c.host.Call(t, "PATCH "+c.seat(c.member), object{"role": "observer"}).Refused(t, errs.NotFound)
		c.host.Call(t, "DELETE "+c.seat(c.stranger), nil).Refused(t, errs.NotFound)
		c.host.Call(t, "DELETE "+c.path+"/participants/user_nobody", nil).Refused(t, errs.NotFound)
	})
}

func TestInviteAfterRemoval(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	for _, role := range []meetings.Role{"observer", "participant"} {
		c.host.Call(t, "POST "+c.path+"/participants", invitee(c.removed, string(role))).Expect(t, 201)
		if got := c.participants(t)[c.removed.ID]; got != role {
			t.Errorf("invited again as %s, is %s", role, got)
		}
		if got := testkit.As[meetings.List[meetings.Meeting]](t, c.removed.Call(t, "GET /v1/meetings", nil)); len(got.Items) != 1 {
			t.Errorf("invited again, it is %d times in the list", len(got.Items))
		}
		c.consistent(t)
		c.host.Call(t, "DELETE "+c.seat(c.removed), nil).Expect(t, 204)
	}
	c.removed.Call(t, "GET "+c.path, nil).Refused(t, errs.Forbidden)
}

func TestChangeRole(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	revision := c.meeting(t).Revision
	got := testkit.As[meetings.Participant](t, c.host.Call(t, "PATCH "+c.seat(c.observer), object{"role": "co-host"}).Expect(t, 200))
	if got.UserID != c.observer.ID || got.Role != "co-host" {
		t.Errorf("changed %+v", got)
	}
	// The new role holds at once, and the old one does no more.
	c.observer.Call(t, "PATCH "+c.path, object{"revision": revision + 1, "title": "Mine"}).Expect(t, 200)
	c.host.Call(t, "PATCH "+c.seat(c.observer), object{"role": "participant"}).Expect(t, 200)
	c.observer.Call(t, "PATCH "+c.path, object{"revision": revision + 3, "title": "Mine"}).Refused(t, errs.Forbidden)
	c.ChangesNothing(t, func() {
		c.host.Call(t, "PATCH "+c.seat(c.observer), object{"role": "participant"}).Expect(t, 200)
	})
	if got := c.consistent(t).Revision; got != revision+3 {
		t.Errorf("revision %d, want %d", got, revision+3)
	}
}

// The host stays: nobody removes, demotes or joins them.
func TestExactlyOneHost(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	c.ChangesNothing(t, func() {
		for _, p := range []*testkit.Person{c.host, c.cohost} {
			p.Call(t, "DELETE "+c.seat(c.host), nil).Refused(t, errs.Conflict)
			p.Call(t, "PATCH "+c.seat(c.host), object{"role": "observer"}).Refused(t, errs.Conflict)
			p.Call(t, "PATCH "+c.seat(c.member), object{"role": "host"}).Refused(t, errs.Validation, "body.role")
			p.Call(t, "POST "+c.path+"/participants", invitee(c.stranger, "host")).Refused(t, errs.Validation, "body.role")
		}
		c.member.Call(t, "DELETE "+c.seat(c.host), nil).Refused(t, errs.Forbidden)
	})
	c.consistent(t)
}

// A co-host deals with roles below co-host only.
func TestCoHostLimits(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	other := c.User("other")
	c.host.Call(t, "POST "+c.path+"/participants", invitee(other, "co-host")).Expect(t, 201)
	c.ChangesNothing(t, func() {
		c.cohost.Call(t, "POST "+c.path+"/participants", invitee(c.stranger, "co-host")).Refused(t, errs.Forbidden)
		c.cohost.Call(t, "PATCH "+c.seat(c.member), object{"role": "co-host"}).Refused(t, errs.Forbidden)
		c.cohost.Call(t, "PATCH "+c.seat(other), object{"role": "observer"}).Refused(t, errs.Forbidden)
		c.cohost.Call(t, "DELETE "+c.seat(other), nil).Refused(t, errs.Forbidden)
	})
	c.cohost.Call(t, "PATCH "+c.seat(c.member), object{"role": "observer"}).Expect(t, 200)
	c.cohost.Call(t, "PATCH "+c.seat(c.observer), object{"role": "participant"}).Expect(t, 200)
	c.cohost.Call(t, "DELETE "+c.seat(c.member), nil).Expect(t, 204)
	c.host.Call(t, "PATCH "+c.seat(other), object{"role": "observer"}).Expect(t, 200)
	c.cohost.Call(t, "DELETE "+c.seat(other), nil).Expect(t, 204)
	want := map[string]meetings.Role{c.host.ID: "host", c.cohost.ID: "co-host", c.observer.ID: "participant"}
	if diff := cmp.Diff(want, c.participants(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
