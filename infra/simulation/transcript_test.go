package simulation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// transcript is what was said, as one client has it.
type transcript struct{ sequence }

func newTranscript(c *client, meetingID string) *transcript {
	return &transcript{newSequence(c, "meetings/"+meetingID+"/transcript")}
}

// chunk is a piece of a transcript.
type chunk struct {
	Position  int64  `json:"position"`
	SpeakerID string `json:"speakerId"`
	AuthorID  string `json:"authorId"`
	Text      string `json:"text"`
}

func (c chunk) fingerprint() string {
	return fmt.Sprintf("%d %s %s %s", c.Position, c.SpeakerID, c.AuthorID, c.Text)
}

func (t *transcript) from() (int64, bool)                       { return t.position, t.wanted }
func (t *transcript) head(position int64, _ string, asked bool) { t.advanceTo(position, asked) }
func (t *transcript) ended(reason string, forGood bool)         { t.over(reason, forGood) }

func (t *transcript) event(e event) {
	var c chunk
	if err := json.Unmarshal(e.Data, &c); err != nil || c.Position != e.Position {
		t.c.sim.breakLocked("%s got an event that is no chunk: %s", t.c.name, e.Data)
		return
	}
	t.accept(c.Position, c.fingerprint(), func() {})
}

func (t *transcript) resume() {
	if t.wanted && t.following {
		return
	}
	t.wanted, t.barred = true, false
	t.c.subscribe(t.name)
}

// said is what one request was to append: chunks whose texts are its name and
// their number.
func said(name string, i int) string { return fmt.Sprintf("%s #%d", name, i) }

// speak appends to a transcript, beside everything else.
func (s *simulation) speak(c *client, m *meeting, r *rand.Rand) {
	n := 1 + r.IntN(5)
	s.mu.Lock()
	c.spoken++
	name := fmt.Sprintf("%s speaks %d", c.name, c.spoken)
	s.mu.Unlock()
	var chunks []map[string]any
	for i := range n {
		chunks = append(chunks, map[string]any{
			"text": said(name, i), "confidence": 0.5, "startMs": i * 100, "endMs": i*100 + 90, "isFinal": true,
		})
	}
	s.beside(func() {
		last, tries := s.insist(name, c.person, "POST /v1/meetings/"+m.id+"/transcript", map[string]any{"chunks": chunks}, name)
		var answer struct{ FirstPosition int64 }
		if last.ok() {
			if err := json.Unmarshal(last.body, &answer); err != nil {
				s.t.Errorf("%s: %v", name, err)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.promises = append(s.promises, promise{
			topic: "meetings/" + m.id + "/transcript", identity: name, position: answer.FirstPosition, chunks: n,
			refused: !last.ok(), uncertain: last.passing() || tries > 1 && !last.ok(), code: last.code,
		})
	})
}

// transcriptOf reads a meeting's transcript through the public API.
func (s *simulation) transcriptOf(m *meeting) (all []chunk) {
	for from := int64(0); ; {
		r, _ := s.insist(fmt.Sprintf("check %d said from %d", m.number, from), s.people[0],
			fmt.Sprintf("GET /v1/meetings/%s/transcript?from=%d&limit=200", m.id, from), nil, "")
		var page struct{ Items []chunk }
		if err := json.Unmarshal(r.body, &page); err != nil || r.status != http.StatusOK {
			s.t.Errorf("transcript of %d: %d %s", m.number, r.status, r.body)
		}
		if len(page.Items) == 0 {
			return all
		}
		all = append(all, page.Items...)
		from = page.Items[len(page.Items)-1].Position
	}
}

// checkTranscript: what was acknowledged is there, every chunk once, those of one
// request together, and all saw the same.
func (s *simulation) checkTranscript(m *meeting, all []chunk) {
	topic := "meetings/" + m.id + "/transcript"
	at := map[string]int64{}
	for i, c := range all {
		if c.Position != int64(i)+1 {
			s.breakLocked("%s has %d at place %d", topic, c.Position, i+1)
		}
		if first, twice := at[c.Text]; twice {
			s.breakLocked("%q stands twice in %s, at %d and %d", c.Text, topic, first, c.Position)
		}
		at[c.Text] = c.Position
	}
	if n := len(s.ledger.entries[topic]); n != len(all) {
		s.breakLocked("%d chunks were committed to %s, its list has %d", n, topic, len(all))
	}
	for _, p := range s.promises {
		if p.topic != topic {
			continue
		}
		first := at[said(p.identity, 0)]
		for i := range p.chunks {
			position := at[said(p.identity, i)]
			if (position == 0) != (first == 0) || position != 0 && position != first+int64(i) {
				s.breakLocked("%s: chunk %d is at %d, the first at %d", p.identity, i, position, first)
			}
		}
		if !p.refused && first != p.position || p.refused && !p.uncertain && first != 0 {
			s.breakLocked("%s (refused %v %s) was promised %d in %s and is at %d", p.identity, p.refused, p.code, p.position, topic, first)
		}
	}
	for _, c := range s.windowsOf() {
		t := c.transcriptOf(m)
		for position, seen := range t.seen {
			if position > int64(len(all)) || all[position-1].fingerprint() != seen {
				s.breakLocked("%s saw something else at %d of %s than was committed", c.name, position, topic)
			}
		}
		if t.following && s.entitled(m, c.person) && t.position != int64(len(all)) {
			s.breakLocked("%s follows %s and is at %d, not %d", c.name, topic, t.position, len(all))
		}
	}
}

func (c *client) transcriptOf(m *meeting) *transcript {
	return c.topics["meetings/"+m.id+"/transcript"].(*transcript)
}
