package dispatch_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/dispatch"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/queue"
)

// unknownEffect is a kind of effect that no lane carries.
type unknownEffect struct{}

// When implements effect.Effect.
func (unknownEffect) When() effect.When { return effect.Beside }

// fakeSender is a queue that keeps what is sent, until it is full.
type fakeSender struct{ sent []queue.Outgoing }

var errFull = errors.New("full")

// Send implements queue.Sender.
func (b *fakeSender) Send(_ context.Context, messages ...queue.Outgoing) error {
	if len(b.sent) > 0 {
		return errFull
	}
	b.sent = append(b.sent, messages...)
	return nil
}

// The lanes of realtime and of the audit log are tried through
// functions, with the real ones behind.
func TestDispatch(t *testing.T) {
	t.Parallel()
	d, to := dispatch.New(nil, nil), &fakeSender{}
	message := queue.Outgoing{SourceID: "1", Body: "x"}
	if err := d.Dispatch(t.Context(), queue.Sending{To: to, Message: message}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]queue.Outgoing{message}, to.sent); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := d.Dispatch(t.Context(), queue.Sending{To: to, Message: message}); !errors.Is(err, errFull) {
		t.Errorf("a message that wasn't taken: %v", err)
	}
	if err := d.Dispatch(t.Context(), unknownEffect{}); err == nil {
		t.Error("nobody carries it, and nobody says so")
	}
}
