package transcripts_test

import (
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

// Who may write and read, while the meeting is scheduled, active and over.
func TestRolesAndStates(t *testing.T) {
	t.Parallel()
	f := scheduled(t)
	people := []struct {
		*testkit.Person
		writes, reads errs.Kind
	}{
		{f.Nobody(), errs.Unauthorized, errs.Unauthorized},
		{f.outsider, errs.Forbidden, errs.Forbidden},
		{f.removed, errs.Forbidden, errs.Forbidden},
		{f.observer, errs.Forbidden, ""},
		{f.member, "", ""}, {f.cohost, "", ""}, {f.host, "", ""},
	}
	check := func(state string, open bool) {
		t.Helper()
		for _, who := range people {
			writes := who.writes
			if writes == "" && !open {
				writes = errs.MeetingNotActive
			}
			if writes == "" {
				f.append(t, who.Person, body(said("x")))
			} else {
				f.ChangesNothing(t, func() { who.Call(t, "POST "+f.path, body(said("x"))).Refused(t, writes) })
			}
			if answer := who.Call(t, "GET "+f.path, nil); who.reads == "" {
				answer.Expect(t, 200)
			} else {
				answer.Refused(t, who.reads)
			}
			if t.Failed() {
				t.Fatalf("%s in a meeting that is %s", who.ID, state)
			}
		}
	}
	check("scheduled", false)
	f.host.Call(t, "POST "+f.meeting+"/start", nil).Expect(t, 200)
	check("active", true)
	f.host.Call(t, "POST "+f.meeting+"/end", nil).Expect(t, 200)
	check("concluded", false)
	if got := len(f.all(t)); got != 3 {
		t.Errorf("%d chunks, want 3", got)
	}
	for _, path := range []string{"/v1/meetings/unknown/transcript", "/v1/meetings/a%23b/transcript", "/v1/meetings/%20/transcript"} {
		f.host.Call(t, "GET "+path, nil).Refused(t, errs.Forbidden)
		f.host.Call(t, "POST "+path, body(said("x"))).Refused(t, errs.Forbidden)
	}
}

// The checks come in the contract's order.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	f := scheduled(t)
	bad, strange := body(said("")), body(said("x", object{"speakerId": "nobody"}))
	f.Nobody().Call(t, "POST "+f.path, bad).Refused(t, errs.Unauthorized)
	f.outsider.Call(t, "POST "+f.path, bad).Refused(t, errs.Validation, "body.chunks[0].text")
	f.outsider.Call(t, "POST "+f.path, strange).Refused(t, errs.Forbidden)
	f.member.Call(t, "POST "+f.path, strange).Refused(t, errs.Forbidden)
	f.cohost.Call(t, "POST "+f.path, strange).Refused(t, errs.Validation, "body.chunks[0].speakerId")
	f.member.Call(t, "POST "+f.path, body(said("x"))).Refused(t, errs.MeetingNotActive)
}

// A role that was changed, and a removal, hold at once.
func TestChangedRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seat := f.meeting + "/participants/" + f.member.ID
	f.append(t, f.member, body(said("x")))
	f.host.Call(t, "PATCH "+seat, object{"role": "observer"}).Expect(t, 200)
	f.member.Call(t, "POST "+f.path, body(said("x"))).Refused(t, errs.Forbidden)
	f.member.Call(t, "GET "+f.path, nil).Expect(t, 200)
	f.host.Call(t, "DELETE "+seat, nil).Expect(t, 204)
	f.member.Call(t, "GET "+f.path, nil).Refused(t, errs.Forbidden)
	if got := f.all(t); len(got) != 1 || got[0].SpeakerID == nil || *got[0].SpeakerID != f.member.ID {
		t.Errorf("of who was removed stays %+v", got)
	}
}

// Who speaks is the caller, unless somebody who runs the meeting says otherwise.
func TestWhoSpeaks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	by := func(speaker any) object { return body(said("before"), said("x", object{"speakerId": speaker})) }
	unknown := []any(nil)
	for _, who := range []struct {
		*testkit.Person
		names bool
	}{{f.member, false}, {f.cohost, true}, {f.host, true}} {
		f.append(t, who.Person, by(who.ID))
		for _, speaker := range []any{f.observer.ID, unknown} {
			if who.names {
				f.append(t, who.Person, by(speaker))
				continue
			}
			f.ChangesNothing(t, func() {
				for _, options := range [][]testkit.Option{nil, {testkit.Key("k")}} {
					who.Call(t, "POST "+f.path, by(speaker), options...).Refused(t, errs.Forbidden)
				}
			})
		}
		for _, speaker := range []any{"nobody", f.outsider.ID, f.removed.ID} {
			f.ChangesNothing(t, func() {
				answer := who.Call(t, "POST "+f.path, by(speaker))
				if who.names {
					answer.Refused(t, errs.Validation, "body.chunks[1].speakerId")
				} else {
					answer.Refused(t, errs.Forbidden)
				}
			})
		}
	}
	// The right goes with the role.
	f.host.Call(t, "PATCH "+f.meeting+"/participants/"+f.cohost.ID, object{"role": "participant"}).Expect(t, 200)
	f.cohost.Call(t, "POST "+f.path, by(f.host.ID)).Refused(t, errs.Forbidden)
}
