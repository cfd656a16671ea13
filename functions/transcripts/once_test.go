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
	r := newRoom(t)
	first := r.append(t, r.member, numbered("x", 3), testkit.Key("k"))
	r.append(t, r.host, numbered("y", 2), testkit.Key("k"))
	r.ChangesNothing(t, func() {
		again := r.append(t, r.member, numbered("x", 3), testkit.Key("k"))
		if again.FirstPosition != first.FirstPosition || again.LastPosition != first.LastPosition {
			t.Errorf("%+v, then %+v", first, again)
		}
		r.member.Call(t, "POST "+r.path, numbered("z", 3), testkit.Key("k")).Refused(t, errs.Conflict)
	})
	if got := r.append(t, r.member, numbered("x", 3), testkit.Key("other")); got.FirstPosition != 6 {
		t.Errorf("with another key appended at %+v", got)
	}
	r.append(t, r.member, numbered("x", 3))
	r.append(t, r.member, numbered("x", 3))
	if got := len(r.all(t)); got != 14 {
		t.Errorf("%d chunks, want 14", got)
	}
}

func TestDuplicatesAtOnce(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for _, answer := range testkit.AtOnce(6, func(int) testkit.Answer {
		return r.member.Call(t, "POST "+r.path, numbered("x", 3), testkit.Key("k"))
	}) {
		if answer.Status == 409 {
			answer.Refused(t, errs.Conflict)
			continue
		}
		if got := testkit.As[transcripts.Appended](t, answer); got.FirstPosition != 1 || got.LastPosition != 3 {
			t.Errorf("answered %+v", got)
		}
	}
	if got := len(r.all(t)); got != 3 {
		t.Errorf("%d chunks, want 3", got)
	}
}

// execution is one that a function began a while ago and died in.
func (r *room) execution(t *testing.T, body string) (*transcripts.Service, caller.Caller, *idempotency.Execution) {
	t.Helper()
	d := composition.New(r.Env(), endpoint.Overrides{})
	store := idempotency.New(d.Control(), clock.NewManual(time.Now().Add(-36*time.Second)))
	execution, _, err := store.Begin(t.Context(), r.member.ID+" POST "+r.path, "k", nil, []byte(body))
	if err != nil || execution == nil {
		t.Fatalf("begin: %v, %v", execution, err)
	}
	return d.Transcripts(), caller.Caller{UserID: r.member.ID, SessionID: "s", RequestID: "r"}, execution
}

const spoken = `{"chunks":[{"text":"x","confidence":1,"startMs":0,"endMs":1,"isFinal":true}]}`

// A function dies between its commit and its answer: the request, sent again,
// gets that answer, though others have spoken and the meeting is over.
func TestDeathAfterTheCommit(t *testing.T) {
	t.Parallel()
	for _, over := range []bool{false, true} {
		r := newRoom(t)
		service, author, dying := r.execution(t, spoken)
		first, _, err := service.Append(t.Context(), author, dying, transcripts.AppendRequest{
			MeetingID: r.meeting[len("/v1/meetings/"):],
			Chunks:    []transcripts.Speech{{Words: transcripts.Words{Text: "x", Confidence: 1, EndMs: 1, IsFinal: true}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r.append(t, r.host, numbered("y", 2))
		if over {
			r.host.Call(t, "POST "+r.meeting+"/end", nil).Expect(t, 200)
		}
		for range 2 {
			again := testkit.As[transcripts.Appended](t, r.member.Call(t, "POST "+r.path, spoken, testkit.Key("k")))
			if again.FirstPosition != first.FirstPosition || again.LastPosition != first.LastPosition {
				t.Errorf("%+v, then %+v", first, again)
			}
		}
		if got := len(r.all(t)); got != 3 {
			t.Errorf("%d chunks, want 3", got)
		}
	}
}

// While nobody knows whether it was used, a key isn't free for another body.
func TestKeyOfWhoMayNotAnyMore(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.execution(t, spoken)
	seat := r.meeting + "/participants/" + r.member.ID
	r.host.Call(t, "PATCH "+seat, object{"role": "observer"}).Expect(t, 200)
	r.member.Call(t, "POST "+r.path, spoken, testkit.Key("k")).Refused(t, errs.Forbidden)
	r.host.Call(t, "PATCH "+seat, object{"role": "participant"}).Expect(t, 200)
	r.member.Call(t, "POST "+r.path, numbered("other", 1), testkit.Key("k")).Refused(t, errs.Conflict)
	r.member.Call(t, "POST "+r.path, spoken, testkit.Key("k")).Expect(t, 200)
	if got := len(r.all(t)); got != 1 {
		t.Errorf("%d chunks, want 1", got)
	}
}

func TestRefusedRequestsKeepTheirKey(t *testing.T) {
	t.Parallel()
	r := scheduled(t)
	key := testkit.Key("k")
	r.ChangesNothing(t, func() {
		r.member.Call(t, "POST "+r.path, spoken, key).Refused(t, errs.MeetingNotActive)
		r.cohost.Call(t, "POST "+r.path, body(said("x", object{"speakerId": "nobody"})), key).Refused(t, errs.Validation, "body.chunks[0].speakerId")
	})
	r.host.Call(t, "POST "+r.meeting+"/start", nil).Expect(t, 200)
	r.append(t, r.member, numbered("x", 1), key)
}

// Eight write at once, twenty requests each: positions without holes, every chunk
// once, and a request's chunks together.
func TestWritersAtOnce(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	socket := r.subscribe(t, r.observer)
	const writers, each, chunks = 8, 20, 3
	people := []*testkit.Person{r.host, r.cohost, r.member}
	answers := testkit.AtOnce(writers, func(i int) map[int64]string {
		stands := map[int64]string{}
		for n := 0; n < each; n++ {
			name := fmt.Sprint("writer ", i, ", request ", n, ", chunk")
			// A request that lost its race is sent again, as a client does, under its key.
			var answer testkit.Answer
			for range 50 {
				answer = people[i%len(people)].Call(t, "POST "+r.path, numbered(name, chunks), testkit.Key(fmt.Sprint(i, " ", n)))
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
	all := r.all(t)
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
	r.follow(t, socket, 0)
	seen := map[int64]bool{}
	for _, event := range socket.Events(t, r.topic) {
		seen[event.Position] = true
	}
	if len(seen) != len(all) {
		t.Errorf("%d of %d chunks came", len(seen), len(all))
	}
}
