package meetings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// Short names for bodies.
type (
	object = map[string]any
	list   = []any
)

// cast is a harness with a meeting, somebody in every role of it, and two who are
// not in it.
type cast struct {
	*testkit.Harness
	host, cohost, member, observer *testkit.Person
	removed, stranger              *testkit.Person
	// id is the meeting's, path its address.
	id, path string
}

func newCast(t *testing.T) *cast {
	t.Helper()
	w := testkit.New(t, functions.All())
	c := &cast{
		Harness: w, host: w.User("host"), cohost: w.User("cohost"), member: w.User("member"), observer: w.User("observer"),
		removed: w.User("removed"), stranger: w.User("stranger"),
	}
	for _, p := range []*testkit.Person{c.host, c.cohost, c.member, c.observer, c.removed, c.stranger} {
		p.Call(t, "GET /v1/me", nil).Expect(t, 200)
	}
	c.meet(t)
	return c
}

// meet makes a new meeting of the same people, from which one is removed.
func (c *cast) meet(t *testing.T) {
	t.Helper()
	c.convene(t)
	c.host.Call(t, "DELETE "+c.seat(c.removed), nil).Expect(t, 204)
}

// convene makes a new meeting of the same people.
func (c *cast) convene(t *testing.T) {
	t.Helper()
	m := testkit.As[meetings.Meeting](t, c.host.Call(t, "POST /v1/meetings", object{"title": "Plan", "participants": list{
		invitee(c.cohost, "co-host"), invitee(c.member, "participant"), invitee(c.observer, "observer"), invitee(c.removed, "co-host"),
	}}).Expect(t, 201))
	c.id, c.path = m.MeetingID, "/v1/meetings/"+m.MeetingID
}

// seat is the address of a person in the meeting.
func (c *cast) seat(p *testkit.Person) string { return c.path + "/participants/" + p.ID }

func invitee(p *testkit.Person, role string) object { return object{"userId": p.ID, "role": role} }

// meeting is the meeting as its host sees it.
func (c *cast) meeting(t *testing.T) meetings.Meeting {
	t.Helper()
	return testkit.As[meetings.Meeting](t, c.host.Call(t, "GET "+c.path, nil))
}

// participants are all who are in the meeting, by id.
func (c *cast) participants(t *testing.T) map[string]meetings.Role {
	t.Helper()
	roles := map[string]meetings.Role{}
	for _, p := range testkit.As[meetings.List[meetings.Participant]](t, c.host.Call(t, "GET "+c.path+"/participants?limit=200", nil)).Items {
		roles[p.UserID] = p.Role
	}
	return roles
}

// consistent fails the test unless the stored meeting agrees with the stored
// participants: their number, exactly one host, and who is in whose list.
func (c *cast) consistent(t *testing.T) meetings.Meeting {
	t.Helper()
	m := c.meeting(t)
	count, hosts := 0, 0
	for key, row := range c.Stored(t, "Data") {
		userID, ok := strings.CutPrefix(key, "MEETING#"+c.id+"/PARTICIPANT#")
		if !ok {
			continue
		}
		isActive := row["status"] == "active"
		if isActive {
			count++
		}
		if isActive && row["role"] == "host" {
			hosts++
			if userID != m.HostID {
				t.Errorf("%s is host, the meeting says %s", userID, m.HostID)
			}
		}
		if listed := row["GSI1PK"] != nil; listed != isActive {
			t.Errorf("%s is %v, and in the person's list: %t", userID, row["status"], listed)
		}
	}
	if count != m.ParticipantCount || hosts != 1 {
		t.Errorf("%d participants are stored, the meeting says %d; %d of them are host", count, m.ParticipantCount, hosts)
	}
	return m
}

// members are n people whom the directory knows.
func (c *cast) members(n int) []*testkit.Person {
	people := make([]*testkit.Person, n)
	for i := range people {
		people[i] = c.User(fmt.Sprintf("guest-%03d", i))
	}
	return people
}
