package transcripts_test

import (
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

// Who may write and read, while the meeting is scheduled, active and over.
func TestRolesAndStates(t *testing.T) {
	t.Parallel()
	r := scheduled(t)
	people := []struct {
		*testkit.Person
		writes, reads errs.Kind
	}{
		{r.Nobody(), errs.Unauthorized, errs.Unauthorized},
		{r.stranger, errs.Forbidden, errs.Forbidden},
		{r.removed, errs.Forbidden, errs.Forbidden},
		{r.observer, errs.Forbidden, ""},
		{r.member, "", ""}, {r.cohost, "", ""}, {r.host, "", ""},
	}
	check := func(state string, open bool) {
		t.Helper()
		for _, who := range people {
			writes := who.writes
			if writes == "" && !open {
				writes = errs.MeetingNotActive
			}
			if writes == "" {
				r.append(t, who.Person, body(said("x")))
			} else {
				r.ChangesNothing(t, func() { who.Call(t, "POST "+r.path, body(said("x"))).Refused(t, writes) })
			}
			if answer := who.Call(t, "GET "+r.path, nil); who.reads == "" {
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
	r.host.Call(t, "POST "+r.meeting+"/start", nil).Expect(t, 200)
	check("active", true)
	r.host.Call(t, "POST "+r.meeting+"/end", nil).Expect(t, 200)
	check("concluded", false)
	if got := len(r.all(t)); got != 3 {
		t.Errorf("%d chunks, want 3", got)
	}
	for _, path := range []string{"/v1/meetings/unknown/transcript", "/v1/meetings/a%23b/transcript", "/v1/meetings/%20/transcript"} {
		r.host.Call(t, "GET "+path, nil).Refused(t, errs.Forbidden)
		r.host.Call(t, "POST "+path, body(said("x"))).Refused(t, errs.Forbidden)
	}
}

// The checks come in the contract's order.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	r := scheduled(t)
	bad, strange := body(said("")), body(said("x", object{"speakerId": "nobody"}))
	r.Nobody().Call(t, "POST "+r.path, bad).Refused(t, errs.Unauthorized)
	r.stranger.Call(t, "POST "+r.path, bad).Refused(t, errs.Validation, "body.chunks[0].text")
	r.stranger.Call(t, "POST "+r.path, strange).Refused(t, errs.Forbidden)
	r.member.Call(t, "POST "+r.path, strange).Refused(t, errs.Forbidden)
	r.cohost.Call(t, "POST "+r.path, strange).Refused(t, errs.Validation, "body.chunks[0].speakerId")
	r.member.Call(t, "POST "+r.path, body(said("x"))).Refused(t, errs.MeetingNotActive)
}

// A role that was changed, and a removal, hold at once.
func TestChangedRole(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	seat := r.meeting + "/participants/" + r.member.ID
	r.append(t, r.member, body(said("x")))
	r.host.Call(t, "PATCH "+seat, object{"role": "observer"}).Expect(t, 200)
	r.member.Call(t, "POST "+r.path, body(said("x"))).Refused(t, errs.Forbidden)
	r.member.Call(t, "GET "+r.path, nil).Expect(t, 200)
	r.host.Call(t, "DELETE "+seat, nil).Expect(t, 204)
	r.member.Call(t, "GET "+r.path, nil).Refused(t, errs.Forbidden)
	if got := r.all(t); len(got) != 1 || got[0].SpeakerID == nil || *got[0].SpeakerID != r.member.ID {
		t.Errorf("of who was removed stays %+v", got)
	}
}

// Who speaks is the caller, unless somebody who runs the meeting says otherwise.
func TestWhoSpeaks(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	by := func(speaker any) object { return body(said("before"), said("x", object{"speakerId": speaker})) }
	unknown := []any(nil)
	for _, who := range []struct {
		*testkit.Person
		names bool
	}{{r.member, false}, {r.cohost, true}, {r.host, true}} {
		r.append(t, who.Person, by(who.ID))
		for _, speaker := range []any{r.observer.ID, unknown} {
			if who.names {
				r.append(t, who.Person, by(speaker))
				continue
			}
			r.ChangesNothing(t, func() {
				for _, options := range [][]testkit.Option{nil, {testkit.Key("k")}} {
					who.Call(t, "POST "+r.path, by(speaker), options...).Refused(t, errs.Forbidden)
				}
			})
		}
		for _, speaker := range []any{"nobody", r.stranger.ID, r.removed.ID} {
			r.ChangesNothing(t, func() {
				answer := who.Call(t, "POST "+r.path, by(speaker))
				if who.names {
					answer.Refused(t, errs.Validation, "body.chunks[1].speakerId")
				} else {
					answer.Refused(t, errs.Forbidden)
				}
			})
		}
	}
	// The right goes with the role.
	r.host.Call(t, "PATCH "+r.meeting+"/participants/"+r.cohost.ID, object{"role": "participant"}).Expect(t, 200)
	r.cohost.Call(t, "POST "+r.path, by(r.host.ID)).Refused(t, errs.Forbidden)
}
