package journey

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rapport/rapport/infra/client"
)

func TestAwait(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.add(client.Frame{Type: "event", Topic: "meetings/1/notes", Events: []client.Event{{Position: 1}, {Position: 2}}})
	time.AfterFunc(time.Millisecond, func() {
		r.add(client.Frame{Type: "revoked", Topic: "meetings/1/notes", Reason: "removed"})
	})
	for what, want := range map[string]func(client.Frame) bool{
		"what came before": event("meetings/1/notes", 2), "what comes later": Revoked("meetings/1/notes", "removed"),
	} {
		if _, err := r.await(t.Context(), what, want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := r.await(ended, "another end", Revoked("meetings/1/notes", "meeting_ended"))
	if err == nil || !strings.Contains(err.Error(), "revoked meetings/1/notes removed") {
		t.Errorf("what never comes: %v, want an error that names what came", err)
	}
}
