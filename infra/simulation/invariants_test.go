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

// promise is what somebody was told of something that they asked for.
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
func (w *world) check(meetings []*meeting) {
	for _, m := range meetings {
		history, text := w.history(m)
		chunks := w.transcriptOf(m)
		w.mu.Lock()
		w.checkTranscript(m, chunks)
		w.checkHistory(m, history)
		w.checkText(m, history, text)
		w.checkWindows(m, history, text)
		w.checkState(m)
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkLeaks()
	w.checkCap()
}

// noteText is the answer of GET …/notes.
type noteText struct {
	Version int64
	Content string
	Hash    string
}

// history reads a meeting's changes and text through the public door.
func (w *world) history(m *meeting) (all []change, text noteText) {
	host := w.people[0]
	name := fmt.Sprintf("check %d", m.number)
	r, _ := w.insist(name+" text", host, "GET /v1/meetings/"+m.id+"/notes", nil, "")
	if err := json.Unmarshal(r.body, &text); err != nil || r.status != http.StatusOK {
		w.t.Errorf("%s: %d %s", name, r.status, r.body)
	}
	for from := int64(0); ; {
		r, _ := w.insist(fmt.Sprint(name, " from ", from), host,
			fmt.Sprintf("GET /v1/meetings/%s/notes/changes?from=%d&limit=200", m.id, from), nil, "")
		var page struct{ Items []change }
		if err := json.Unmarshal(r.body, &page); err != nil || r.status != http.StatusOK {
			w.t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if len(page.Items) == 0 {
			return all, text
		}
		all = append(all, page.Items...)
		from = page.Items[len(page.Items)-1].Version
	}
}

// checkHistory: acknowledged means durable, and exactly once.
func (w *world) checkHistory(m *meeting, history []change) {
	topic := "meetings/" + m.id + "/notes"
	at := map[string]int64{}
	for i, c := range history {
		if c.Version != int64(i)+1 {
			w.breakLocked("the history of %s has %d at place %d", topic, c.Version, i+1)
		}
		if first, twice := at[c.identity()]; twice {
			w.breakLocked("%s is committed twice in %s, at %d and %d", c.identity(), topic, first, c.Version)
		}
		at[c.identity()] = c.Version
	}
	if n := len(w.ledger.entries[topic]); n != len(history) {
		w.breakLocked("%d entries were committed to %s, its history has %d", n, topic, len(history))
	}
	for _, p := range w.promises {
		if p.topic != topic {
			continue
		}
		switch position, committed := at[p.identity]; {
		case p.refused && committed:
			w.breakLocked("%s was refused (%s) and is committed to %s at %d", p.identity, p.code, topic, position)
		case !p.refused && position != p.position:
			w.breakLocked("%s was acknowledged in %s at %d and is at %d", p.identity, topic, p.position, position)
		}
	}
}

// checkText: the text is what the changes make of it, and so is the snapshot.
func (w *world) checkText(m *meeting, history []change, text noteText) {
	topic := "meetings/" + m.id + "/notes"
	content, hashes := "", []string{hashOf("")}
	for _, c := range history {
		after, err := ot.Apply(content, c.Ops)
		if err != nil {
			w.breakLocked("change %d of %s doesn't fit: %v", c.Version, topic, err)
			return
		}
		content = after
		hashes = append(hashes, hashOf(content))
	}
	if text.Content != content || text.Version != int64(len(history)) {
		w.breakLocked("the text of %s at %d is %q, its changes make %q at %d", topic, text.Version, text.Content, content, len(history))
	}
	if text.Hash != hashOf(content) {
		w.breakLocked("the hash of %s is wrong", topic)
	}
	snapshot, err := table.Get[struct {
		Position int64  `dynamodbav:"position"`
		Hash     string `dynamodbav:"hash"`
	}](w.ctx, table.New(w.direct(), w.env["LOG_TABLE"]), table.Key{PK: "LOG#" + topic, SK: "BASE"})
	switch {
	case len(history) == 0:
	case err != nil:
		w.breakLocked("the snapshot of %s: %v", topic, err)
	case snapshot.Position != int64(len(history)):
		w.breakLocked("the snapshot of %s is of %d, and nothing has happened since %d", topic, snapshot.Position, len(history))
	case snapshot.Hash != hashes[snapshot.Position]:
		w.breakLocked("the snapshot of %s at %d has a wrong hash", topic, snapshot.Position)
	}
}

// checkWindows: all saw the same, and who follows has it all.
func (w *world) checkWindows(m *meeting, history []change, text noteText) {
	for _, c := range w.windowsOf() {
		n := c.notesOf(m)
		for position, seen := range n.seen {
			if position > int64(len(history)) || history[position-1].fingerprint() != seen {
				w.breakLocked("%s saw something else at %d of %s than was committed", c.name, position, n.name)
			}
		}
		if n.following && w.entitled(m, c.who) && (n.position != text.Version || n.text != text.Content) {
			w.breakLocked("%s follows %s and is at %d, not %d, with %q", c.name, n.name, n.position, text.Version, n.text)
		}
	}
}

// invited tells whether somebody is in a meeting.
func (w *world) invited(m *meeting, p *person) bool {
	standings := w.ledger.standings[[2]string{m.id, p.id}]
	return len(standings) > 0 && standings[len(standings)-1].status == "active"
}

// entitled tells whether somebody may follow a meeting's logs. Who may not any
// more, and wasn't told because the post failed, can't know.
func (w *world) entitled(m *meeting, p *person) bool {
	states := w.ledger.states[m.id]
	return w.invited(m, p) && states[int64(len(states))].status == "active"
}

// checkState: changes of a meeting were committed once, and who follows knows
// the newest state.
func (w *world) checkState(m *meeting) {
	topic := "meetings/" + m.id
	commits := map[string]int{}
	for _, c := range w.ledger.states[m.id] {
		commits[strings.TrimRight(c.by.name, "'")]++
	}
	for _, p := range w.promises {
		if p.topic != topic {
			continue
		}
		n := commits[p.identity]
		// Who has a role already keeps it: that is a success without a commit.
		unchanged := n == 0 && strings.Contains(p.identity, " make ")
		if n > 1 || !p.uncertain && p.refused != (n == 0) && !unchanged {
			w.breakLocked("%s (refused %v %s) has %d commits", p.identity, p.refused, p.code, n)
		}
	}
	newest := slices.Max(slices.Collect(maps.Keys(w.ledger.states[m.id])))
	for _, c := range w.windowsOf() {
		s := c.stateOf(m)
		if !s.following || !w.invited(m, c.who) {
			continue
		}
		var seen meetingState
		if err := json.Unmarshal([]byte(s.data), &seen); err != nil || s.revision != newest {
			w.breakLocked("%s follows %s and is at %d, not %d", c.name, topic, s.revision, newest)
			continue
		}
		for _, p := range seen.Participants {
			standings := w.ledger.standings[[2]string{m.id, p.UserID}]
			last := standings[len(standings)-1]
			if last.status != "active" || last.role != p.Role {
				w.breakLocked("%s sees %s as %s in %s, who is %s %s", c.name, p.UserID, p.Role, topic, last.status, last.role)
			}
		}
	}
}

// checkLeaks: nothing that was committed after the end of a subscription was
// answered has reached its socket.
func (w *world) checkLeaks() {
	for _, d := range w.deliveries {
		positions := d.positions
		if d.kind != "event" {
			continue
		}
		for _, position := range positions {
			c, committed := w.ledger.committed(d.topic, position)
			if !committed {
				w.breakLocked("%s was sent %d of %s, which was never committed", d.connection, position, d.topic)
				continue
			}
			if !slices.ContainsFunc(w.ledger.windows, func(x *window) bool {
				return x.connection == d.connection && x.topic == d.topic && x.from <= d.seq && (x.until == 0 || c.seq <= x.until)
			}) {
				w.breakLocked("LEAK: %s sent %d of %s (committed as %d) to %s as %d, whose subscriptions were %s",
					d.by.name, position, d.topic, c.seq, d.connection, d.seq, w.describe(d))
			}
		}
	}
}

func (w *world) describe(d delivery) string {
	var all []string
	for _, x := range w.ledger.windows {
		if x.connection == d.connection && x.topic == d.topic {
			all = append(all, fmt.Sprintf("%d-%d", x.from, x.until))
		}
	}
	return strings.Join(all, " ")
}

// checkCap: no client gets too many frames of a topic at a time, unless clocks are
// off by more than the cap can bear. Answers and replays don't count.
func (w *world) checkCap() {
	frames := map[[2]string][]time.Duration{}
	for _, d := range w.deliveries {
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
			w.mostFrames = max(w.mostFrames, n)
			if n > frameCap && (w.plan.skew <= cappedSkew || w.faults == nil) {
				w.breakLocked("%s got %d frames of %s in %v up to %v", key[0], n, key[1], capWindow, at[i])
				break
			}
		}
	}
}
