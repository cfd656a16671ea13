package notes_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/ot"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/notes"
)

var seed = flag.Uint64("seed", 0, "seed of the random edits; 0 takes a new one")

// editor is somebody who writes: a text as they have seen it last.
type editor struct {
	w       *fixture
	who     caller.Caller
	client  string
	random  *rand.Rand
	version int64
	text    []rune
	// acknowledged are the versions that this one's changes got, by number.
	acknowledged []int64
}

// edit sends a random change to the text as it was seen last, which may be old,
// until it is committed; sometimes twice.
func (e *editor) edit() error {
	in := notes.Intent{BaseVersion: e.version, ClientID: e.client, ClientSeq: int64(len(e.acknowledged)) + 1, Ops: e.ops()}
	for sent := 0; ; sent++ {
		committed, _, err := e.w.Append(e.w.t.Context(), e.who, nil, notes.AppendRequest{MeetingID: e.w.meeting, Intent: in})
		if errs.Is(err, errs.RateLimited) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s-%d: %w", in.ClientID, in.ClientSeq, err)
		}
		if n := len(e.acknowledged); int64(n) < in.ClientSeq {
			e.acknowledged = append(e.acknowledged, committed.Version)
		} else if e.acknowledged[n-1] != committed.Version {
			return fmt.Errorf("%s-%d was committed as %d and as %d", in.ClientID, in.ClientSeq, e.acknowledged[n-1], committed.Version)
		}
		if e.random.IntN(4) > 0 {
			return nil
		}
	}
}

// ops are up to three ops in order, in a text that may have any characters.
func (e *editor) ops() ot.Change {
	var ops ot.Change
	at := 0
	for range 1 + e.random.IntN(3) {
		at += e.random.IntN(len(e.text) - at + 1)
		if n := min(1+e.random.IntN(6), len(e.text)-at); n > 0 && e.random.IntN(5) < 2 {
			ops = append(ops, del(at, n))
			at += n
			continue
		}
		ops = append(ops, insert(at, []string{"a", "é ", "日本", "👍", "line\n"}[e.random.IntN(5)]))
	}
	return ops
}

// look reads on, in pages, as a client that was away does.
func (e *editor) look() error {
	limit := 1 + e.random.IntN(40)
	page, err := e.w.Changes(e.w.t.Context(), e.who, notes.ChangesRequest{MeetingID: e.w.meeting, From: e.version, Limit: &limit})
	if err != nil {
		return err
	}
	for _, change := range page.Items {
		if change.Version != e.version+1 {
			return fmt.Errorf("version %d follows %d", change.Version, e.version)
		}
		text, err := ot.Apply(string(e.text), change.Ops)
		if err != nil {
			return fmt.Errorf("version %d: %w", change.Version, err)
		}
		e.text, e.version = []rune(text), change.Version
	}
	return nil
}

// Many people write at once, from texts that they have seen at different times,
// while snapshots are made: all come to one text, which is that of the history,
// of the snapshot and of the answer; what was acknowledged is there once.
func TestPeopleWriteTogether(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("seed %d (repeat with -seed %d)", s, s)
	const people, edits = 6, 40
	f := newFixture(t, clock.System{})
	var writing, reading errgroup.Group
	editors := make([]*editor, people)
	for i := range editors {
		e := &editor{w: f, who: []caller.Caller{f.host, f.member}[i%2], client: fmt.Sprint("c-", i), random: rand.New(rand.NewPCG(s, uint64(i)))}
		editors[i] = e
		writing.Go(func() error {
			for range edits {
				if err := e.edit(); err != nil {
					return err
				}
				if e.random.IntN(2) == 0 {
					if err := e.look(); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	done := make(chan struct{})
	for range 2 {
		projector := f.beside(f.tables, clock.NewManual(noon)) // which doesn't wait
		reading.Go(func() error {
			for {
				select {
				case <-done:
					return nil
				default:
				}
				newest, _, err := projector.log.Newest(t.Context(), f.topic)
				if err != nil {
					return err
				}
				for _, err := range projector.Project(t.Context(), []table.Record{f.entryRecord(max(newest, 1))}) {
					return err
				}
			}
		})
	}
	err := writing.Wait()
	close(done)
	if reading := reading.Wait(); err != nil || reading != nil {
		t.Fatal(err, reading)
	}
	f.mustProject(f.entryRecord(f.newest()))

	text := f.text()
	history := f.history(0)
	if text.Version != people*edits || len(history) != people*edits {
		t.Errorf("%d versions, %d in the history, want %d", text.Version, len(history), people*edits)
	}
	f.wantText(text.Version, text.Content)
	if p := f.pointer(); p.Position != text.Version || p.Hash != text.Hash || text.Hash != hashOf(text.Content) || p.Length != len([]rune(text.Content)) {
		t.Errorf("the snapshot is %+v, the text at %d", p, text.Version)
	}
	for _, e := range editors {
		for e.version < text.Version {
			if err := e.look(); err != nil {
				t.Fatal(err)
			}
		}
		if string(e.text) != text.Content {
			t.Errorf("%s sees %q, want %q", e.client, clip(string(e.text)), clip(text.Content))
		}
		var versions []int64
		for _, change := range history {
			if change.ClientID == e.client {
				versions = append(versions, change.Version)
			}
		}
		if !slices.Equal(versions, e.acknowledged) {
			t.Errorf("%s has %v, acknowledged were %v", e.client, versions, e.acknowledged)
		}
	}
	// Every entry says how long the text is after it.
	length := 0
	page, err := f.log.Read(t.Context(), f.topic, 0, log.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range page.Entries {
		if length += history[i].Ops.Growth(); entry.Length != length {
			t.Fatalf("entry %d says %d, want %d", entry.Position, entry.Length, length)
		}
	}
}
