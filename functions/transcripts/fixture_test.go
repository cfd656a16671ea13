package transcripts_test

import (
	"fmt"
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/transcripts"
)

// Short names for bodies.
type (
	object = map[string]any
	list   = []any
)

// fixture is a meeting that has begun, with somebody in every role of it, and two
// who are not in it.
type fixture struct {
	*testkit.Harness
	host, cohost, member, observer *testkit.Person
	removed, outsider              *testkit.Person
	// meeting is its address, path that of its transcript, topic the transcript's.
	meeting, path, topic string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := scheduled(t)
	f.host.Call(t, "POST "+f.meeting+"/start", nil).Expect(t, 200)
	return f
}

// scheduled is a room whose meeting hasn't begun.
func scheduled(t *testing.T) *fixture {
	t.Helper()
	h := testkit.New(t, functions.All())
	f := &fixture{
		Harness: h, host: h.User("host"), cohost: h.User("cohost"), member: h.User("member"), observer: h.User("observer"),
		removed: h.User("removed"), outsider: h.User("outsider"),
	}
	for _, p := range []*testkit.Person{f.host, f.cohost, f.member, f.observer, f.removed, f.outsider} {
		p.Call(t, "GET /v1/me", nil).Expect(t, 200)
	}
	seat := func(p *testkit.Person, role string) object { return object{"userId": p.ID, "role": role} }
	made := testkit.As[meetings.Meeting](t, f.host.Call(t, "POST /v1/meetings", object{"title": "Plan", "participants": list{
		seat(f.cohost, "co-host"), seat(f.member, "participant"), seat(f.observer, "observer"), seat(f.removed, "co-host"),
	}}))
	f.meeting = "/v1/meetings/" + made.MeetingID
	f.path, f.topic = f.meeting+"/transcript", "meetings/"+made.MeetingID+"/transcript"
	f.host.Call(t, "DELETE "+f.meeting+"/participants/"+f.removed.ID, nil).Expect(t, 204)
	return f
}

// said is a chunk with a text; more replaces its fields, nil takes them out.
func said(text string, more ...object) object {
	chunk := object{"text": text, "confidence": 0.5, "startMs": 100, "endMs": 200, "isFinal": true}
	for _, fields := range more {
		for name, value := range fields {
			chunk[name] = value
			if value == nil {
				delete(chunk, name)
			}
		}
	}
	return chunk
}

func body(chunks ...object) object { return object{"chunks": chunks} }

// numbered are n chunks whose texts begin with a name.
func numbered(name string, n int) object {
	var chunks []object
	for i := range n {
		chunks = append(chunks, said(fmt.Sprint(name, " ", i)))
	}
	return body(chunks...)
}

// append appends as somebody who may.
func (f *fixture) append(t *testing.T, p *testkit.Person, body object, options ...testkit.Option) transcripts.Appended {
	t.Helper()
	return testkit.As[transcripts.Appended](t, p.Call(t, "POST "+f.path, body, options...))
}

type page = meetings.List[transcripts.Chunk]

// all pages through the whole transcript.
func (f *fixture) all(t *testing.T) []transcripts.Chunk {
	t.Helper()
	var all []transcripts.Chunk
	for query := "?limit=7"; ; {
		got := testkit.As[page](t, f.observer.Call(t, "GET "+f.path+query, nil))
		all = append(all, got.Items...)
		if got.NextCursor == nil {
			return all
		}
		query = "?limit=200&cursor=" + *got.NextCursor
	}
}

// subscribe lets a person's new socket follow the transcript.
func (f *fixture) subscribe(t *testing.T, p *testkit.Person, from ...int) *testkit.Socket {
	t.Helper()
	socket := p.Connect(t)
	f.follow(t, socket, from...)
	return socket
}

func (f *fixture) follow(t *testing.T, socket *testkit.Socket, from ...int) testkit.Frame {
	t.Helper()
	frame := object{"action": "subscribe", "id": "s", "topic": f.topic}
	if len(from) > 0 {
		frame["from"] = from[0]
	}
	got := socket.Ask(t, frame)
	if got.Type != "subscribed" {
		t.Fatalf("subscribe: %s", got.Raw)
	}
	return got
}
