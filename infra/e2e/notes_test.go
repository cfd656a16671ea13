package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

var seed = flag.Uint64("seed", 0, "seed of the random edits and cuts; 0 takes a new one")

const (
	people = 5
	edits  = 120
)

// random prints its seed, so that a failure can be repeated.
func random(t testing.TB) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("seed %d (repeat with -seed %d)", s, s)
	return rand.New(rand.NewPCG(s, 1))
}

// People write at once while their sockets are cut.
func TestPeopleWriteTogether(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := start(t, ":memory:")
	w := newWriting(ctx, t, r)
	w.write(ctx, random(t))
	w.check(ctx)
}

// The same with kill -9 of the whole runner in the middle, and a restart on the
// same data.
func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := start(t, t.TempDir())
	w := newWriting(ctx, t, r)
	rng := random(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.write(ctx, rng)
	}()
	eventually(t, "a third of the edits to be committed", func() bool {
		_, version, _ := w.notes[0].State()
		return version > 20
	})
	r.kill()
	r.run()
	<-done
	w.check(ctx)
}

// writing is people in one meeting with their sessions.
type writing struct {
	t         *testing.T
	clients   []*client.Client
	notes     []*client.Notes
	meetingID string
}

func newWriting(ctx context.Context, t *testing.T, r *suite) *writing {
	t.Helper()
	w := &writing{t: t}
	for i := range people {
		w.clients = append(w.clients, signIn(ctx, t, r, "writer"+strconv.Itoa(i)))
	}
	w.meetingID = meeting(ctx, t, w.clients[0], w.clients[1:]...)
	for _, c := range w.clients {
		notes, err := c.OpenNotes(ctx, w.meetingID, func(err error) { t.Errorf("refused: %v", err) })
		if err != nil {
			t.Fatal(err)
		}
		w.notes = append(w.notes, notes)
	}
	return w
}

// write lets everybody make their edits at once, and cuts sockets at random.
func (w *writing) write(ctx context.Context, rng *rand.Rand) {
	var group sync.WaitGroup
	for i, notes := range w.notes {
		own := rand.New(rand.NewPCG(rng.Uint64(), uint64(i)))
		group.Go(func() {
			for n := range edits {
				if err := notes.Edit(func(text string) ot.Change { return edit(own, text, i, n) }); err != nil {
					w.t.Errorf("edit: %v", err)
					return
				}
				if own.IntN(40) == 0 {
					notes.Cut()
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Duration(own.IntN(60)) * time.Millisecond):
				}
			}
		})
	}
	group.Wait()
}

// edit inserts something recognisable or deletes a little, anywhere.
func edit(rng *rand.Rand, text string, who, n int) ot.Change {
	length := utf8.RuneCountInString(text)
	if length > 20 && rng.IntN(3) == 0 {
		at := rng.IntN(length - 5)
		return ot.Change{{Type: ot.Delete, Position: at, Length: 1 + rng.IntN(5)}}
	}
	word := fmt.Sprintf("%c%d😀 ", 'a'+who, n)
	return ot.Change{{Type: ot.Insert, Position: rng.IntN(length + 1), Content: word}}
}

// check holds that everybody, the server and a replay of the history have the
// same text, and that every acknowledged change is there exactly once.
func (w *writing) check(ctx context.Context) {
	w.t.Helper()
	var text struct {
		Version int64  `json:"version"`
		Content string `json:"content"`
		Hash    string `json:"hash"`
	}
	eventually(w.t, "everybody to settle at the server's version", func() bool {
		if err := w.clients[0].Do(ctx, http.MethodGet, "/v1/meetings/"+w.meetingID+"/notes", nil, &text); err != nil {
			w.t.Fatal(err)
		}
		for _, notes := range w.notes {
			if _, version, settled := notes.State(); !settled || version != text.Version {
				return false
			}
		}
		return true
	})
	for i, notes := range w.notes {
		if got, _, _ := notes.State(); got != text.Content {
			w.t.Errorf("writer %d has another text than the server", i)
		}
	}
	sum := sha256.Sum256([]byte(text.Content))
	if text.Hash != hex.EncodeToString(sum[:]) {
		w.t.Error("the hash is not the content's")
	}
	w.checkHistory(ctx, text.Version, text.Content)
	w.t.Cleanup(func() {
		for i, notes := range w.notes {
			version, _ := notes.Hashed()
			w.t.Logf("session %d has the hash of version %d", i, version)
		}
	})
	eventually(w.t, "the snapshot's hash to come with a head", func() bool {
		version, hash := w.notes[0].Hashed()
		return version == text.Version && hash == text.Hash
	})
}

func (w *writing) checkHistory(ctx context.Context, version int64, content string) {
	w.t.Helper()
	type identity struct {
		client string
		seq    int64
	}
	seen := map[identity]int64{}
	replayed := ""
	path := "/v1/meetings/" + w.meetingID + "/notes/changes?limit=200"
	for cursor, last := "", int64(0); ; {
		var page struct {
			Items      []client.Change `json:"items"`
			NextCursor *string         `json:"nextCursor"`
		}
		if err := w.clients[1].Do(ctx, http.MethodGet, path+cursor, nil, &page); err != nil {
			w.t.Fatal(err)
		}
		for _, change := range page.Items {
			if last++; change.Version != last {
				w.t.Fatalf("version %d follows %d", change.Version, last-1)
			}
			id := identity{change.ClientID, change.ClientSeq}
			if before, twice := seen[id]; twice {
				w.t.Errorf("change %v stands at %d and at %d", id, before, change.Version)
			}
			seen[id] = change.Version
			var err error
			if replayed, err = ot.Apply(replayed, change.Ops); err != nil {
				w.t.Fatalf("replay %d: %v", change.Version, err)
			}
		}
		if page.NextCursor == nil {
			if last != version {
				w.t.Errorf("the history ends at %d, the text is of %d", last, version)
			}
			break
		}
		cursor = "&cursor=" + *page.NextCursor
	}
	if replayed != content {
		w.t.Error("a replay of the history has another text than the server")
	}
	acknowledged := 0
	for _, notes := range w.notes {
		clientID, versions := notes.Acked()
		for seq, version := range versions {
			acknowledged++
			if seen[identity{clientID, seq}] != version {
				w.t.Errorf("acknowledged change %d of %s at %d: the history has %d", seq, clientID, version, seen[identity{clientID, seq}])
			}
		}
	}
	w.t.Logf("%d versions, %d acknowledged changes (composed from %d edits)", version, acknowledged, people*edits)
}

// Five frames of one client are handled at once, in any order.
func TestFramesInAnyOrder(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := start(t, ":memory:")
	ada := signIn(ctx, t, r, "ada")
	id := meeting(ctx, t, ada)
	socket, err := ada.Open(ctx, func(client.Frame) {})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Cut()
	var group sync.WaitGroup
	var mu sync.Mutex
	versions := map[int64]bool{}
	for _, seq := range rand.Perm(5) {
		group.Go(func() {
			answer, err := socket.Ask(ctx, map[string]any{
				"action": "edit", "meetingId": id, "baseVersion": 0, "clientId": "c", "clientSeq": seq + 1,
				"ops": ot.Change{{Type: ot.Insert, Position: 0, Content: strconv.Itoa(seq)}},
			})
			if err != nil {
				t.Errorf("frame %d: %v", seq, err)
			}
			mu.Lock()
			defer mu.Unlock()
			versions[answer.Version] = true
		})
	}
	group.Wait()
	for version := int64(1); version <= 5; version++ {
		if !versions[version] {
			t.Errorf("no frame got version %d", version)
		}
	}
	var text struct{ Content string }
	if err := ada.Do(ctx, http.MethodGet, "/v1/meetings/"+id+"/notes", nil, &text); err != nil {
		t.Fatal(err)
	}
	if len(text.Content) != 5 {
		t.Errorf("the text is %q; want the five digits once each", text.Content)
	}
}
