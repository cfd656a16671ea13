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
	r := newRoom(t)
	r.append(t, r.member, numbered("first", 5))
	r.append(t, r.member, numbered("second", 20))
	for from, want := range map[int][]int64{0: {1, 25}, 3: {4, 25}, 5: {6, 25}, 24: {25, 25}, 25: nil} {
		socket := r.observer.Connect(t)
		if got := r.follow(t, socket, from); got.Position != 25 {
			t.Errorf("subscribed at %d, want 25", got.Position)
		}
		got := positions(socket.Events(t, r.topic))
		if want == nil && len(got) > 0 || want != nil && (got[0] != want[0] || got[len(got)-1] != want[1] || int64(len(got)) != want[1]-want[0]+1) {
			t.Errorf("from %d: %v, want %v", from, got, want)
		}
		socket.Close(t)
	}
	socket := r.subscribe(t, r.observer, 24)
	for _, bad := range []int{26, 1_000_000} {
		answer := socket.Ask(t, object{"action": "subscribe", "id": "b", "topic": r.topic, "from": bad})
		if answer.Code != errs.Validation {
			t.Errorf("from %d: %s", bad, answer.Raw)
		}
	}
	r.append(t, r.host, numbered("third", 2))
	if got := positions(socket.Events(t, r.topic)); !slices.Equal(got, []int64{25, 26, 27}) {
		t.Errorf("got %v, want 25 to 27", got)
	}
}

// A long replay ends with a head, inside the chunks of a request too.
func TestLongReplay(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for n := range 60 {
		r.append(t, r.member, numbered(fmt.Sprint("request ", n), 17))
	}
	const total = 60 * 17
	socket := r.subscribe(t, r.observer, 0)
	got := positions(socket.Events(t, r.topic))
	if len(got) != 1000 || got[999] != 1000 {
		t.Fatalf("%d events", len(got))
	}
	frames := socket.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "head" || last.Position != total {
		t.Errorf("ended by %s", last.Raw)
	}
	r.follow(t, socket, 1000)
	if got := positions(socket.Events(t, r.topic)); len(got) != total || got[total-1] != total {
		t.Errorf("%d events", len(got))
	}
}

// Chunks too large for a frame with others become a head; those too large for any
// frame don't exist: a text has at most 4,000 characters.
func TestLargeChunksLive(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	socket := r.subscribe(t, r.observer)
	large := said(strings.Repeat("👋", 4000))
	r.append(t, r.member, body(large, large, large))
	frames := socket.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "head" || last.Position != 3 {
		t.Errorf("got %.200s", last.Raw)
	}
	r.follow(t, socket, 0)
	if got := positions(socket.Events(t, r.topic)); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
	// Escapes make six bytes of one.
	r.append(t, r.member, body(said(strings.Repeat("\u0001", 4000)+"", object{"text": strings.Repeat("\u0001", 3999) + "x"})))
	if got := socket.Events(t, r.topic); len(got) != 4 || got[3].Omitted {
		t.Errorf("%d events", len(got))
	}
}

// What the express lane couldn't deliver, the durable lane tells.
func TestDurableLane(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	socket := r.subscribe(t, r.observer)
	socket.Fail()
	r.append(t, r.member, numbered("x", 3))
	socket.Recover()
	if got := r.Stream(t, "Log", "streams/fanout"); len(got.Failed) > 0 || got.Records == 0 {
		t.Fatalf("fanout: %+v", got)
	}
	frames := socket.Frames(t)
	if last := frames[len(frames)-1]; last.Type != "head" || last.Topic != r.topic || last.Position != 3 || last.Hash != "" {
		t.Fatalf("the last frame is %s, want a head at 3", last.Raw)
	}
	r.follow(t, socket, 0)
	if got := positions(socket.Events(t, r.topic)); !slices.Equal(got, []int64{1, 2, 3}) {
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
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	for reason, end := range map[string]func(*testing.T, *room){
		"removed": func(t *testing.T, r *room) {
			r.host.Call(t, "DELETE "+r.meeting+"/participants/"+r.member.ID, nil).Expect(t, 204)
		},
		"role_changed": func(t *testing.T, r *room) {
			r.host.Call(t, "PATCH "+r.meeting+"/participants/"+r.member.ID, object{"role": "observer"}).Expect(t, 200)
		},
		"meeting_ended": func(t *testing.T, r *room) { r.host.Call(t, "POST "+r.meeting+"/end", nil).Expect(t, 200) },
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			gone, stays := r.subscribe(t, r.member), r.subscribe(t, r.observer)
			r.append(t, r.host, body(said("before")))
			end(t, r)
			if got := revocations(t, gone)[r.topic]; got != reason {
				t.Errorf("told %q, want %q", got, reason)
			}
			answer := gone.Ask(t, object{"action": "subscribe", "id": "a", "topic": r.topic})
			switch reason {
			case "removed":
				if answer.Code != errs.Forbidden {
					t.Errorf("subscribing again: %s", answer.Raw)
				}
			case "role_changed":
				if answer.Type != "subscribed" {
					t.Errorf("subscribing again: %s", answer.Raw)
				}
				gone.Ask(t, object{"action": "unsubscribe", "id": "u", "topic": r.topic})
			case "meeting_ended":
				if answer.Code != errs.MeetingNotActive {
					t.Errorf("subscribing again: %s", answer.Raw)
				}
				if got := revocations(t, stays)[r.topic]; got != reason {
					t.Errorf("another was told %q", got)
				}
				r.host.Call(t, "POST "+r.path, body(said("after"))).Refused(t, errs.MeetingNotActive)
				return
			}
			r.append(t, r.host, body(said("after")))
			if got := positions(gone.Events(t, r.topic)); !slices.Equal(got, []int64{1}) {
				t.Errorf("after the end came %v", got)
			}
			if got := positions(stays.Events(t, r.topic)); !slices.Equal(got, []int64{1, 2}) {
				t.Errorf("another got %v", got)
			}
		})
	}
}

func TestWhoMayFollow(t *testing.T) {
	t.Parallel()
	r := scheduled(t)
	for _, p := range []*testkit.Person{r.host, r.cohost, r.member, r.observer} {
		r.subscribe(t, p)
	}
	for _, p := range []*testkit.Person{r.stranger, r.removed} {
		if got := p.Connect(t).Ask(t, object{"action": "subscribe", "id": "1", "topic": r.topic}); got.Code != errs.Forbidden {
			t.Errorf("%s: %s", p.ID, got.Raw)
		}
	}
	socket := r.host.Connect(t)
	for _, topic := range []string{r.topic + "s", strings.Replace(r.topic, "transcript", "Transcript", 1), r.topic + "/x", "users/" + r.host.ID + "/transcript"} {
		if got := socket.Ask(t, object{"action": "subscribe", "id": "1", "topic": topic}); got.Code != errs.Validation {
			t.Errorf("%s: %s", topic, got.Raw)
		}
	}
}
