package realtime

import "time"

// The frame cap: at most 10 frames a second go to one client for one topic on
// average, in bursts of at most five, with no memory shared between writers.
// Every entry carries Due and Tat, derived from those of the entry before it,
// which its writer has read. It is the generic cell rate algorithm (ITU-T I.371)
// with T = 125 ms and a burst of five, plus one rule: a post that is still to
// come carries this entry too.
const (
	interval = 125 // T, in milliseconds
	burst    = 5
	// ahead is how far in the future a post must lie for a writer to rely on it.
	ahead = 20
	// margin is how long before that post a writer's own put must have returned
	// for the post to have read it.
	margin = 10
)

// Pace is when an entry is posted, and what the next one is measured against
// (the theoretical arrival time), in milliseconds since 1970. The zero Pace
// stands before the first entry.
type Pace struct {
	Due, Tat int64
	// Posts is true for the writer who posts at Due; the others' entries go with
	// that post.
	Posts bool
}

// Next derives an entry's pace from the one before it.
func (prev Pace) Next(now time.Time) Pace {
	ms := now.UnixMilli()
	if prev.Due > ms+ahead {
		return Pace{Due: prev.Due, Tat: prev.Tat}
	}
	due := max(ms, prev.Tat-(burst-1)*interval)
	return Pace{Due: due, Tat: max(due, prev.Tat) + interval, Posts: true}
}

// Late tells whether a writer that relies on another's post returned from its
// put too late for that post to carry its entry.
func (p Pace) Late(now time.Time) bool { return !p.Posts && now.UnixMilli() > p.Due-margin }

// Wait is how long the poster waits.
func (p Pace) Wait(now time.Time) time.Duration {
	return time.Duration(p.Due-now.UnixMilli()) * time.Millisecond
}
