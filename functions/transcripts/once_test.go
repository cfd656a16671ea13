package transcripts_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rapport/rapport/functions/composition"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/transcripts"
)

func TestSameKeySameAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.append(t, f.member, numbered("x", 3), testkit.Key("k"))
	f.append(t, f.host, numbered("y", 2), testkit.Key("k"))
	f.ChangesNothing(t, func() {
		again := f.append(t, f.member, numbered("x", 3), testkit.Key("k"))
		if again.FirstPosition != first.FirstPosition || again.LastPosition != first.LastPosition {
			t.Errorf("%+v, then %+v", first, again)
		}
		f.member.Call(t, "POST "+f.path, numbered("z", 3), testkit.Key("k")).Refused(t, errs.Conflict)
	})
	if got := f.append(t, f.member, numbered("x", 3), testkit.Key("other")); got.FirstPosition != 6 {
		t.Errorf("with another key appended at %+v", got)
	}
	f.append(t, f.member, numbered("x", 3))
	f.append(t, f.member, numbered("x", 3))
	if got := len(f.all(t)); got != 14 {
		t.Errorf("%d chunks, want 14", got)
	}
}

func TestDuplicatesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, answer := range testkit.AtOnce(6, func(int) testkit.Answer {
		return f.member.Call(t, "POST "+f.path, numbered("x", 3), testkit.Key("k"))
	}) {
		if answer.Status == 409 {
			answer.Refused(t, errs.Conflict)
			continue
		}
		if got := testkit.As[transcripts.Appended](t, answer); got.FirstPosition != 1 || got.LastPosition != 3 {
			t.Errorf("answered %+v", got)
		}
	}
	if got := len(f.all(t)); got != 3 {
		t.Errorf("%d chunks, want 3", got)
	}
}

// execution is one that a function began a while ago and died in.
func (f *fixture) execution(t *testing.T, body string) (*transcripts.Service, caller.Caller, *idempotency.Execution) {
	t.Helper()
	d := composition.New(f.Env(), endpoint.Overrides{})
	store := idempotency.New(d.Control(), clock.NewManual(time.Now().Add(-36*time.Second)))
	execution, _, err := store.Begin(t.Context(), f.member.ID+" POST "+f.path, "k", nil, []byte(body))
	if err != nil || execution == nil {
		t.Fatalf("begin: %v, %v", execution, err)
	}
	return d.Transcripts(), caller.Caller{UserID: f.member.ID, SessionID: "s", RequestID: "r"}, execution
}

const spoken = `{"chunks":[{"text":"x","confidence":1,"startMs":0,"endMs":1,"isFinal":true}]}`

// A function dies between its commit and its answer: the request, sent again,
// gets that answer, though others have spoken and the meeting is over.
func TestCrashAfterTheCommit(t *testing.T) {
	t.Parallel()
	for _, over := range []bool{false, true} {
		f := newFixture(t)
		service, author, dying := f.execution(t, spoken)
		first, _, err := service.Append(t.Context(), author, dying, transcripts.AppendRequest{
			MeetingID: f.meeting[len("/v1/meetings/"):],
			Chunks:    []transcripts.Speech{{Words: transcripts.Words{Text: "x", Confidence: 1, EndMs: 1, IsFinal: true}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.append(t, f.host, numbered("y", 2))
		if over {
			f.host.Call(t, "POST "+f.meeting+"/end", nil).Expect(t, 200)
		}
		for range 2 {
			again := testkit.As[transcripts.Appended](t, f.member.Call(t, "POST "+f.path, spoken, testkit.Key("k")))
			if again.FirstPosition != first.FirstPosition || again.LastPosition != first.LastPosition {
				t.Errorf("%+v, then %+v", first, again)
			}
		}
		if got := len(f.all(t)); got != 3 {
			t.Errorf("%d chunks, want 3", got)
		}
	}
}

// While nobody knows whether it was used, a key isn't free for another body.
func TestKeyAfterPermissionIsLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.execution(t, spoken)
	seat := f.meeting + "/participants/" + f.member.ID
	f.host.Call(t, "PATCH "+seat, object{"role": "observer"}).Expect(t, 200)
	f.member.Call(t, "POST "+f.path, spoken, testkit.Key("k")).Refused(t, errs.Forbidden)
	f.host.Call(t, "PATCH "+seat, object{"role": "participant"}).Expect(t, 200)
	f.member.Call(t, "POST "+f.path, numbered("other", 1), testkit.Key("k")).Refused(t, errs.Conflict)
	f.member.Call(t, "POST "+f.path, spoken, testkit.Key("k")).Expect(t, 200)
	if got := len(f.all(t)); got != 1 {
		t.Errorf("%d chunks, want 1", got)
	}
}

func TestRefusedRequestsKeepTheirKey(t *testing.T) {
	t.Parallel()
	f := scheduled(t)
	key := testkit.Key("k")
	f.ChangesNothing(t, func() {
		f.member.Call(t, "POST "+f.path, spoken, key).Refused(t, errs.MeetingNotActive)
		f.cohost.Call(t, "POST "+f.path, body(said("x", object{"speakerId": "nobody"})), key).Refused(t, errs.Validation, "body.chunks[0].speakerId")
	})
	f.host.Call(t, "POST "+f.meeting+"/start", nil).Expect(t, 200)
	f.append(t, f.member, numbered("x", 1), key)
}

// Eight write at once, twenty requests each: positions without holes, every chunk
// once, and a request's chunks together.
func TestWritersAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.subscribe(t, f.observer)
	const writers, each, chunks = 8, 20, 3
	people := []*testkit.Person{f.host, f.cohost, f.member}
	answers := testkit.AtOnce(writers, func(i int) map[int64]string {
		stands := map[int64]string{}
		for n := 0; n < each; n++ {
			name := fmt.Sprint("writer ", i, ", request ", n, ", chunk")
			// A request that lost its race is sent again, as a client does, under its key.
			var answer testkit.Answer
			for range 50 {
				answer = people[i%len(people)].Call(t, "POST "+f.path, numbered(name, chunks), testkit.Key(fmt.Sprint(i, " ", n)))
				if answer.Status != 429 {
					break
				}
			}
			var got transcripts.Appended
			answer.JSON(t, &got)
			if answer.Status != 200 || got.LastPosition != got.FirstPosition+chunks-1 {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
				return stands
			}
			for at := range int64(chunks) {
				stands[got.FirstPosition+at] = fmt.Sprint(name, " ", at)
			}
		}
		return stands
	})
	all := f.all(t)
	if len(all) != writers*each*chunks {
		t.Errorf("%d chunks, want %d", len(all), writers*each*chunks)
	}
	for i, chunk := range all {
		if chunk.Position != int64(i+1) {
			t.Fatalf("position %d where %d was to come", chunk.Position, i+1)
		}
		if !slices.ContainsFunc(answers, func(stands map[int64]string) bool { return stands[chunk.Position] == chunk.Text }) {
			t.Fatalf("at %d stands %q, which nobody was answered", chunk.Position, chunk.Text)
		}
	}
	// Around late posts a socket may miss some and get others twice: a replay
	// brings the rest.
	f.follow(t, socket, 0)
	seen := map[int64]bool{}
	for _, event := range socket.Events(t, f.topic) {
		seen[event.Position] = true
	}
	if len(seen) != len(all) {
		t.Errorf("%d of %d chunks came", len(seen), len(all))
	}
}
