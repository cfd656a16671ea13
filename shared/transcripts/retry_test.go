package transcripts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/patch"
	"github.com/rapport/rapport/shared/meetings"
)

// Longer than a claim of a key lasts.
const dead = 36 * time.Second

// A function died between its commit and the record of its answer: the next
// request with the key finds what was committed, in whatever bucket, and gives
// the first answer.
func TestRetryOfACommittedAppend(t *testing.T) {
	for name, meanwhile := range map[string]func(*fixture, *clock.Manual){
		"nothing": func(*fixture, *clock.Manual) {},
		"others speak": func(f *fixture, _ *clock.Manual) {
			for range 30 {
				f.say("a", "b")
			}
		},
		"hours pass": func(f *fixture, now *clock.Manual) {
			for range 40 {
				now.Advance(window)
				f.say("a")
			}
		},
		"the meeting ends": func(f *fixture, _ *clock.Manual) {
			if _, _, err := f.meetings.End(f.t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
				f.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := clock.NewManual(noon)
			f := newFixture(t, now)
			f.promote()
			f.say("before")
			now.Advance(window)
			in := f.request("x", "y")
			in.Chunks[0].SpeakerID = patch.To(f.host.UserID)
			first, _, err := f.Append(t.Context(), f.member, f.execution("k"), in)
			if err != nil {
				t.Fatal(err)
			}
			now.Advance(dead)
			meanwhile(f, now)
			all := f.texts(0, 200)
			again, _, err := f.Append(t.Context(), f.member, f.execution("k"), in)
			if err != nil || again.FirstPosition != first.FirstPosition || again.LastPosition != first.LastPosition {
				t.Errorf("the retry got %+v, %v; want %+v", again, err, first)
			}
			if got := f.texts(0, 200); !slices.Equal(got, all) {
				t.Errorf("the transcript has changed: %q", got)
			}
		})
	}
}

// Where the first execution died before its commit, the next one commits.
func TestRetryOfWhatWasNotCommitted(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	f.execution("k")
	f.say("a")
	now.Advance(dead)
	e := f.execution("k")
	if e.Since.IsZero() {
		t.Fatal("nobody says that there was another execution")
	}
	got, _, err := f.Append(t.Context(), f.member, e, f.request("x"))
	if err != nil || got.FirstPosition != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if e.Unsettled {
		t.Error("it is said not to know what was committed")
	}
}

// Who may not write any more isn't told what they wrote; their key isn't free,
// for it may have been used.
func TestRetryAfterPermissionIsLost(t *testing.T) {
	now := clock.NewManual(noon)
	f := newFixture(t, now)
	if _, _, err := f.Append(t.Context(), f.member, f.execution("k"), f.request("x")); err != nil {
		t.Fatal(err)
	}
	now.Advance(dead)
	member := meetings.ChangeRoleRequest{MeetingID: f.meeting, UserID: f.member.UserID, Role: meetings.Observer}
	if _, _, err := f.meetings.ChangeRole(t.Context(), f.host, nil, member); err != nil {
		t.Fatal(err)
	}
	e := f.execution("k")
	_, _, err := f.Append(t.Context(), f.member, e, f.request("x"))
	wantKind(t, err, errs.Forbidden)
	if !e.Unsettled {
		t.Error("the key would be free")
	}
	if err := f.once.Release(t.Context(), e); err != nil { // as the endpoint does then
		t.Fatal(err)
	}
	now.Advance(time.Second)
	member.Role = meetings.Member
	if _, _, err := f.meetings.ChangeRole(t.Context(), f.host, nil, member); err != nil {
		t.Fatal(err)
	}
	if got, _, err := f.Append(t.Context(), f.member, f.execution("k"), f.request("x")); err != nil || got.FirstPosition != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if all := f.texts(0, 10); len(all) != 1 {
		t.Errorf("%d chunks", len(all))
	}
}

// A first execution that is refused has committed nothing: its key is free.
func TestRefusalsFreeTheKey(t *testing.T) {
	f := newFixture(t, clock.NewManual(noon))
	f.promote()
	refuse := func(c caller.Caller, key string, kind errs.Kind, speaker patch.Field[string]) {
		t.Helper()
		in := f.request("x")
		in.Chunks[0].SpeakerID = speaker
		e := f.execution(key)
		_, _, err := f.Append(t.Context(), c, e, in)
		wantKind(t, err, kind)
		if e.Unsettled {
			t.Error("it is said not to know what was committed")
		}
	}
	refuse(f.member, "stranger", errs.Validation, patch.To("mallory"))
	if _, _, err := f.meetings.End(t.Context(), f.host, nil, meetings.GetRequest{MeetingID: f.meeting}); err != nil {
		t.Fatal(err)
	}
	refuse(f.member, "over", errs.MeetingNotActive, patch.Field[string]{})
	refuse(caller.Caller{UserID: "mallory"}, "observer", errs.Forbidden, patch.Field[string]{})
}
