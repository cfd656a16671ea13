package simulation

import "time"

// sequence is a log's topic as one client follows it: its own position, what came
// early, and what it has learnt of. It drops what it has and asks again for what
// it misses.
type sequence struct {
	c    *client
	name string

	// wanted is true while the topic is to be followed, following while the client
	// believes that it is; barred where the client was told that it may not.
	wanted, following, barred bool
	position                  int64
	// known is the newest position that the client has learnt of.
	known int64
	seen  map[int64]string
	early map[int64]func()
	// checking is true while the client waits whether what is missing comes.
	checking bool
}

func newSequence(c *client, name string) sequence {
	return sequence{c: c, name: name, wanted: true, seen: map[int64]string{}, early: map[int64]func(){}}
}

// accept takes in what stands at a position, told by a fingerprint, when its turn
// has come: apply may then take it over.
func (s *sequence) accept(position int64, fingerprint string, apply func()) {
	s.known = max(s.known, position)
	if position <= s.position {
		if first, had := s.seen[position]; had && first != fingerprint {
			s.c.sim.breakLocked("%s was told two things of %d of %s", s.c.name, position, s.name)
		}
		return
	}
	s.early[position] = func() {
		apply()
		s.position, s.seen[position] = position, fingerprint
	}
	for {
		next, ok := s.early[s.position+1]
		if !ok {
			break
		}
		delete(s.early, s.position+1)
		next()
	}
	s.check(headWait)
}

// check subscribes again, after a while, where something is still missing.
func (s *sequence) check(wait time.Duration) {
	if s.checking || s.position >= s.known {
		return
	}
	s.checking = true
	s.c.after(wait, func() {
		s.checking = false
		if s.wanted && s.following && s.position < s.known {
			s.c.subscribe(s.name)
		}
	})
}

// advanceTo takes a newest position in; asked is true where it is part of an answer.
func (s *sequence) advanceTo(position int64, asked bool) {
	s.known = max(s.known, position)
	if asked {
		s.following = true
		s.check(replayWait)
		return
	}
	s.check(headWait)
}

func (s *sequence) over(reason string, forGood bool) {
	s.c.note("%s has ended: %s", s.name, reason)
	s.following = false
	if forGood {
		s.wanted = false
		s.barred = reason != "unsubscribed"
	}
}
