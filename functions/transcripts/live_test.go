package transcripts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

func positions(events []testkit.Event) []int64 {
	var all []int64
	for _, event := range events {
		all = append(all, event.Position)
	}
	return all
}

// Whoever subscribes from a position inside a request's chunks gets what follows
// it, and then what comes.
func TestReplay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.append(t, f.member, numbered("first", 5))
	f.append(t, f.member, numbered("second", 20))
	for from, want := range map[int][]int64{0: {1, 25}, 3: {4, 25}, 5: {6, 25}, 24: {25, 25}, 25: nil} {
		socket := f.observer.Connect(t)
		if got := f.follow(t, socket, from); got.Position != 25 {
			t.Errorf("subscribed at %d, want 25", got.Position)
		}
		got := positions(socket.Events(t, f.topic))
		if want == nil && len(got) > 0 || want != nil && (got[0] != want[0] || got[len(got)-1] != want[1] || int64(len(got)) != want[1]-want[0]+1) {
			t.Errorf("from %d: %v, want %v", from, got, want)
		}
		socket.Close(t)
	}
	socket := f.subscribe(t, f.observer, 24)
	for _, bad := range []int{26, 1_000_000} {
		answer := socket.Ask(t, object{"action": "subscribe", "id": "b", "topic": f.topic, "from": bad})
		if answer.Code != errs.Validation {
			t.Errorf("from %d: %s", bad, answer.Raw)
		}
	}
	f.append(t, f.host, numbered("third", 2))
	if got := positions(socket.Events(t, f.topic)); !slices.Equal(got, []int64{25, 26, 27}) {
		t.Errorf("got %v, want 25 to 27", got)
	}
}

// A long replay ends with a head, inside the chunks of a request too.
func TestLongReplay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for n := range 60 {
		f.append(t, f.member, numbered(fmt.Sprint("request ", n), 17))
	}
	const total = 60 * 17
	socket := f.subscribe(t, f.observer, 0)
	got := positions(socket.Events(t, f.topic))
	if len(got) != 1000 || got[999] != 1000 {
		t.Fatalf("%d events", len(got))
	}
	frames := socket.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "head" || last.Position != total {
		t.Errorf("ended by %s", last.Raw)
	}
	f.follow(t, socket, 1000)
	if got := positions(socket.Events(t, f.topic)); len(got) != total || got[total-1] != total {
		t.Errorf("%d events", len(got))
	}
}

// Chunks too large for a frame with others become a head; those too large for any
// frame don't exist: a text has at most 4,000 characters.
func TestLargeChunksLive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.subscribe(t, f.observer)
	large := said(strings.Repeat("👋", 4000))
	f.append(t, f.member, body(large, large, large))
	frames := socket.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "head" || last.Position != 3 {
		t.Errorf("got %.200s", last.Raw)
	}
	f.follow(t, socket, 0)
	if got := positions(socket.Events(t, f.topic)); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
	// Escapes make six bytes of one.
	f.append(t, f.member, body(said(strings.Repeat("\u0001", 4000)+"", object{"text": strings.Repeat("\u0001", 3999) + "x"})))
	if got := socket.Events(t, f.topic); len(got) != 4 || got[3].Omitted {
		t.Errorf("%d events", len(got))
	}
}

// What the express lane couldn't deliver, the durable lane sends.
func TestDurableLane(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.subscribe(t, f.observer)
	socket.Fail()
	f.append(t, f.member, numbered("x", 3))
	socket.Recover()
	if got := f.Stream(t, "Log", "streams/fanout"); len(got.Failed) > 0 || got.Records == 0 {
		t.Fatalf("fanout: %+v", got)
	}
	frames := socket.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "head" || last.Topic != f.topic || last.Position != 3 || last.Hash != "" {
		t.Fatalf("the last frame is %s, want a head at 3", last.Raw)
	}
	f.follow(t, socket, 0)
	if got := positions(socket.Events(t, f.topic)); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}

// revocations are the topics that a socket was told to have lost, with reasons.
func revocations(t *testing.T, socket *testkit.Socket) map[string]string {
	t.Helper()
	lost := map[string]string{}
	for _, frame := range socket.Frames(t) {
		if frame.Type == "revoked" {
			lost[frame.Topic] = frame.Reason
		}
	}
	return lost
}

// Streams end with a removal, a change of role and the meeting, and nothing that
// is appended afterwards comes over them.
func TestSubscriptionsEnd(t *testing.T) {
	t.Parallel()
	for reason, end := range map[string]func(*testing.T, *fixture){
		"removed": func(t *testing.T, f *fixture) {
			f.host.Call(t, "DELETE "+f.meeting+"/participants/"+f.member.ID, nil).Expect(t, 204)
		},
		"role_changed": func(t *testing.T, f *fixture) {
			f.host.Call(t, "PATCH "+f.meeting+"/participants/"+f.member.ID, object{"role": "observer"}).Expect(t, 200)
		},
		"meeting_ended": func(t *testing.T, f *fixture) { f.host.Call(t, "POST "+f.meeting+"/end", nil).Expect(t, 200) },
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			gone, stays := f.subscribe(t, f.member), f.subscribe(t, f.observer)
			f.append(t, f.host, body(said("before")))
			end(t, f)
			if got := revocations(t, gone)[f.topic]; got != reason {
				t.Errorf("told %q, want %q", got, reason)
			}
			answer := gone.Ask(t, object{"action": "subscribe", "id": "a", "topic": f.topic})
			switch reason {
			case "removed":
				if answer.Code != errs.Forbidden {
					t.Errorf("subscribing again: %s", answer.Raw)
				}
			case "role_changed":
				if answer.Type != "subscribed" {
					t.Errorf("subscribing again: %s", answer.Raw)
				}
				gone.Ask(t, object{"action": "unsubscribe", "id": "u", "topic": f.topic})
			case "meeting_ended":
				if answer.Code != errs.MeetingNotActive {
					t.Errorf("subscribing again: %s", answer.Raw)
				}
				if got := revocations(t, stays)[f.topic]; got != reason {
					t.Errorf("another was told %q", got)
				}
				f.host.Call(t, "POST "+f.path, body(said("after"))).Refused(t, errs.MeetingNotActive)
				return
			}
			f.append(t, f.host, body(said("after")))
			if got := positions(gone.Events(t, f.topic)); !slices.Equal(got, []int64{1}) {
				t.Errorf("after the end came %v", got)
			}
			if got := positions(stays.Events(t, f.topic)); !slices.Equal(got, []int64{1, 2}) {
				t.Errorf("another got %v", got)
			}
		})
	}
}

func TestWhoMayFollow(t *testing.T) {
	t.Parallel()
	f := scheduled(t)
	for _, p := range []*testkit.Person{f.host, f.cohost, f.member, f.observer} {
		f.subscribe(t, p)
	}
	for _, p := range []*testkit.Person{f.outsider, f.removed} {
		if got := p.Connect(t).Ask(t, object{"action": "subscribe", "id": "1", "topic": f.topic}); got.Code != errs.Forbidden {
			t.Errorf("%s: %s", p.ID, got.Raw)
		}
	}
	socket := f.host.Connect(t)
	for _, topic := range []string{f.topic + "s", strings.Replace(f.topic, "transcript", "Transcript", 1), f.topic + "/x", "users/" + f.host.ID + "/transcript"} {
		if got := socket.Ask(t, object{"action": "subscribe", "id": "1", "topic": topic}); got.Code != errs.Validation {
			t.Errorf("%s: %s", topic, got.Raw)
		}
	}
}
