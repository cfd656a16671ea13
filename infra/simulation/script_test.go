package simulation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// meeting is a meeting of a run.
type meeting struct {
	id     string
	number int
	// guests are all but the host, and may be removed, invited and changed.
	guests []*person
	over   bool
	// changes numbers what is done to its membership.
	changes int
}

// people makes the people, the first of whom hosts, unless one could not come.
func (s *simulation) cast() bool {
	names := []string{"ada", "bob", "cyd", "dan"}
	for i := range s.plan.people {
		p := &person{name: names[i]}
		now := time.Now()
		p.token = s.issuer.Sign(s.t, jwt.MapClaims{
			"iss": s.issuer.Name, "sub": "subject_" + p.name, "sid": "session_" + names[i], "org_id": "org_simulation", "role": "member",
			"permissions": []string{}, "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(),
		})
		if p.id = s.userID(p); p.id == "" {
			return false
		}
		for n := range s.plan.windows {
			p.windows = append(p.windows, newClient(s, p, fmt.Sprintf("%s.%d", names[i], n+1)))
		}
		s.mu.Lock()
		s.people = append(s.people, p)
		s.mu.Unlock()
	}
	return true
}

// userID is what a person's first call tells; empty where the run ended before.
func (s *simulation) userID(p *person) string {
	var me struct{ UserID string }
	r, _ := s.insist(p.name+" comes", p, "GET /v1/me", nil, "")
	if !r.ok() {
		return ""
	}
	if err := json.Unmarshal(r.body, &me); err != nil {
		s.t.Errorf("%s comes: %v", p.name, err)
	}
	return me.UserID
}

// found makes a meeting of everybody and starts it.
func (s *simulation) found(number int) *meeting {
	m := &meeting{number: number, guests: s.people[1:]}
	host := s.people[0]
	var participants []map[string]string
	for _, p := range m.guests {
		participants = append(participants, map[string]string{"userId": p.id, "role": s.role()})
	}
	var r reply
	create := fmt.Sprintf("create %d", number)
	for range 5 {
		// One that dies again and again is begun anew.
		r, _ = s.insist(create, host, "POST /v1/meetings", map[string]any{"title": "Simulated", "participants": participants}, create)
		if r.ok() {
			break
		}
		create += " anew"
	}
	var made struct{ MeetingID string }
	if err := json.Unmarshal(r.body, &made); err != nil || r.status != http.StatusCreated {
		s.t.Errorf("%s: %d %s", create, r.status, r.body)
		return nil
	}
	m.id = made.MeetingID
	start := fmt.Sprintf("start %d", number)
	if r, _ := s.insist(start, host, "POST /v1/meetings/"+m.id+"/start", nil, ""); !r.ok() && r.status != http.StatusConflict {
		s.t.Errorf("%s: %d %s", start, r.status, r.body)
		return nil
	}
	return m
}

// role is a random one for a guest: most may write.
func (s *simulation) role() string {
	return []string{"participant", "participant", "participant", "observer", "co-host"}[s.rng.IntN(5)]
}

// enter opens everybody's windows.
func (s *simulation) enter(meetings []*meeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		for _, c := range p.windows {
			for _, m := range meetings {
				n := newNotes(c, m.id)
				c.follow(n.name, n)
				state := newState(c, m.id)
				c.follow(state.name, state)
				t := newTranscript(c, m.id)
				c.follow(t.name, t)
				n.load()
			}
			c.open()
		}
	}
}

func (c *client) notesOf(m *meeting) *notes {
	return c.topics["meetings/"+m.id+"/notes"].(*notes)
}

func (c *client) stateOf(m *meeting) *state {
	return c.topics["meetings/"+m.id].(*state)
}

// act plays one window's part.
func (s *simulation) act(c *client, meetings []*meeting) {
	r := s.plan.random(c.name)
	think := pace{low: 30 * time.Millisecond, high: 1500 * time.Millisecond, slow: 6 * time.Second, once: 10}
	if s.plan.hot {
		think = pace{low: 5 * time.Millisecond, high: 90 * time.Millisecond}
	}
	s.arrive(c, meetings)
	for n := range s.plan.actions {
		if sleep(s.ctx, think.of(r.Uint64())) != nil {
			return
		}
		m := meetings[r.IntN(len(meetings))]
		dice := r.IntN(100)
		if s.plan.hot {
			dice = 80 + dice/5
		}
		host := c == s.people[0].windows[0]
		switch {
		case host && dice < 30:
			s.member(m, r)
		case host && dice == 30 && n > s.plan.actions/2:
			s.conclude(m)
		case dice < 8:
			s.pause(c, m, time.Duration(r.IntN(5000))*time.Millisecond)
		case dice < 14:
			s.mu.Lock()
			c.over()
			s.mu.Unlock()
		case dice >= 84 && dice < 90, dice >= 90 && !s.plan.hot:
			s.speak(c, m, r)
		default:
			s.write(c, m, r)
		}
	}
}

// arrive waits until a window follows what it is to follow, but not for ever: it
// may be that it can't.
func (s *simulation) arrive(c *client, meetings []*meeting) {
	for range 100 {
		s.mu.Lock()
		ready := true
		for _, m := range meetings {
			ready = ready && c.notesOf(m).following && c.transcriptOf(m).following
		}
		s.mu.Unlock()
		if ready || sleep(s.ctx, 100*time.Millisecond) != nil {
			return
		}
	}
}

// write edits as soon as the change before is acknowledged; in a while it gives
// up.
func (s *simulation) write(c *client, m *meeting, r *rand.Rand) {
	for range 50 {
		s.mu.Lock()
		done := c.notesOf(m).edit(r)
		s.mu.Unlock()
		if done || sleep(s.ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

// pause follows the notes no more for a while.
func (s *simulation) pause(c *client, m *meeting, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := c.notesOf(m)
	if !n.following {
		return
	}
	c.unsubscribe(n.name)
	c.after(d, func() {
		if !n.barred {
			n.resume()
		}
	})
}

// member changes the membership of a guest: whoever is in the meeting is removed
// or gets another role, whoever isn't is invited.
func (s *simulation) member(m *meeting, r *rand.Rand) {
	guest := m.guests[r.IntN(len(m.guests))]
	role := []string{"participant", "participant", "observer", "co-host"}[r.IntN(4)]
	remove := r.IntN(2) == 0
	s.mu.Lock()
	standings := s.ledger.standings[[2]string{m.id, guest.id}]
	inside := len(standings) > 0 && standings[len(standings)-1].status == "active"
	m.changes++
	name := fmt.Sprintf("member %d.%d", m.number, m.changes)
	over := m.over
	s.mu.Unlock()
	path := "/v1/meetings/" + m.id + "/participants"
	switch {
	case over:
	case !inside:
		r, tries := s.insist(name+" invite "+guest.id, s.people[0], "POST "+path, map[string]any{"userId": guest.id, "role": role}, name)
		s.promiseChange(m, name+" invite "+guest.id, r, tries)
		if r.ok() || r.status == http.StatusConflict {
			s.mu.Lock()
			for _, c := range guest.windows {
				c.notesOf(m).resume()
				c.stateOf(m).resume()
				c.transcriptOf(m).resume()
			}
			s.mu.Unlock()
		}
	case remove:
		r, tries := s.insist(name+" remove "+guest.id, s.people[0], "DELETE "+path+"/"+guest.id, nil, name)
		s.promiseChange(m, name+" remove "+guest.id, r, tries)
		if r.status == http.StatusNoContent || r.status == http.StatusNotFound {
			s.revoked(m, guest, r.at)
		}
	default:
		r, tries := s.insist(name+" make "+guest.id+" "+role, s.people[0], "PATCH "+path+"/"+guest.id, map[string]any{"role": role}, name)
		s.promiseChange(m, name+" make "+guest.id+" "+role, r, tries)
		if r.ok() {
			s.revoked(m, guest, r.at)
		}
	}
}

// revoked closes the windows of a guest's subscriptions that are older than the
// newest change of their standing: that change was answered.
func (s *simulation) revoked(m *meeting, guest *person, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	standings := s.ledger.standings[[2]string{m.id, guest.id}]
	var before int64
	for i, c := range standings {
		if c.seq < at && i > 0 && (c.role != standings[i-1].role || c.status != standings[i-1].status) {
			before = c.seq
		}
	}
	if before == 0 {
		return
	}
	s.revocations++
	s.ledger.end(before, at, func(x *window) bool {
		c := s.connections[x.connection]
		return c != nil && c.client.person == guest && (x.topic == "meetings/"+m.id || strings.HasPrefix(x.topic, "meetings/"+m.id+"/"))
	})
}

// conclude ends a meeting.
func (s *simulation) conclude(m *meeting) {
	s.mu.Lock()
	m.over = true
	s.mu.Unlock()
	name := fmt.Sprintf("end %d", m.number)
	r, tries := s.insist(name, s.people[0], "POST /v1/meetings/"+m.id+"/end", nil, name)
	s.promiseChange(m, name, r, tries)
	if !r.ok() && r.status != http.StatusConflict {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revocations++
	s.ledger.end(r.at, r.at, func(x *window) bool { return strings.HasPrefix(x.topic, "meetings/"+m.id+"/") })
}

// promiseChange notes what was promised of a change of a meeting: a success is
// one commit, whatever tries it took; a refusal of the only try is none.
func (s *simulation) promiseChange(m *meeting, name string, r reply, tries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promises = append(s.promises, promise{
		topic: "meetings/" + m.id, identity: name, refused: !r.ok(), uncertain: r.passing() || tries > 1 && !r.ok(), code: r.code,
	})
}

// windowsOf are all windows, in order.
func (s *simulation) windowsOf() []*client {
	var all []*client
	for _, p := range s.people {
		all = slices.Concat(all, p.windows)
	}
	return all
}
