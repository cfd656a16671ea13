package simulation

import "encoding/json"

// state is a meeting as one client sees it: the newest state that it was told.
type state struct {
	c         *client
	name      string
	wanted    bool
	following bool
	revision  int64
	// known is the newest revision that the client has learnt of, checking true
	// while it waits whether that comes.
	known    int64
	checking bool
	data     string
	seen     map[int64]string
}

func newState(c *client, meetingID string) *state {
	return &state{c: c, name: "meetings/" + meetingID, wanted: true, seen: map[int64]string{}}
}

// meetingState is the data of a state.
type meetingState struct {
	Meeting      struct{ Revision int64 }
	Participants []struct{ UserID, Role string }
}

func (s *state) from() (int64, bool) { return -1, s.wanted }

func (s *state) head(position int64, _ string, asked bool) {
	s.known = max(s.known, position)
	wait := headWait
	if asked {
		s.following, wait = true, replayWait
	}
	if s.checking || s.revision >= s.known {
		return
	}
	s.checking = true
	s.c.after(wait, func() {
		s.checking = false
		if s.wanted && s.following && s.revision < s.known {
			s.c.subscribe(s.name)
		}
	})
}

func (s *state) event(e event) {
	var m meetingState
	if err := json.Unmarshal(e.Data, &m); err != nil || m.Meeting.Revision != e.Position {
		s.c.sim.breakLocked("%s got a state that is none: %s", s.c.name, e.Data)
		return
	}
	s.seen[e.Position] = string(e.Data)
	if e.Position >= s.revision {
		s.revision, s.data = e.Position, string(e.Data)
	}
}

func (s *state) ended(reason string, forGood bool) {
	s.c.note("%s has ended: %s", s.name, reason)
	s.following = false
	if forGood {
		s.wanted = false
	}
}

func (s *state) resume() {
	if s.wanted && s.following {
		return
	}
	s.wanted = true
	s.c.subscribe(s.name)
}
