package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/table"
)

// promise is what somebody was notified of something that they asked for.
type promise struct {
	topic    string
	identity string
	position int64
	// chunks is how many positions it was to take.
	chunks int
	// refused is true where nothing was to be committed, uncertain where nobody
	// said what became of it.
	refused, uncertain bool
	code               string
}

const (
	// frameCap is the most event and head frames in capWindow for one client and topic.
	frameCap  = 50
	capWindow = 5 * time.Second
)

// check holds everything against the ledger once all is quiet.
func (s *simulation) check(meetings []*meeting) {
	for _, m := range meetings {
		history, text := s.history(m)
		chunks := s.transcriptOf(m)
		s.mu.Lock()
		s.checkTranscript(m, chunks)
		s.checkHistory(m, history)
		s.checkText(m, history, text)
		s.checkWindows(m, history, text)
		s.checkState(m)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkLeaks()
	s.checkCap()
}

// noteText is the answer of GET …/notes.
type noteText struct {
	Version int64
	Content string
	Hash    string
}

// history reads a meeting's changes and text through the public API.
func (s *simulation) history(m *meeting) (all []change, text noteText) {
	host := s.people[0]
	name := fmt.Sprintf("check %d", m.number)
	r, _ := s.insist(name+" text", host, "GET /v1/meetings/"+m.id+"/notes", nil, "")
	if err := json.Unmarshal(r.body, &text); err != nil || r.status != http.StatusOK {
		s.t.Errorf("%s: %d %s", name, r.status, r.body)
	}
	for from := int64(0); ; {
		r, _ := s.insist(fmt.Sprint(name, " from ", from), host,
			fmt.Sprintf("GET /v1/meetings/%s/notes/changes?from=%d&limit=200", m.id, from), nil, "")
		var page struct{ Items []change }
		if err := json.Unmarshal(r.body, &page); err != nil || r.status != http.StatusOK {
			s.t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if len(page.Items) == 0 {
			return all, text
		}
		all = append(all, page.Items...)
		from = page.Items[len(page.Items)-1].Version
	}
}

// checkHistory: acknowledged means durable, and exactly once.
func (s *simulation) checkHistory(m *meeting, history []change) {
	topic := "meetings/" + m.id + "/notes"
	at := map[string]int64{}
	for i, c := range history {
		if c.Version != int64(i)+1 {
			s.breakLocked("the history of %s has %d at place %d", topic, c.Version, i+1)
		}
		if first, twice := at[c.identity()]; twice {
			s.breakLocked("%s is committed twice in %s, at %d and %d", c.identity(), topic, first, c.Version)
		}
		at[c.identity()] = c.Version
	}
	if n := len(s.ledger.entries[topic]); n != len(history) {
		s.breakLocked("%d entries were committed to %s, its history has %d", n, topic, len(history))
	}
	for _, p := range s.promises {
		if p.topic != topic {
			continue
		}
		switch position, committed := at[p.identity]; {
		case p.refused && committed:
			s.breakLocked("%s was refused (%s) and is committed to %s at %d", p.identity, p.code, topic, position)
		case !p.refused && position != p.position:
			s.breakLocked("%s was acknowledged in %s at %d and is at %d", p.identity, topic, p.position, position)
		}
	}
}

// checkText: the text is what the changes make of it, and so is the snapshot.
func (s *simulation) checkText(m *meeting, history []change, text noteText) {
	topic := "meetings/" + m.id + "/notes"
	content, hashes := "", []string{hashOf("")}
	for _, c := range history {
		after, err := ot.Apply(content, c.Ops)
		if err != nil {
			s.breakLocked("change %d of %s doesn't fit: %v", c.Version, topic, err)
			return
		}
		content = after
		hashes = append(hashes, hashOf(content))
	}
	if text.Content != content || text.Version != int64(len(history)) {
		s.breakLocked("the text of %s at %d is %q, its changes make %q at %d", topic, text.Version, text.Content, content, len(history))
	}
	if text.Hash != hashOf(content) {
		s.breakLocked("the hash of %s is wrong", topic)
	}
	snapshot, err := table.Get[struct {
		Position int64  `dynamodbav:"position"`
		Hash     string `dynamodbav:"hash"`
	}](s.ctx, table.New(s.direct(), s.env["LOG_TABLE"]), table.Key{PK: "LOG#" + topic, SK: "BASE"})
	switch {
	case len(history) == 0:
	case err != nil:
		s.breakLocked("the snapshot of %s: %v", topic, err)
	case snapshot.Position != int64(len(history)):
		s.breakLocked("the snapshot of %s is of %d, and nothing has happened since %d", topic, snapshot.Position, len(history))
	case snapshot.Hash != hashes[snapshot.Position]:
		s.breakLocked("the snapshot of %s at %d has a wrong hash", topic, snapshot.Position)
	}
}

// checkWindows: all saw the same, and who follows has it all.
func (s *simulation) checkWindows(m *meeting, history []change, text noteText) {
	for _, c := range s.windowsOf() {
		n := c.notesOf(m)
		for position, seen := range n.seen {
			if position > int64(len(history)) || history[position-1].fingerprint() != seen {
				s.breakLocked("%s saw something else at %d of %s than was committed", c.name, position, n.name)
			}
		}
		if n.following && s.entitled(m, c.person) && (n.position != text.Version || n.text != text.Content) {
			s.breakLocked("%s follows %s and is at %d, not %d, with %q", c.name, n.name, n.position, text.Version, n.text)
		}
	}
}

// invited reports whether somebody is in a meeting.
func (s *simulation) invited(m *meeting, p *person) bool {
	standings := s.ledger.standings[[2]string{m.id, p.id}]
	return len(standings) > 0 && standings[len(standings)-1].status == "active"
}

// entitled reports whether somebody may follow a meeting's logs. Who may not any
// more, and wasn't told because the post failed, can't know.
func (s *simulation) entitled(m *meeting, p *person) bool {
	states := s.ledger.states[m.id]
	return s.invited(m, p) && states[int64(len(states))].status == "active"
}

// checkState: changes of a meeting were committed once, and who follows knows
// the newest state.
func (s *simulation) checkState(m *meeting) {
	topic := "meetings/" + m.id
	commits := map[string]int{}
	for _, c := range s.ledger.states[m.id] {
		commits[strings.TrimRight(c.by.name, "'")]++
	}
	for _, p := range s.promises {
		if p.topic != topic {
			continue
		}
		n := commits[p.identity]
		// Who has a role already keeps it: that is a success without a commit.
		unchanged := n == 0 && strings.Contains(p.identity, " make ")
		if n > 1 || !p.uncertain && p.refused != (n == 0) && !unchanged {
			s.breakLocked("%s (refused %v %s) has %d commits", p.identity, p.refused, p.code, n)
		}
	}
	newest := slices.Max(slices.Collect(maps.Keys(s.ledger.states[m.id])))
	for _, c := range s.windowsOf() {
		followed := c.stateOf(m)
		if !followed.following || !s.invited(m, c.person) {
			continue
		}
		var seen meetingState
		if err := json.Unmarshal([]byte(followed.data), &seen); err != nil || followed.revision != newest {
			s.breakLocked("%s follows %s and is at %d, not %d", c.name, topic, followed.revision, newest)
			continue
		}
		for _, p := range seen.Participants {
			standings := s.ledger.standings[[2]string{m.id, p.UserID}]
			last := standings[len(standings)-1]
			if last.status != "active" || last.role != p.Role {
				s.breakLocked("%s sees %s as %s in %s, who is %s %s", c.name, p.UserID, p.Role, topic, last.status, last.role)
			}
		}
	}
}

// checkLeaks: nothing that was committed after the end of a subscription was
// answered has reached its socket.
func (s *simulation) checkLeaks() {
	for _, d := range s.deliveries {
		positions := d.positions
		if d.kind != "event" {
			continue
		}
		for _, position := range positions {
			c, committed := s.ledger.committed(d.topic, position)
			if !committed {
				s.breakLocked("%s was sent %d of %s, which was never committed", d.connection, position, d.topic)
				continue
			}
			if !slices.ContainsFunc(s.ledger.windows, func(x *window) bool {
				return x.connection == d.connection && x.topic == d.topic && x.from <= d.seq && (x.until == 0 || c.seq <= x.until)
			}) {
				s.breakLocked("LEAK: %s sent %d of %s (committed as %d) to %s as %d, whose subscriptions were %s",
					d.by.name, position, d.topic, c.seq, d.connection, d.seq, s.describe(d))
			}
		}
	}
}

func (s *simulation) describe(d delivery) string {
	var all []string
	for _, x := range s.ledger.windows {
		if x.connection == d.connection && x.topic == d.topic {
			all = append(all, fmt.Sprintf("%d-%d", x.from, x.until))
		}
	}
	return strings.Join(all, " ")
}

// checkCap: no client gets too many frames of a topic at a time, unless clocks are
// off by more than the cap can bear. Answers and replays don't count.
func (s *simulation) checkCap() {
	frames := map[[2]string][]time.Duration{}
	for _, d := range s.deliveries {
		if (d.kind == "event" || d.kind == "head") && d.by.function != "topics/subscribe" {
			key := [2]string{d.connection, d.topic}
			frames[key] = append(frames[key], d.at)
		}
	}
	for key, at := range frames {
		first := 0
		for i := range at {
			for at[i]-at[first] >= capWindow {
				first++
			}
			n := i - first + 1
			s.mostFrames = max(s.mostFrames, n)
			if n > frameCap && (s.plan.skew <= cappedSkew || s.faults == nil) {
				s.breakLocked("%s got %d frames of %s in %v up to %v", key[0], n, key[1], capWindow, at[i])
				break
			}
		}
	}
}
