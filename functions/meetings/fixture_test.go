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

// fixture is a harness with a meeting, somebody in every role of it, and two who are
// not in it.
type fixture struct {
	*testkit.Harness
	host, cohost, member, observer *testkit.Person
	removed, outsider              *testkit.Person
	// id is the meeting's, path its address.
	id, path string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	h := testkit.New(t, functions.All())
	f := &fixture{
		Harness: h, host: h.User("host"), cohost: h.User("cohost"), member: h.User("member"), observer: h.User("observer"),
		removed: h.User("removed"), outsider: h.User("outsider"),
	}
	for _, p := range []*testkit.Person{f.host, f.cohost, f.member, f.observer, f.removed, f.outsider} {
		p.Call(t, "GET /v1/me", nil).Expect(t, 200)
	}
	f.start(t)
	return f
}

// start makes a new meeting of the same people, from which one is removed.
func (f *fixture) start(t *testing.T) {
	t.Helper()
	f.convene(t)
	f.host.Call(t, "DELETE "+f.participantPath(f.removed), nil).Expect(t, 204)
}

// convene makes a new meeting of the same people.
func (f *fixture) convene(t *testing.T) {
	t.Helper()
	m := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST /v1/meetings", object{"title": "Plan", "participants": list{
		invitee(f.cohost, "co-host"), invitee(f.member, "participant"), invitee(f.observer, "observer"), invitee(f.removed, "co-host"),
	}}).Expect(t, 201))
	f.id, f.path = m.MeetingID, "/v1/meetings/"+m.MeetingID
}

// participantPath is the address of a person in the meeting.
func (f *fixture) participantPath(p *testkit.Person) string { return f.path + "/participants/" + p.ID }

func invitee(p *testkit.Person, role string) object { return object{"userId": p.ID, "role": role} }

// meeting is the meeting as its host sees it.
func (f *fixture) meeting(t *testing.T) meetings.Meeting {
	t.Helper()
	return testkit.As[meetings.Meeting](t, f.host.Call(t, "GET "+f.path, nil))
}

// participants are all who are in the meeting, by id.
func (f *fixture) participants(t *testing.T) map[string]meetings.Role {
	t.Helper()
	roles := map[string]meetings.Role{}
	for _, p := range testkit.As[meetings.List[meetings.Participant]](t, f.host.Call(t, "GET "+f.path+"/participants?limit=200", nil)).Items {
		roles[p.UserID] = p.Role
	}
	return roles
}

// consistent fails the test unless the stored meeting agrees with the stored
// participants: their number, exactly one host, and who is in whose list.
func (f *fixture) consistent(t *testing.T) meetings.Meeting {
	t.Helper()
	m := f.meeting(t)
	count, hosts := 0, 0
	for key, row := range f.Stored(t, "Data") {
		userID, ok := strings.CutPrefix(key, "MEETING#"+f.id+"/PARTICIPANT#")
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
func (f *fixture) members(n int) []*testkit.Person {
	people := make([]*testkit.Person, n)
	for i := range people {
		people[i] = f.User(fmt.Sprintf("guest-%03d", i))
	}
	return people
}
