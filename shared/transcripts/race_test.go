package transcripts_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// skewed is a clock that is wrong by a constant.
type skewed struct {
	clock.Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }

// Writers whose clocks differ append at once while the time goes from bucket to
// bucket: every position is taken once, by a request as a whole, and what one
// writer was answered is what stands there.
func TestWritersAtOnceAcrossBuckets(t *testing.T) {
	now := clock.NewManual(noon)
	w := newFixture(t, now)
	const writers, each = 6, 20
	var mu sync.Mutex
	stands := map[int64]string{}
	var group errgroup.Group
	for i := range writers {
		other := w.beside(w.tables, skewed{now, time.Duration(i-2) * time.Minute})
		group.Go(func() error {
			for n := 0; n < each; {
				texts := make([]string, 1+(i+n)%4)
				for j := range texts {
					texts[j] = fmt.Sprint("writer ", i, ", request ", n, ", chunk ", j)
				}
				got, _, err := other.Append(t.Context(), other.member, nil, other.request(texts...))
				if errs.Is(err, errs.RateLimited) {
					continue
				}
				if err != nil {
					return err
				}
				mu.Lock()
				for j, text := range texts {
					stands[got.FirstPosition+int64(j)] = text
				}
				mu.Unlock()
				n++
				if i == 0 {
					now.Advance(window / 3)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	all := w.texts(0, 200)
	if len(all) != len(stands) {
		t.Errorf("%d chunks, %d were answered", len(all), len(stands))
	}
	for i, text := range all {
		if stands[int64(i+1)] != text {
			t.Fatalf("at %d stands %q, answered was %q", i+1, text, stands[int64(i+1)])
		}
	}
}

// interrupted runs something when the time is asked for once more, that often.
type interrupted struct {
	clock.Clock
	left atomic.Int32
	by   func()
}

func interrupt(c clock.Clock, left int, by func()) *interrupted {
	i := &interrupted{Clock: c, by: by}
	i.left.Store(int32(left))
	return i
}

func (i *interrupted) Now() time.Time {
	if i.left.Add(-1) == 0 {
		i.by()
	}
	return i.Clock.Now()
}

// Whenever the end comes while an append is under way, nothing is appended after
// it was answered.
func TestEndWhileAnAppendIsUnderWay(t *testing.T) {
	refused := 0
	for _, before := range []int{0, 1} {
		for left := 1; ; left++ {
			now := clock.NewManual(noon)
			w := newFixture(t, now)
			for range before {
				w.say("before")
				now.Advance(window)
			}
			ended := false
			atEnd := 0
			late := w.beside(w.tables, interrupt(now, left, func() {
				ended = true
				if _, _, err := w.meetings.End(t.Context(), w.host, nil, meetings.GetRequest{MeetingID: w.meeting}); err != nil {
					t.Fatal(err)
				}
				atEnd = len(w.texts(0, 10))
			}))
			got, _, err := late.Append(t.Context(), late.member, nil, late.request("x"))
			if !ended {
				if err != nil || got.FirstPosition != int64(before+1) {
					t.Errorf("without an end it gets %+v, %v", got, err)
				}
				break
			}
			if all := w.texts(0, 10); len(all) != atEnd {
				t.Errorf("at the %d. look at the clock: %q, %d at the end", left, all, atEnd)
			}
			if atEnd == before {
				refused++
				wantKind(t, err, errs.MeetingNotActive)
			}
		}
	}
	if refused < 4 {
		t.Errorf("only %d appends were too late: does the end still come between?", refused)
	}
}

// A permission lasts two seconds; whoever is slower is checked anew.
func TestSlowerThanThePermission(t *testing.T) {
	for _, removed := range []bool{false, true} {
		now := clock.NewManual(noon)
		w := newFixture(t, now)
		w.say("before")
		slow := w.beside(w.tables, interrupt(now, 3, func() {
			now.Advance(3 * time.Second)
			if removed {
				in := meetings.RemoveRequest{MeetingID: w.meeting, UserID: w.member.UserID}
				if _, _, err := w.meetings.Remove(t.Context(), w.host, nil, in); err != nil {
					t.Fatal(err)
				}
			}
		}))
		got, _, err := slow.Append(t.Context(), slow.member, nil, slow.request("x"))
		switch {
		case removed:
			wantKind(t, err, errs.Forbidden)
		case err != nil || got.FirstPosition != 2:
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// Of requests that come at once, those who follow the transcript get each chunk
// once, in a few frames: what comes too soon after a frame goes with the next.
func TestFramesOfABusyTranscript(t *testing.T) {
	w := newFixture(t, clock.NewManual(noon))
	w.follow("socket-1")
	const requests = 30
	var commits []realtime.Commit
	for i := range requests {
		_, commit := w.commit(fmt.Sprint("<", i, " a>"), fmt.Sprint("<", i, " b>"))
		commits = append(commits, commit)
	}
	for _, commit := range commits {
		w.publisher.Express(t.Context(), commit)
	}
	frames := w.posts.sent("socket-1")
	posted := strings.Join(frames, "")
	for i := range requests {
		for _, name := range []string{"a", "b"} {
			if n := strings.Count(posted, fmt.Sprint("<", i, " ", name, ">")); n != 1 {
				t.Errorf("chunk %d %s came %d times", i, name, n)
			}
		}
	}
	if len(frames) > 8 {
		t.Errorf("%d frames", len(frames))
	}
}
