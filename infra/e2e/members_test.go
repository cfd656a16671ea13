package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/infra/client"
)

const (
	// meetingSize is a full meeting: the host and a hundred others.
	meetingSize = 101
	// writers is how many of them write while their streams are ended.
	writers = 5
	// atOnce bounds the people who sign in, or open sockets, at once.
	atOnce = 8
	// longAnswer is what a call that ends streams may take on a machine that is
	// busy with all else; how long it took is printed.
	longAnswer = 25 * time.Second
)

// member is a participant, with one socket that follows all that a meeting has.
type member struct {
	*client.Client
	socket *client.Socket
	seen   *recorder
}

// streamsOf are a meeting's topics that end with it.
func streamsOf(meetingID string) []string {
	return []string{"meetings/" + meetingID + "/notes", "meetings/" + meetingID + "/transcript"}
}

// enter opens a socket that follows all topics of some meetings, and is present
// in them.
func enter(ctx context.Context, c *client.Client, clientID string, meetingIDs ...string) (member, error) {
	m := member{Client: c, seen: &recorder{}}
	var err error
	if m.socket, err = c.Open(ctx, m.seen.add); err != nil {
		return m, err
	}
	for _, id := range meetingIDs {
		for _, topic := range append(streamsOf(id), "meetings/"+id) {
			if err := m.request(ctx, map[string]any{"action": "subscribe", "topic": topic}); err != nil {
				return m, fmt.Errorf("subscribe %s: %w", topic, err)
			}
		}
		beat := map[string]any{"action": "presence", "topic": "meetings/" + id, "clientId": clientID, "seq": 1, "status": "active"}
		if err := m.request(ctx, beat); err != nil {
			return m, fmt.Errorf("presence in %s: %w", id, err)
		}
	}
	return m, nil
}

// request sends a frame until it is answered, as the contract says: many who come
// at once keeps a small machine busy.
func (m member) request(ctx context.Context, frame map[string]any) (err error) {
	for range 10 {
		_, err = m.socket.Ask(ctx, frame)
		refused, ok := errors.AsType[*client.Refused](err)
		if late := errors.Is(err, context.DeadlineExceeded); !late && !(ok && refused.Again()) {
			return err
		}
	}
	return err
}

// parallel runs f for 0 to n-1, some at once.
func parallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error { return f(i) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// writingOn lets some members write without a pause until stop is called.
func writingOn(ctx context.Context, t *testing.T, id string, members []member) (stop func()) {
	ended := make(chan struct{})
	var group sync.WaitGroup
	for i, m := range members {
		group.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-ended:
					return
				default:
				}
				if _, err := insert(ctx, m.socket, id, fmt.Sprint("w", i), n); err != nil {
					if !refusedWith(err, "MEETING_NOT_ACTIVE") && !refusedWith(err, "RATE_LIMITED") {
						t.Errorf("write: %v", err)
					}
					return
				}
			}
		})
	}
	return func() { close(ended); group.Wait() }
}

// timed gives how long a call took, which may not be without bound.
func timed(t *testing.T, what string, call func()) {
	t.Helper()
	begun := time.Now()
	call()
	took := time.Since(begun)
	t.Logf("%s was answered after %d ms", what, took.Milliseconds())
	if took > longAnswer {
		t.Errorf("%s was answered after %v, want less than %v", what, took, longAnswer)
	}
}

// The end of a full meeting is answered soon, at AWS's latencies and while people
// write; by then everybody's streams have ended and all have been told.
func TestEndOfAFullMeeting(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:", "PROFILE=aws")
	people := make([]*client.Client, meetingSize)
	parallel(t, meetingSize, func(i int) (err error) {
		people[i], err = client.SignIn(ctx, r.base(), fmt.Sprintf("member%03d", i))
		return err
	})
	host := people[0]
	id := meeting(ctx, t, host, people[1:]...)
	members := make([]member, meetingSize)
	parallel(t, meetingSize, func(i int) (err error) {
		members[i], err = enter(ctx, people[i], "c", id)
		return err
	})
	notes := streamsOf(id)[0]
	stop := writingOn(ctx, t, id, members[1:1+writers])
	eventually(t, "some changes to arrive", func() bool { return members[meetingSize-1].seen.highest(notes) > 10 })

	timed(t, "the end of a meeting of 101", func() {
		if err := host.Do(ctx, http.MethodPost, "/v1/meetings/"+id+"/end", nil, nil); err != nil {
			t.Fatal(err)
		}
	})
	after := version(ctx, t, host, id)
	stop()
	if got := version(ctx, t, host, id); got != after {
		t.Errorf("the notes went on from %d to %d after the end was answered", after, got)
	}
	for i, m := range members {
		for _, topic := range streamsOf(id) {
			eventually(t, fmt.Sprintf("member %d to be told of the end of %s", i, topic), func() bool { return m.seen.revoked(topic) == "meeting_ended" })
		}
		if got := m.seen.highest(notes); got > after {
			t.Errorf("version %d reached member %d; %d was the newest after the answer", got, i, after)
		}
	}
}

// A person with ten sockets is removed, one whose sockets follow twenty topics
// each is signed out: both hold by the time that they are answered.
func TestEndsOfManySockets(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:", "PROFILE=aws")
	host, pen, lost := signIn(ctx, t, r, "ada"), signIn(ctx, t, r, "linus"), signIn(ctx, t, r, "grace")
	const sockets, many = 10, 6
	ids := make([]string, many)
	parallel(t, many, func(i int) error {
		ids[i] = meeting(ctx, t, host, pen, lost)
		return nil
	})
	members := make([]member, sockets)
	parallel(t, sockets, func(i int) (err error) {
		members[i], err = enter(ctx, lost, fmt.Sprint("c", i), ids...)
		return err
	})
	writer, err := enter(ctx, pen, "c", ids[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	check := func(id, reason string, after int64) {
		t.Helper()
		for i, m := range members {
			for _, topic := range append(streamsOf(id), "meetings/"+id) {
				eventually(t, fmt.Sprintf("socket %d to be told of the end of %s", i, topic), func() bool { return m.seen.revoked(topic) == reason })
			}
			if got := m.seen.highest(streamsOf(id)[0]); got > after {
				t.Errorf("version %d reached socket %d; %d was the newest after the answer", got, i, after)
			}
		}
	}

	for _, tt := range []struct {
		what, id, reason string
		call             func(seat string) error
	}{
		{"another role of a person with ten sockets", ids[0], "role_changed", func(seat string) error {
			return host.Do(ctx, http.MethodPatch, seat, map[string]string{"role": "observer"}, nil)
		}},
		{"the removal of a person with ten sockets", ids[1], "removed", func(seat string) error {
			return host.Do(ctx, http.MethodDelete, seat, nil, nil)
		}},
	} {
		stop := writingOn(ctx, t, tt.id, []member{writer})
		eventually(t, "some changes to arrive", func() bool { return members[0].seen.highest(streamsOf(tt.id)[0]) > 3 })
		timed(t, tt.what, func() {
			if err := tt.call("/v1/meetings/" + tt.id + "/participants/" + lost.UserID); err != nil {
				t.Fatal(err)
			}
		})
		after := version(ctx, t, host, tt.id)
		eventually(t, "changes after the answer", func() bool { return version(ctx, t, host, tt.id) > after+3 })
		stop()
		check(tt.id, tt.reason, after)
	}

	timed(t, "the end of a session with ten sockets of twelve topics", func() { revoke(ctx, t, r, "grace") })
	for _, id := range ids[2:] {
		check(id, "session_ended", 0)
	}
}
