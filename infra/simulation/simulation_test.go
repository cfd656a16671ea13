package simulation

import (
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// seedsByDefault is how many seeds run where SEEDS says nothing else.
const seedsByDefault = 10

// result is what came of one seed.
type result struct {
	broken []string
	trace  []string
	faults map[faults.Kind]int64
	// took is virtual time, commits entries and states, frames deliveries; most is
	// the most that one client got of one topic in the cap's window, stale how many
	// windows were behind when all was quiet.
	took                  time.Duration
	commits, frames, most int
	revocations, stale    int
}

// simulate runs one seed, in a test of its own.
func simulate(t *testing.T, f fixture, p plan, m mutant) (r result) {
	unique := rand.Text()[:8]
	prefix := strings.Map(plain, t.Name()) + "-" + unique + "-"
	specs := makeTables(t, f.engine, prefix)
	cryptotest.SetGlobalRandom(t, p.seed)
	synctest.Test(t, func(t *testing.T) {
		// Items expire after a time that the engine's clock is not to reach. Half a
		// minute later transcripts begin a new bucket.
		time.Sleep(time.Until(time.Date(2040, 1, 1, 0, 4, 30, 0, time.UTC)))
		r = run(t, f, p, unique, specs, m)
	})
	for i, line := range r.trace {
		r.trace[i] = strings.ReplaceAll(line, prefix, "")
	}
	return r
}

func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

func run(t *testing.T, f fixture, p plan, unique string, specs []engine.TableSpec, m mutant) result {
	sim := newSimulation(t, f, p, unique, specs, m)
	sim.begin()
	var meetings []*meeting
	if !sim.cast() {
		sim.end()
		return sim.result(meetings)
	}
	for i := range p.meetings {
		found := sim.found(i + 1)
		if found == nil {
			sim.end()
			return sim.result(meetings)
		}
		meetings = append(meetings, found)
	}
	sim.enter(meetings)
	var acting []func()
	for _, c := range sim.windowsOf() {
		acting = append(acting, func() { sim.act(c, meetings) })
	}
	atOnce(acting)
	sim.faults.Disable()
	sim.settle()
	stale := sim.behind(meetings)
	sim.lastWords(meetings)
	sim.settle()
	sim.check(meetings)
	sim.leave()
	for _, m := range meetings {
		sim.checkPresence(m)
	}
	sim.end()
	r := sim.result(meetings)
	r.stale = stale
	return r
}

func atOnce(all []func()) {
	done := make(chan struct{})
	for _, f := range all {
		go func() {
			f()
			done <- struct{}{}
		}()
	}
	for range all {
		<-done
	}
}

// direct reaches the tables beside the simulation.
func (s *simulation) direct() *dynamodb.Client {
	return table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "simulation", SecretAccessKey: "simulation", Endpoint: s.engine.Endpoint, HTTP: s.line,
	})
}

func (s *simulation) begin() {
	client := s.direct()
	for _, f := range s.feeds {
		f.begin(s.t, client)
		s.beside(f.run)
		for _, r := range f.readers {
			s.beside(r.run)
		}
	}
	for _, function := range s.functions {
		if function.Trigger == endpoint.TriggerQueue {
			w := &worker{w: s, function: function}
			s.beside(w.run)
		}
	}
}

// end stops everything and waits for it.
func (s *simulation) end() {
	s.stop()
	s.running.Wait()
	s.wire.ghosts.Wait()
}

// settleWithin is how long a run may take to become quiet.
const settleWithin = 10 * time.Minute

// settle lets time pass until nothing is left to be done.
func (s *simulation) settle() {
	for waited := time.Duration(0); waited < settleWithin; waited += time.Second {
		time.Sleep(time.Second)
		s.mu.Lock()
		why := s.unsettled()
		s.mu.Unlock()
		if why == "" {
			return
		}
		if waited == settleWithin-time.Second {
			s.mu.Lock()
			s.breakLocked("it does not become quiet: %s", why)
			s.mu.Unlock()
		}
	}
}

// unsettled says what is still to be done.
func (s *simulation) unsettled() string {
	if s.busy > 0 || s.insisting > 0 {
		return fmt.Sprintf("%d invocations, %d requests", s.busy, s.insisting)
	}
	if !s.drained() {
		return "records in streams"
	}
	if n := s.undelivered(); n > 0 {
		return fmt.Sprintf("%d messages in queues", n)
	}
	for _, c := range s.windowsOf() {
		if c.connection == nil || c.opening || len(c.waiting) > 0 {
			return fmt.Sprintf("%s: connected %v, opening %v, %d questions", c.name, c.connection != nil, c.opening, len(c.waiting))
		}
		if !c.connection.arrives.Before(time.Now()) {
			return c.name + ": a frame on its way"
		}
		for name, topic := range c.topics {
			if n, ok := topic.(*notes); ok && (n.mine != nil && n.following || n.loading || n.checking) {
				return fmt.Sprintf("%s: %s in flight %v, loading %v, checking %v", c.name, name, n.mine != nil, n.loading, n.checking)
			}
			if followed, ok := topic.(*state); ok && followed.checking {
				return fmt.Sprintf("%s: %s checking", c.name, name)
			}
			if t, ok := topic.(*transcript); ok && t.checking {
				return fmt.Sprintf("%s: %s checking", c.name, name)
			}
		}
	}
	return ""
}

// behind counts the windows that follow notes and lack something, although all is
// quiet: the posts and the head of the newest change failed. The next change
// tells them.
func (s *simulation) behind(meetings []*meeting) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range meetings {
		for _, c := range s.windowsOf() {
			for _, one := range []*sequence{&c.notesOf(m).sequence, &c.transcriptOf(m).sequence} {
				if one.following && s.entitled(m, c.person) && one.position < int64(len(s.ledger.entries[one.name])) {
					n++
					s.noteLocked(c.name, "is behind at %d of %s", one.position, one.name)
				}
			}
		}
	}
	return n
}

// lastWords changes every text and every meeting once more, without faults.
func (s *simulation) lastWords(meetings []*meeting) {
	for _, m := range meetings {
		if m.over {
			continue
		}
		s.mu.Lock()
		version := len(s.ledger.entries["meetings/"+m.id+"/notes"])
		revision := len(s.ledger.states[m.id])
		s.mu.Unlock()
		r, _ := s.insist(fmt.Sprintf("last words %d", m.number), s.people[0], "POST /v1/meetings/"+m.id+"/notes/changes", map[string]any{
			"baseVersion": version, "clientId": "last", "clientSeq": 1,
			"ops": []map[string]any{{"type": "insert", "position": 0, "content": "The end. "}},
		}, "")
		if !r.ok() {
			s.t.Errorf("last words: %d %s", r.status, r.body)
		}
		r, _ = s.insist(fmt.Sprintf("last chunk %d", m.number), s.people[0], "POST /v1/meetings/"+m.id+"/transcript", map[string]any{
			"chunks": []map[string]any{{"text": "The end.", "confidence": 1, "startMs": 0, "endMs": 1, "isFinal": true}},
		}, "")
		if !r.ok() {
			s.t.Errorf("last chunk: %d %s", r.status, r.body)
		}
		r, _ = s.insist(fmt.Sprintf("last title %d", m.number), s.people[0], "PATCH /v1/meetings/"+m.id, map[string]any{
			"revision": revision, "title": "The end",
		}, "")
		if !r.ok() {
			s.t.Errorf("last title: %d %s", r.status, r.body)
		}
	}
}

func (s *simulation) result(meetings []*meeting) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := result{
		broken: s.broken, trace: s.trace, faults: s.faults.Snapshot(), took: s.ledger.now(), frames: len(s.deliveries), most: s.mostFrames,
		revocations: s.revocations,
	}
	for _, m := range meetings {
		r.commits += len(s.ledger.entries["meetings/"+m.id+"/notes"]) + len(s.ledger.entries["meetings/"+m.id+"/transcript"]) + len(s.ledger.states[m.id])
	}
	return r
}

// seeds are those to run.
func seeds(t *testing.T) (all []uint64, verbose bool) {
	t.Helper()
	if one := os.Getenv("SEED"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatalf("SEED is %q; want a whole number", one)
		}
		return []uint64{seed}, true
	}
	n := seedsByDefault
	if many := os.Getenv("SEEDS"); many != "" {
		var err error
		if n, err = strconv.Atoi(many); err != nil || n < 1 {
			t.Fatalf("SEEDS is %q; want how many", many)
		}
	}
	for seed := range n {
		all = append(all, uint64(seed)+1)
	}
	return all, false
}

// TestSimulation runs seeds and says which fail.
func TestSimulation(t *testing.T) {
	f := newFixture(t)
	list, verbose := seeds(t)
	total := result{faults: map[faults.Kind]int64{}}
	began := time.Now()
	for _, seed := range list {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			r := simulate(t, f, planOf(seed), mutant{})
			if verbose {
				t.Logf("plan %+v\n%s", planOf(seed), strings.Join(r.trace, "\n"))
			}
			for _, broken := range r.broken {
				t.Error(broken)
			}
			if t.Failed() {
				t.Errorf("again: SEED=%d go test -v ./infra/simulation -run TestSimulation", seed)
			}
			total.add(r)
		})
	}
	t.Logf("%d seeds in %.1f s, %v of virtual time: %d commits, %d frames, at most %d in %v, %d revocations, %d windows behind until the next change; faults %v",
		len(list), time.Since(began).Seconds(), total.took.Round(time.Second), total.commits, total.frames, total.most, capWindow,
		total.revocations, total.stale, total.faults)
}

func (r *result) add(other result) {
	r.took += other.took
	r.commits += other.commits
	r.frames += other.frames
	r.revocations += other.revocations
	r.stale += other.stale
	r.most = max(r.most, other.most)
	for kind, n := range other.faults {
		r.faults[kind] += n
	}
}
