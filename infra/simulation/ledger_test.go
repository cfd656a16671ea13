package simulation

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// ledger is what took effect in a run, in its order: the truth that everything
// is held against. It is written where table calls take effect, so it knows also
// what nobody was told.
type ledger struct {
	started time.Time
	// next numbers whatever happens, in the order in which it does.
	next int64
	// entries are the committed entries by topic and position.
	entries map[string]map[int64]commit
	// states are the commits of meetings by id and revision.
	states map[string]map[int64]commit
	// standings are the commits of participants by meeting and user.
	standings map[[2]string][]commit
	// windows are the subscriptions.
	windows []*window
	// meetings are the ids in the order of their creation.
	meetings []string
	tokens   map[string]bool
}

// commit is one item that was written.
type commit struct {
	seq int64
	at  time.Duration
	by  *operation
	// last is the last position of an entry.
	last   int64
	role   string
	status string
}

// window is a subscription from the moment that it stood to the moment that its
// end was answered; 0 is never.
type window struct {
	topic, connection string
	from, until       int64
}

func newLedger() *ledger {
	return &ledger{
		started: time.Now(), entries: map[string]map[int64]commit{}, states: map[string]map[int64]commit{},
		standings: map[[2]string][]commit{}, tokens: map[string]bool{},
	}
}

// tick numbers one happening.
func (l *ledger) tick() int64 {
	l.next++
	return l.next
}

func (l *ledger) now() time.Duration { return time.Since(l.started) }

// enter takes in a call that has taken effect.
func (l *ledger) enter(o *operation, c call) {
	if token := c.token(); token != "" {
		if l.tokens[token] {
			return // the same transaction, sent again
		}
		l.tokens[token] = true
	}
	seq := l.tick()
	for _, w := range c.writes() {
		l.write(w, commit{seq: seq, at: l.now(), by: o})
	}
}

func (l *ledger) write(w written, c commit) {
	switch {
	case w.verb == "Put" && strings.HasPrefix(w.pk, "MEETING#") && w.sk == "MEETING":
		id := strings.TrimPrefix(w.pk, "MEETING#")
		if !slices.Contains(l.meetings, id) {
			l.meetings = append(l.meetings, id)
			l.states[id] = map[int64]commit{}
		}
		revision, _ := strconv.ParseInt(number(w.item, "revision"), 10, 64)
		c.status = text(w.item, "state")
		l.states[id][revision] = c
	case w.verb == "Put" && strings.HasPrefix(w.pk, "MEETING#") && strings.HasPrefix(w.sk, "PARTICIPANT#"):
		key := [2]string{strings.TrimPrefix(w.pk, "MEETING#"), strings.TrimPrefix(w.sk, "PARTICIPANT#")}
		c.role, c.status = text(w.item, "role"), text(w.item, "status")
		l.standings[key] = append(l.standings[key], c)
	case w.verb == "Put" && strings.HasPrefix(w.pk, "LOG#"):
		l.writeEntry(w, c)
	case w.verb == "Put" && strings.HasPrefix(w.pk, "TOPIC#") && strings.HasPrefix(w.sk, "CONNECTION#"):
		l.windows = append(l.windows, &window{
			topic: strings.TrimPrefix(w.pk, "TOPIC#"), connection: strings.TrimPrefix(w.sk, "CONNECTION#"), from: c.seq,
		})
	}
}

// writeEntry takes in an entry of a log: neither seals nor directories nor
// snapshots, whose sort keys are no numbers or which have a kind.
func (l *ledger) writeEntry(w written, c commit) {
	name := strings.TrimPrefix(w.pk, "LOG#")
	end := strings.LastIndexByte(name, '#')
	position, err := strconv.ParseInt(w.sk, 10, 64)
	if err != nil || end < 0 || text(w.item, "k") != "" {
		return
	}
	count, _ := strconv.ParseInt(number(w.item, "n"), 10, 64)
	c.last = position + max(count, 1) - 1
	topic := name[:end]
	if l.entries[topic] == nil {
		l.entries[topic] = map[int64]commit{}
	}
	for p := position; p <= c.last; p++ {
		l.entries[topic][p] = c
	}
}

// committed finds what stands at a position of a topic, a state's revision too.
func (l *ledger) committed(topic string, position int64) (commit, bool) {
	if meetingID, isState := stateTopic(topic); isState {
		c, ok := l.states[meetingID][position]
		return c, ok
	}
	c, ok := l.entries[topic][position]
	return c, ok
}

// end closes windows: those that fit, and stood before a moment.
func (l *ledger) end(before, at int64, fits func(*window) bool) {
	for _, w := range l.windows {
		if w.from < before && (w.until == 0 || w.until > at) && fits(w) {
			w.until = at
		}
	}
}

func stateTopic(topic string) (meetingID string, ok bool) {
	meetingID, ok = strings.CutPrefix(topic, "meetings/")
	return meetingID, ok && !strings.Contains(meetingID, "/")
}
