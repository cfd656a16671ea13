package realtime_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rapport/rapport/shared/platform"
	"github.com/rapport/rapport/shared/table"
)

// between runs something once, right after a function's first transaction.
type between struct {
	behind aws.HTTPClient
	once   sync.Once
	then   func()
}

func (b *between) Do(r *http.Request) (*http.Response, error) {
	response, err := b.behind.Do(r)
	if err == nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
		b.once.Do(b.then)
	}
	return response, err
}

// A subscription that ends before the answer to its subscribe: the client is told
// so after the answer too, or it would believe that it follows the topic.
func TestEndsThatOvertakeTheAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request string
		body    any
		reason  string
	}{
		{"removed", "DELETE {meeting}/participants/{ben}", nil, "removed"},
		{"another role", "PATCH {meeting}/participants/{ben}", map[string]any{"role": "observer"}, "role_changed"},
		{"ended", "POST {meeting}/end", nil, "meeting_ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			r.ada.Call(t, "POST "+r.path+"/start", nil).Want(t, 200)
			socket := r.ben.Connect(t)
			request := strings.NewReplacer("{meeting}", r.path, "{ben}", r.ben.ID).Replace(tt.request)
			overtaking := &between{behind: table.NewHTTP(), then: func() { r.ada.Call(t, request, tt.body) }}
			ctx := platform.WithOutside(t.Context(), platform.Outside{Tables: overtaking})
			socket.SendIn(ctx, t, map[string]any{"action": "subscribe", "id": "s", "topic": r.notes})
			var told []string
			for _, frame := range socket.Frames(t) {
				if frame.Topic == r.notes {
					told = append(told, strings.TrimSpace(frame.Type+" "+frame.Reason))
				}
			}
			want := "revoked " + tt.reason + ", subscribed, revoked " + tt.reason
			if got := strings.Join(told, ", "); got != want {
				t.Errorf("told %s, want %s", got, want)
			}
		})
	}
}

// A socket that can't be told so after the answer is closed: its client comes back
// and hears what holds.
func TestEndsThatOvertakeTheAnswerOfAnUnreachable(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	socket := r.ben.Connect(t)
	overtaking := &between{behind: table.NewHTTP(), then: func() {
		r.ada.Call(t, "PATCH "+r.path+"/participants/"+r.ben.ID, map[string]any{"role": "observer"}).Want(t, 200)
		socket.Fail()
	}}
	ctx := platform.WithOutside(t.Context(), platform.Outside{Tables: overtaking})
	socket.SendIn(ctx, t, map[string]any{"action": "subscribe", "id": "s", "topic": r.notes})
	if socket.Open() {
		t.Error("the socket is open")
	}
}

// Who follows from now on, with nothing to replay, isn't told of any end.
func TestNothingOvertakesAnAnswer(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	socket := r.ben.Connect(t)
	subscribe(t, socket, r.notes)
	for _, frame := range socket.Frames(t) {
		if frame.Type == "revoked" {
			t.Errorf("told %s", frame.Raw)
		}
	}
}
