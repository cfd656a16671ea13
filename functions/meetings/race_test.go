package meetings_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
)

// insist repeats a call while there are too many changes of the meeting at
// once, a bounded number of times.
func insist(call func() testkit.Answer) testkit.Answer {
	var answer testkit.Answer
	for range 20 {
		if answer = call(); answer.Status != 429 {
			break
		}
	}
	return answer
}

// statuses counts answers by their status.
func statuses(answers []testkit.Answer) map[int]int {
	counted := map[int]int{}
	for _, answer := range answers {
		counted[answer.Status]++
	}
	return counted
}

func TestOneOfManyPatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.meeting(t).Revision
	got := testkit.AtOnce(8, func(i int) testkit.Answer {
		return f.host.Call(t, "PATCH "+f.path, object{"revision": revision, "title": fmt.Sprint("title ", i)})
	})
	if counted := statuses(got); counted[200] != 1 || counted[409] != 7 {
		t.Errorf("statuses %v, want one 200 and seven 409", counted)
	}
	m := f.consistent(t)
	for i, answer := range got {
		if answer.Status == 200 && m.Title != fmt.Sprint("title ", i) {
			t.Errorf("%d won, the title is %q", i, m.Title)
		}
	}
	if m.Revision != revision+1 {
		t.Errorf("revision %d after one change of %d", m.Revision, revision)
	}
}

func TestOneOfManyStarts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	revision := f.meeting(t).Revision
	got := testkit.AtOnce(6, func(i int) testkit.Answer {
		return insist(func() testkit.Answer {
			return []*testkit.Person{f.host, f.cohost}[i%2].Call(t, "POST "+f.path+"/start", nil)
		})
	})
	if counted := statuses(got); counted[200] != 1 || counted[409] != 5 {
		t.Errorf("statuses %v, want one 200 and five 409", counted)
	}
	if m := f.consistent(t); m.Revision != revision+1 || m.State != "active" {
		t.Errorf("the meeting is %+v", m)
	}
}

func TestOneOfManyInvitationsOfOnePerson(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.meeting(t)
	got := testkit.AtOnce(6, func(i int) testkit.Answer {
		role := []string{"observer", "participant"}[i%2]
		return insist(func() testkit.Answer {
			return f.host.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, role))
		})
	})
	if counted := statuses(got); counted[201] != 1 || counted[409] != 5 {
		t.Errorf("statuses %v, want one 201 and five 409", counted)
	}
	if m := f.consistent(t); m.Revision != before.Revision+1 || m.ParticipantCount != before.ParticipantCount+1 {
		t.Errorf("the meeting went from %+v to %+v", before, m)
	}
}

func TestManyInvitationsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.meeting(t)
	invited := f.members(8)
	got := testkit.AtOnce(len(invited), func(i int) testkit.Answer {
		return insist(func() testkit.Answer {
			return f.cohost.Call(t, "POST "+f.path+"/participants", invitee(invited[i], "observer"))
		})
	})
	if counted := statuses(got); counted[201] != len(invited) {
		t.Errorf("statuses %v, want 201 alone", counted)
	}
	if m := f.consistent(t); m.Revision != before.Revision+int64(len(invited)) || m.ParticipantCount != before.ParticipantCount+len(invited) {
		t.Errorf("the meeting went from %+v to %+v", before, m)
	}
}

// A full meeting takes one more only where one has left.
func TestLastSeat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	invited := list{}
	for _, p := range f.members(meetings.MaxParticipants - 1) {
		invited = append(invited, invitee(p, "observer"))
	}
	m := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST /v1/meetings", object{"title": "Nearly full", "participants": invited}))
	f.id, f.path = m.MeetingID, "/v1/meetings/"+m.MeetingID
	late := []*testkit.Person{f.cohost, f.member, f.observer, f.outsider}
	got := testkit.AtOnce(len(late), func(i int) testkit.Answer {
		return insist(func() testkit.Answer {
			return f.host.Call(t, "POST "+f.path+"/participants", invitee(late[i], "observer"))
		})
	})
	if counted := statuses(got); counted[201] != 1 || counted[409] != 3 {
		t.Errorf("statuses %v, want one 201 and three 409", counted)
	}
	if m := f.consistent(t); m.ParticipantCount != meetings.MaxParticipants+1 {
		t.Errorf("%d participants", m.ParticipantCount)
	}
}

// Whatever happens at once, the meeting counts right: every success raised the
// revision by one, and nothing else did.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := newFixture(t)
	before := f.meeting(t).Revision
	invited := f.members(4)
	const workers, calls = 6, 8
	changes := testkit.AtOnce(workers, func(worker int) (changed int64) {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		for call := range calls {
			p, by := invited[random.IntN(len(invited))], []*testkit.Person{f.host, f.cohost}[random.IntN(2)]
			role := []string{"observer", "participant", "co-host"}[random.IntN(3)]
			var a testkit.Answer
			switch random.IntN(4) {
			case 0:
				a = by.Call(t, "POST "+f.path+"/participants", invitee(p, role))
			case 1:
				a = by.Call(t, "DELETE "+f.participantPath(p), nil)
			case 2:
				a = by.Call(t, "PATCH "+f.path, object{"revision": f.meeting(t).Revision, "title": fmt.Sprint(worker, " ", call)})
			default:
				a = by.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer"))
			}
			switch a.Status {
			case 200, 201, 204:
				changed++
			case 403, 404, 409, 429:
			default:
				t.Errorf("%s: %d %s", a.Request, a.Status, a.Body)
			}
		}
		return changed
	})
	var sum int64
	for _, changed := range changes {
		sum += changed
	}
	if m := f.consistent(t); m.Revision != before+sum || sum == 0 {
		t.Errorf("revision %d after %d changes of %d", m.Revision, sum, before)
	}
}

// After a removal was answered, nothing that the removed person sends is done,
// though it was on its way.
func TestRemovedWhileActing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	type outcome struct {
		answer testkit.Answer
		after  int64
	}
	got := testkit.AtOnce(4, func(i int) outcome {
		if i == 0 {
			a := insist(func() testkit.Answer { return f.host.Call(t, "DELETE "+f.participantPath(f.cohost), nil) })
			return outcome{a, f.meeting(t).Revision}
		}
		return outcome{answer: f.cohost.Call(t, "POST "+f.path+"/participants", invitee(f.User(fmt.Sprint("late-", i)), "observer"))}
	})
	got[0].answer.Expect(t, 204)
	for _, outcome := range got[1:] {
		if outcome.answer.Status == 403 {
			outcome.answer.Refused(t, errs.Forbidden)
		}
	}
	f.ChangesNothing(t, func() {
		f.cohost.Call(t, "POST "+f.path+"/participants", invitee(f.outsider, "observer")).Refused(t, errs.Forbidden)
	})
	// What was done stood before the removal did.
	if m := f.consistent(t); m.Revision != got[0].after {
		t.Errorf("revision %d, %d when the removal was answered", m.Revision, got[0].after)
	}
}
