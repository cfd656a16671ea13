package simulation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/ot"
)

// change is a committed change, as it is posted and listed.
type change struct {
	Version   int64     `json:"version"`
	AuthorID  string    `json:"authorId"`
	ClientID  string    `json:"clientId"`
	ClientSeq int64     `json:"clientSeq"`
	Ops       ot.Change `json:"ops"`
}

// identity is what a change is known by.
func (c change) identity() string {
	return fmt.Sprintf("%s %s %d", c.AuthorID, c.ClientID, c.ClientSeq)
}

// fingerprint reports whether two people were told the same.
func (c change) fingerprint() string {
	ops, err := json.Marshal(c.Ops)
	if err != nil {
		return err.Error()
	}
	return c.identity() + " " + string(ops)
}

// flight is the one change that a client has in flight: as first sent, and as it
// stands after what was committed meanwhile.
type flight struct {
	seq    int64
	fields map[string]any
	now    ot.Change
	id     string
	// asked are the questions that carried it.
	asked []*question
}

// once reports whether it was sent a single time.
func (f *flight) once() bool { return len(f.asked) == 1 && f.asked[0].sends == 1 }

// notes is a text as one client has it.
type notes struct {
	sequence
	meetingID string
	loaded    bool
	loading   bool
	text      string
	mine      *flight
	seq       int64
}

func newNotes(c *client, meetingID string) *notes {
	return &notes{sequence: newSequence(c, "meetings/"+meetingID+"/notes"), meetingID: meetingID}
}

// load reads the text over HTTP, and then follows.
func (n *notes) load() {
	if n.loading || n.loaded || !n.wanted {
		return
	}
	n.loading = true
	name := n.c.name + " reads " + n.c.sim.namesLocked().Replace(n.meetingID)
	n.c.asked++
	name = fmt.Sprint(name, " ", n.c.asked)
	n.c.sim.beside(func() {
		r, _ := n.c.sim.insist(name, n.c.person, "GET /v1/meetings/"+n.meetingID+"/notes", nil, "")
		n.c.sim.mu.Lock()
		defer n.c.sim.mu.Unlock()
		n.loading = false
		var text struct {
			Version int64
			Content string
			Hash    string
		}
		if r.status == http.StatusForbidden {
			n.wanted = false
			return
		}
		if r.status != http.StatusOK || json.Unmarshal(r.body, &text) != nil {
			n.c.after(time.Second, n.load)
			return
		}
		if hashOf(text.Content) != text.Hash {
			n.c.sim.breakLocked("%s read a text whose hash is wrong", n.c.name)
		}
		n.loaded, n.position, n.known, n.text = true, text.Version, text.Version, text.Content
		n.c.subscribe(n.name)
	})
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (n *notes) from() (int64, bool) { return n.position, n.wanted && n.loaded }

func (n *notes) ended(reason string, forGood bool) {
	n.over(reason, forGood)
	if forGood {
		n.mine = nil // nobody will say what became of it
	}
}

// resume follows again what was ended for good.
func (n *notes) resume() {
	if n.wanted && n.following {
		return
	}
	n.wanted, n.barred = true, false
	if !n.loaded {
		n.load()
		return
	}
	n.c.subscribe(n.name)
}

func (n *notes) head(position int64, hash string, asked bool) {
	n.advanceTo(position, asked)
	if asked {
		n.resend()
	} else if position == n.position && hash != "" && hash != hashOf(n.text) {
		n.c.sim.breakLocked("%s has another text at %d of %s than the server", n.c.name, position, n.name)
	}
}

func (n *notes) event(e event) {
	n.known = max(n.known, e.Position)
	if e.Omitted {
		n.fetch(e.Position)
		return
	}
	var c change
	if err := json.Unmarshal(e.Data, &c); err != nil || c.Version != e.Position {
		n.c.sim.breakLocked("%s got an event that is no change: %s", n.c.name, e.Data)
		return
	}
	n.take(c)
}

// fetch reads a change over HTTP that was too large for a frame.
func (n *notes) fetch(version int64) {
	if version <= n.position {
		return
	}
	n.c.asked++
	name := fmt.Sprintf("%s fetches %d", n.c.name, n.c.asked)
	n.c.sim.beside(func() {
		path := fmt.Sprintf("GET /v1/meetings/%s/notes/changes?from=%d&limit=1", n.meetingID, version-1)
		r, _ := n.c.sim.insist(name, n.c.person, path, nil, "")
		var page struct{ Items []change }
		n.c.sim.mu.Lock()
		defer n.c.sim.mu.Unlock()
		if r.status == http.StatusOK && json.Unmarshal(r.body, &page) == nil && len(page.Items) == 1 {
			n.take(page.Items[0])
		}
	})
}

// take applies a change when its turn has come.
func (n *notes) take(c change) {
	n.accept(c.Version, c.fingerprint(), func() { n.apply(c) })
}

func (n *notes) apply(c change) {
	after, err := ot.Apply(n.text, c.Ops)
	if err != nil {
		n.c.sim.breakLocked("%s can't apply %d of %s: %v", n.c.name, c.Version, n.name, err)
		n.wanted = false
		return
	}
	mine := n.mine != nil && c.AuthorID == n.c.person.id && c.ClientID == n.c.name && c.ClientSeq == n.mine.seq
	switch {
	case mine:
		expected, err := ot.Apply(n.text, n.mine.now)
		if err != nil || expected != after {
			n.c.sim.breakLocked("%s transformed its change otherwise than the server did at %d", n.c.name, c.Version)
		}
		n.mine = nil
	case n.mine != nil:
		if n.mine.now, err = ot.Transform(c.Ops, n.mine.now); err != nil {
			n.c.sim.breakLocked("%s can't transform: %v", n.c.name, err)
		}
	}
	n.text = after
}

// edit makes a random change and sends it, unless one is in flight.
func (n *notes) edit(r *rand.Rand) bool {
	if n.mine != nil || !n.following || !n.wanted || n.c.connection == nil {
		return false
	}
	n.seq++
	ops := randomChange(r, utf8.RuneCountInString(n.text), fmt.Sprintf("%s%d", n.c.name[:2], n.seq))
	n.c.asked++
	n.mine = &flight{seq: n.seq, now: ops, id: fmt.Sprint(n.c.asked), fields: map[string]any{
		"action": "edit", "meetingId": n.meetingID, "baseVersion": n.position, "clientId": n.c.name, "clientSeq": n.seq, "ops": ops,
	}}
	n.transmit()
	return true
}

// resend sends the change in flight again, on a new socket.
func (n *notes) resend() {
	if n.mine != nil && n.c.waiting[n.mine.id] == nil {
		n.transmit()
	}
}

func (n *notes) transmit() {
	mine := n.mine
	mine.asked = append(mine.asked, n.c.request(mine.id, n.name+" edit", mine.fields, func(f frame) { n.answered(mine, f) }))
}

// answered takes the ack of a change, or its refusal.
func (n *notes) answered(mine *flight, f frame) {
	identity := change{AuthorID: n.c.person.id, ClientID: n.c.name, ClientSeq: mine.seq}
	if f.Type == "ack" {
		n.c.sim.promises = append(n.c.sim.promises, promise{topic: n.name, identity: identity.identity(), position: f.Version})
		if n.mine == mine {
			n.known = max(n.known, f.Version)
			if f.Ops == nil {
				n.fetch(f.Version)
				return
			}
			own := identity
			own.Version = f.Version
			if err := json.Unmarshal(f.Ops, &own.Ops); err != nil {
				n.c.sim.breakLocked("%s: an ack that can't be read: %v", n.c.name, err)
				return
			}
			n.take(own)
		}
		return
	}
	n.c.note("change %d was refused: %s", mine.seq, f.Code)
	if mine.once() {
		n.c.sim.promises = append(n.c.sim.promises, promise{topic: n.name, identity: identity.identity(), refused: true, code: string(f.Code)})
	}
	switch f.Code {
	case "FORBIDDEN", "MEETING_NOT_ACTIVE":
	case "UNAUTHORIZED":
		n.c.over()
		return
	default:
		n.c.sim.breakLocked("%s: change %d was refused: %s %s", n.c.name, mine.seq, f.Code, f.Detail)
	}
	if n.mine == mine {
		n.mine = nil
	}
}

// alphabet has what texts are made of: letters, spaces, characters outside the
// basic plane, and such as combine.
var alphabet = strings.Split("a|b|c|é|ß|語| |\n|🙂|👩🏽|𝄞|e\u0301", "|")

// randomChange makes a change that fits a text of so many code points.
func randomChange(r *rand.Rand, length int, mark string) ot.Change {
	var ops ot.Change
	at := 0
	for range 1 + r.IntN(3) {
		at += r.IntN(length - at + 1)
		if left := length - at; left > 0 && r.IntN(3) == 0 {
			n := 1 + r.IntN(min(left, 6))
			ops = append(ops, ot.Op{Type: ot.Delete, Position: at, Length: n})
			at += n
			continue
		}
		content := mark
		for range r.IntN(4) {
			content += alphabet[r.IntN(len(alphabet))]
		}
		ops = append(ops, ot.Op{Type: ot.Insert, Position: at, Content: content})
	}
	return ops
}
