package realtime

import "time"

// The frame cap: at most 10 frames a second go to one client for one topic on
// average, in short bursts, with no memory shared between writers. Every entry
// carries Due, Tat and Group, derived from those of the entry before it, which
// its writer has read. It is the generic cell rate algorithm (ITU-T I.371) with
// T = 145 ms and a burst of seven, plus two rules. A post that is still to come
// carries this entry too: the entries that it carries are a group, and the first
// one's writer posts. And a post reads on from the group before it, so that an
// entry which came too late for its own group's post goes with the next.
//
// In any five seconds the algorithm lets burst + 5000/T posts begin, 41, and one
// more for each T by which a put may delay its post; the posts of late entries
// and three heads come on top, within the cap of 50. A shorter burst with a
// shorter T makes as many frames, but a topic of five commits a second that come
// by chance (Poisson) spends its burst far more often: with a burst of three and
// 125 ms 9 % of its commits wait, with these 1 %.
const (
	interval = 145 // T, in milliseconds
	burst    = 7
	// ahead is how far in the future a post must lie for a writer to rely on it.
	ahead = 20
	// margin is how long before that post a writer's own put must have returned
	// for the post to have read it.
	margin = 10
)

// Pace is when an entry is posted, and what the next one is measured against.
// Times are in milliseconds since 1970. The zero Pace stands before the first
// entry.
type Pace struct {
	// Due is when the group is posted, Tat the theoretical arrival time of the
	// next post.
	Due, Tat int64
	// Group is the position of the group's first entry.
	Group int64
	// Span is how many positions the entry takes; 0 means one.
	Span int64

	// posts is true for the writer who posts; the others' entries go with that
	// post.
	posts bool
	// later is true where Due lay in the future: others may rely on it.
	later bool
	// from is the position that the post reads on from.
	from int64
}

// Next derives the pace of the entry at a position from the one before it. A
// Due or Tat that no honest clock could have written is cut down, so that one
// fast clock can't silence a topic.
func (prev Pace) Next(position int64, now time.Time) Pace {
	ms := now.UnixMilli()
	if prev.Due > ms+2*interval {
		prev.Due = ms
	}
	prev.Tat = min(prev.Tat, ms+(burst+1)*interval)
	if prev.Due > ms+ahead {
		return Pace{Due: prev.Due, Tat: prev.Tat, Group: prev.Group}
	}
	due := max(ms, prev.Tat-(burst-1)*interval)
	next := Pace{
		Due: due, Tat: max(due, prev.Tat) + interval, Group: position,
		posts: true, later: due > ms, from: position,
	}
	// The group before may have late entries as long as their writers wait for
	// this post; one that is its poster alone has none.
	if prev.Group > 0 && prev.Group < position-max(prev.Span, 1) && ms <= prev.Due+2*interval {
		next.from = prev.Group
	}
	return next
}

// late tells whether a writer that relies on another's post returned from its
// put too late for that post to have read its entry.
func (p Pace) late(returned time.Time) bool { return !p.posts && returned.UnixMilli() > p.Due-margin }

// until is how long it is until a time, in milliseconds since 1970.
func until(ms int64, now time.Time) time.Duration {
	return time.Duration(ms-now.UnixMilli()) * time.Millisecond
}
