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

// meeting is a meeting of a world.
type meeting struct {
	id     string
	number int
	// guests are all but the host, and may be removed, invited and changed.
	guests []*person
	over   bool
	// changes numbers what is done to its membership.
	changes int
}

// cast makes the people, the first of whom hosts, unless one could not come.
func (w *world) cast() bool {
	names := []string{"ada", "bob", "cyd", "dan"}
	for i := range w.plan.people {
		p := &person{name: names[i]}
		now := time.Now()
		p.token = w.issuer.Sign(w.t, jwt.MapClaims{
			"iss": w.issuer.Name, "sub": "subject_" + p.name, "sid": "session_" + names[i], "org_id": "org_simulation", "role": "member",
			"permissions": []string{}, "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(),
		})
		if p.id = w.userID(p); p.id == "" {
			return false
		}
		for n := range w.plan.windows {
			p.windows = append(p.windows, newClient(w, p, fmt.Sprintf("%s.%d", names[i], n+1)))
		}
		w.mu.Lock()
		w.people = append(w.people, p)
		w.mu.Unlock()
	}
	return true
}

// userID is what a person's first call tells; empty where the world ended before.
func (w *world) userID(p *person) string {
	var me struct{ UserID string }
	r, _ := w.insist(p.name+" comes", p, "GET /v1/me", nil, "")
	if !r.ok() {
		return ""
	}
	if err := json.Unmarshal(r.body, &me); err != nil {
		w.t.Errorf("%s comes: %v", p.name, err)
	}
	return me.UserID
}

// found makes a meeting of everybody and starts it.
func (w *world) found(number int) *meeting {
	m := &meeting{number: number, guests: w.people[1:]}
	host := w.people[0]
	var participants []map[string]string
	for _, p := range m.guests {
		participants = append(participants, map[string]string{"userId": p.id, "role": w.role()})
	}
	var r reply
	create := fmt.Sprintf("create %d", number)
	for range 5 {
		// One that dies again and again is begun anew.
		r, _ = w.insist(create, host, "POST /v1/meetings", map[string]any{"title": "Simulated", "participants": participants}, create)
		if r.ok() {
			break
		}
		create += " anew"
	}
	var made struct{ MeetingID string }
	if err := json.Unmarshal(r.body, &made); err != nil || r.status != http.StatusCreated {
		w.t.Errorf("%s: %d %s", create, r.status, r.body)
		return nil
	}
	m.id = made.MeetingID
	start := fmt.Sprintf("start %d", number)
	if r, _ := w.insist(start, host, "POST /v1/meetings/"+m.id+"/start", nil, ""); !r.ok() && r.status != http.StatusConflict {
		w.t.Errorf("%s: %d %s", start, r.status, r.body)
		return nil
	}
	return m
}

// role is a random one for a guest: most may write.
func (w *world) role() string {
	return []string{"participant", "participant", "participant", "observer", "co-host"}[w.rng.IntN(5)]
}

// enter opens everybody's windows.
func (w *world) enter(meetings []*meeting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.people {
		for _, c := range p.windows {
			for _, m := range meetings {
				n := newNotes(c, m.id)
				c.follow(n.name, n)
				s := newState(c, m.id)
				c.follow(s.name, s)
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
func (w *world) act(c *client, meetings []*meeting) {
	r := w.plan.random(c.name)
	think := pace{low: 30 * time.Millisecond, high: 1500 * time.Millisecond, slow: 6 * time.Second, once: 10}
	if w.plan.hot {
		think = pace{low: 5 * time.Millisecond, high: 90 * time.Millisecond}
	}
	w.arrive(c, meetings)
	for n := range w.plan.actions {
		if sleep(w.ctx, think.of(r.Uint64())) != nil {
			return
		}
		m := meetings[r.IntN(len(meetings))]
		dice := r.IntN(100)
		if w.plan.hot {
			dice = 80 + dice/5
		}
		host := c == w.people[0].windows[0]
		switch {
		case host && dice < 30:
			w.member(m, r)
		case host && dice == 30 && n > w.plan.actions/2:
			w.conclude(m)
		case dice < 8:
			w.pause(c, m, time.Duration(r.IntN(5000))*time.Millisecond)
		case dice < 14:
			w.mu.Lock()
			c.over()
			w.mu.Unlock()
		case dice >= 84 && dice < 90, dice >= 90 && !w.plan.hot:
			w.speak(c, m, r)
		default:
			w.write(c, m, r)
		}
	}
}

// arrive waits until a window follows what it is to follow, but not for ever: it
// may be that it can't.
func (w *world) arrive(c *client, meetings []*meeting) {
	for range 100 {
		w.mu.Lock()
		ready := true
		for _, m := range meetings {
			ready = ready && c.notesOf(m).following && c.transcriptOf(m).following
		}
		w.mu.Unlock()
		if ready || sleep(w.ctx, 100*time.Millisecond) != nil {
			return
		}
	}
}

// write edits as soon as the change before is acknowledged; in a while it gives
// up.
func (w *world) write(c *client, m *meeting, r *rand.Rand) {
	for range 50 {
		w.mu.Lock()
		done := c.notesOf(m).edit(r)
		w.mu.Unlock()
		if done || sleep(w.ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

// pause follows the notes no more for a while.
func (w *world) pause(c *client, m *meeting, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
func (w *world) member(m *meeting, r *rand.Rand) {
	guest := m.guests[r.IntN(len(m.guests))]
	role := []string{"participant", "participant", "observer", "co-host"}[r.IntN(4)]
	remove := r.IntN(2) == 0
	w.mu.Lock()
	standings := w.ledger.standings[[2]string{m.id, guest.id}]
	inside := len(standings) > 0 && standings[len(standings)-1].status == "active"
	m.changes++
	name := fmt.Sprintf("member %d.%d", m.number, m.changes)
	over := m.over
	w.mu.Unlock()
	path := "/v1/meetings/" + m.id + "/participants"
	switch {
	case over:
	case !inside:
		r, tries := w.insist(name+" invite "+guest.id, w.people[0], "POST "+path, map[string]any{"userId": guest.id, "role": role}, name)
		w.promiseChange(m, name+" invite "+guest.id, r, tries)
		if r.ok() || r.status == http.StatusConflict {
			w.mu.Lock()
			for _, c := range guest.windows {
				c.notesOf(m).resume()
				c.stateOf(m).resume()
				c.transcriptOf(m).resume()
			}
			w.mu.Unlock()
		}
	case remove:
		r, tries := w.insist(name+" remove "+guest.id, w.people[0], "DELETE "+path+"/"+guest.id, nil, name)
		w.promiseChange(m, name+" remove "+guest.id, r, tries)
		if r.status == http.StatusNoContent || r.status == http.StatusNotFound {
			w.revoked(m, guest, r.at)
		}
	default:
		r, tries := w.insist(name+" make "+guest.id+" "+role, w.people[0], "PATCH "+path+"/"+guest.id, map[string]any{"role": role}, name)
		w.promiseChange(m, name+" make "+guest.id+" "+role, r, tries)
		if r.ok() {
			w.revoked(m, guest, r.at)
		}
	}
}

// revoked closes the windows of a guest's subscriptions that are older than the
// newest change of their standing: that change was answered.
func (w *world) revoked(m *meeting, guest *person, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	standings := w.ledger.standings[[2]string{m.id, guest.id}]
	var before int64
	for i, c := range standings {
		if c.seq < at && i > 0 && (c.role != standings[i-1].role || c.status != standings[i-1].status) {
			before = c.seq
		}
	}
	if before == 0 {
		return
	}
	w.revocations++
	w.ledger.end(before, at, func(x *window) bool {
		c := w.connections[x.connection]
		return c != nil && c.client.who == guest && (x.topic == "meetings/"+m.id || strings.HasPrefix(x.topic, "meetings/"+m.id+"/"))
	})
}

// conclude ends a meeting.
func (w *world) conclude(m *meeting) {
	w.mu.Lock()
	m.over = true
	w.mu.Unlock()
	name := fmt.Sprintf("end %d", m.number)
	r, tries := w.insist(name, w.people[0], "POST /v1/meetings/"+m.id+"/end", nil, name)
	w.promiseChange(m, name, r, tries)
	if !r.ok() && r.status != http.StatusConflict {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revocations++
	w.ledger.end(r.at, r.at, func(x *window) bool { return strings.HasPrefix(x.topic, "meetings/"+m.id+"/") })
}

// promiseChange notes what was promised of a change of a meeting: a success is
// one commit, whatever tries it took; a refusal of the only try is none.
func (w *world) promiseChange(m *meeting, name string, r reply, tries int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.promises = append(w.promises, promise{
		topic: "meetings/" + m.id, identity: name, refused: !r.ok(), uncertain: r.passing() || tries > 1 && !r.ok(), code: r.code,
	})
}

// windowsOf are all windows, in order.
func (w *world) windowsOf() []*client {
	var all []*client
	for _, p := range w.people {
		all = slices.Concat(all, p.windows)
	}
	return all
}
