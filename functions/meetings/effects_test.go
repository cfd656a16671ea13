package meetings_test

import (
	"slices"
	"testing"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// What a change of a meeting is to send is said by its method, and not done: a new
// state, or a revocation with the new state as its news; of what an earlier call may
// have left, the revocation alone, also beside a refusal.
func TestEffectsOfAMeeting(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := composition.New(f.Env(), endpoint.Overrides{})
	service, ctx, host := d.Meetings(), t.Context(), asCaller(f.host)
	state := "meetings/" + f.id
	own := []realtime.Topic{realtime.Topic(state + "/notes"), realtime.Topic(state + "/transcript"), realtime.Topic(state)}
	title := "Another"
	type result struct {
		effects effect.Effects
		err     error
	}
	of := func(_ any, effects effect.Effects, err error) result { return result{effects, err} }
	steps := []struct {
		name string
		do   func(revision int64) result
		kind errs.Kind
		// commit is true where the new state is to be told alone, news where it goes
		// with the revocation of topics, for a reason.
		commit bool
		topics []realtime.Topic
		reason realtime.Reason
		news   bool
	}{
		{name: "update", commit: true, do: func(revision int64) result {
			return of(service.Update(ctx, host, nil, meetings.UpdateRequest{MeetingID: f.id, Revision: revision, Title: &title}))
		}},
		{name: "update to the same", do: func(revision int64) result {
			return of(service.Update(ctx, host, nil, meetings.UpdateRequest{MeetingID: f.id, Revision: revision, Title: &title}))
		}},
		{name: "start", commit: true, do: func(int64) result {
			return of(service.Start(ctx, host, nil, meetings.GetRequest{MeetingID: f.id}))
		}},
		{name: "start again", kind: errs.Conflict, do: func(int64) result {
			return of(service.Start(ctx, host, nil, meetings.GetRequest{MeetingID: f.id}))
		}},
		{name: "change a role", topics: own, reason: realtime.RoleChanged, news: true, do: func(int64) result {
			return of(service.ChangeRole(ctx, host, nil, meetings.ChangeRoleRequest{MeetingID: f.id, UserID: f.member.ID, Role: meetings.Observer}))
		}},
		{name: "give the same role", topics: own, reason: realtime.RoleChanged, do: func(int64) result {
			return of(service.ChangeRole(ctx, host, nil, meetings.ChangeRoleRequest{MeetingID: f.id, UserID: f.member.ID, Role: meetings.Observer}))
		}},
		{name: "remove", topics: own, reason: realtime.Removed, news: true, do: func(int64) result {
			return of(service.Remove(ctx, host, nil, meetings.RemoveRequest{MeetingID: f.id, UserID: f.member.ID}))
		}},
		{name: "remove again", topics: own, reason: realtime.Removed, kind: errs.NotFound, do: func(int64) result {
			return of(service.Remove(ctx, host, nil, meetings.RemoveRequest{MeetingID: f.id, UserID: f.member.ID}))
		}},
		{name: "remove by who may not", kind: errs.Forbidden, do: func(int64) result {
			return of(service.Remove(ctx, caller.Caller{UserID: "nobody"}, nil, meetings.RemoveRequest{MeetingID: f.id, UserID: f.member.ID}))
		}},
		{name: "end", topics: own[:2], reason: realtime.MeetingEnded, news: true, do: func(int64) result {
			return of(service.End(ctx, host, nil, meetings.GetRequest{MeetingID: f.id}))
		}},
		{name: "end again", topics: own[:2], reason: realtime.MeetingEnded, kind: errs.Conflict, do: func(int64) result {
			return of(service.End(ctx, host, nil, meetings.GetRequest{MeetingID: f.id}))
		}},
	}
	for _, step := range steps {
		before := f.meeting(t).Revision
		got := step.do(before)
		if errs.KindOf(got.err) != step.kind {
			t.Fatalf("%s: %v", step.name, got.err)
		}
		var received *realtime.Commit
		switch {
		case step.commit && len(got.effects) == 1:
			commit := got.effects[0].(realtime.Commit)
			received = &commit
		case step.topics != nil && len(got.effects) == 1:
			r := got.effects[0].(realtime.Revocation)
			if !slices.Equal(r.Topics, step.topics) || r.Reason != step.reason || string(r.Presence) != state || r.Last {
				t.Errorf("%s: revokes %+v", step.name, r)
			}
			if late := r.Reason != realtime.MeetingEnded && r.Commit == nil; late != (r.Standing != nil) {
				t.Errorf("%s: what stands by now is spared: %v", step.name, r.Standing != nil)
			}
			received = r.Commit
		case len(got.effects) > 0 || step.commit || step.topics != nil:
			t.Fatalf("%s: effects %+v", step.name, got.effects)
		}
		if (received != nil) != (step.commit || step.news) {
			t.Errorf("%s: sends %+v", step.name, received)
		}
		if received != nil && (string(received.Topic) != state || received.First != before+1 || received.Last != before+1) {
			t.Errorf("%s after revision %d: sends %+v", step.name, before, received)
		}
	}
}
