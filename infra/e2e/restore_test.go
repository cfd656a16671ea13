package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/shared/core/ot"
)

// says appends a word.
func says(word string) func(string) ot.Change {
	return func(text string) ot.Change {
		return ot.Change{{Type: ot.Insert, Position: utf8.RuneCountInString(text), Content: word}}
	}
}

// Everybody writes, a copy is made, everybody writes more and is acknowledged, and
// somebody goes on while the runner is down. Then the copy takes over in a new epoch.
// All come to one text, in which nothing of the lost history stands, and what wasn't
// committed is left beside it.
func TestClientsLeaveAHistoryThatARestoreEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := start(t, filepath.Join(t.TempDir(), "data"))
	w := newWriting(ctx, t, r)
	w.saying(ctx, "kept")
	r.kill()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(r.dataDir)); err != nil {
		t.Fatal(err)
	}
	r.run()
	w.saying(ctx, "lost")
	w.saying(ctx, "lost")
	r.kill()
	if err := w.notes[1].Edit(says("pending ")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.dataDir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(r.dataDir, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	r.env = append(r.env, "LOG_EPOCH=2")
	r.run()
	// Somebody who comes anew brings the history to where the others were, and beyond.
	late, err := w.clients[2].OpenNotes(ctx, w.meetingID, func(err error) { t.Errorf("refused: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	w.notes = append(w.notes, late)
	for i := range 3 * people {
		if err := late.Edit(says(fmt.Sprintf("new%d ", i))); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the change to be committed", func() bool { _, _, settled := late.State(); return settled })
	}
	w.converge(ctx)
	w.saying(ctx, "after")

	text, _, _ := late.State()
	if strings.Contains(text, "lost") || strings.Contains(text, "pending") || !strings.Contains(text, "kept0") || !strings.Contains(text, "after0") {
		t.Errorf("two histories in one text: %q", text)
	}
	left := w.notes[1].Left()
	if len(left) != 1 || !strings.HasSuffix(left[0].Text, "pending ") || left[0].Change.Inserted() != len("pending ") {
		t.Errorf("left beside the text: %+v", left)
	}
}

// saying has everybody add a word, and waits until all have all of them.
func (w *writing) saying(ctx context.Context, word string) {
	w.t.Helper()
	for i, notes := range w.notes {
		if err := notes.Edit(says(fmt.Sprintf("%s%d ", word, i))); err != nil {
			w.t.Fatal(err)
		}
	}
	w.converge(ctx)
}

// converge waits until everybody has the server's text, with nothing pending.
func (w *writing) converge(ctx context.Context) {
	w.t.Helper()
	var server struct {
		Version int64
		Content string
	}
	eventually(w.t, "everybody to have the server's text", func() bool {
		if err := w.clients[0].Do(ctx, "GET", "/v1/meetings/"+w.meetingID+"/notes", nil, &server); err != nil {
			w.t.Fatal(err)
		}
		return !slices.ContainsFunc(w.notes, func(n *client.Notes) bool {
			text, version, settled := n.State()
			return !settled || version != server.Version || text != server.Content
		})
	})
}
