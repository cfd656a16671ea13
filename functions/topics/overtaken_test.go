package topics_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table"
)

// between runs something once, right before or right after a function's first
// transaction.
type between struct {
	behind endpoint.HTTPClient
	before sync.Once
	first  func()
	after  sync.Once
	then   func()
}

func (b *between) Do(r *http.Request) (*http.Response, error) {
	transaction := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems")
	if transaction && b.first != nil {
		b.before.Do(b.first)
	}
	response, err := b.behind.Do(r)
	if err == nil && transaction && b.then != nil {
		b.after.Do(b.then)
	}
	return response, err
}

// A subscription that ends before the answer to its subscribe: the client is told
// so after the answer too, or it would believe that it follows the topic.
func TestRevocationBeforeTheAnswer(t *testing.T) {
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
			f := newFixture(t)
			f.ada.Call(t, "POST "+f.path+"/start", nil).Expect(t, 200)
			socket := f.ben.Connect(t)
			request := strings.NewReplacer("{meeting}", f.path, "{ben}", f.ben.ID).Replace(tt.request)
			overtaking := &between{behind: table.NewHTTP(), then: func() { f.ada.Call(t, request, tt.body) }}
			socket.SendWith(t, endpoint.Overrides{Tables: overtaking}, map[string]any{"action": "subscribe", "id": "s", "topic": f.notes})
			var received []string
			for _, frame := range socket.Frames(t) {
				if frame.Topic == f.notes {
					received = append(received, strings.TrimSpace(frame.Type+" "+frame.Reason))
				}
			}
			want := "revoked " + tt.reason + ", subscribed, revoked " + tt.reason
			if got := strings.Join(received, ", "); got != want {
				t.Errorf("told %s, want %s", got, want)
			}
		})
	}
}

// What happens to a caller between being let in and being written down: another
// role is no reason to be refused, a removal is.
func TestRevocationBeforeTheWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request string
		body    any
		code    string
	}{
		{"another role", "PATCH {meeting}/participants/{ben}", map[string]any{"role": "observer"}, ""},
		{"removed", "DELETE {meeting}/participants/{ben}", nil, "FORBIDDEN"},
	}
	frames := []struct {
		action string
		fields func(f *fixture) map[string]any
	}{
		{"subscribe", func(f *fixture) map[string]any { return map[string]any{"topic": f.notes} }},
		{"presence", func(f *fixture) map[string]any {
			return map[string]any{"topic": strings.TrimSuffix(f.notes, "/notes"), "clientId": "c-ben-0001", "status": "active", "seq": 1}
		}},
	}
	for _, frame := range frames {
		for _, tt := range tests {
			t.Run(frame.action+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				socket := f.ben.Connect(t)
				request := strings.NewReplacer("{meeting}", f.path, "{ben}", f.ben.ID).Replace(tt.request)
				overtaking := &between{behind: table.NewHTTP(), first: func() { f.ada.Call(t, request, tt.body) }}
				fields := frame.fields(f)
				fields["action"], fields["id"] = frame.action, "f"
				socket.SendWith(t, endpoint.Overrides{Tables: overtaking}, fields)
				code := "no answer"
				for _, answer := range socket.Frames(t) {
					if answer.ID == "f" {
						code = string(answer.Code)
					}
				}
				if code != tt.code {
					t.Errorf("answered with code %q, want %q", code, tt.code)
				}
			})
		}
	}
}

// A socket that can't be reached after the answer is closed: its client comes back
// and gets what holds.
func TestRevocationBeforeTheAnswerOfAnUnreachableSocket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.ben.Connect(t)
	overtaking := &between{behind: table.NewHTTP(), then: func() {
		f.ada.Call(t, "PATCH "+f.path+"/participants/"+f.ben.ID, map[string]any{"role": "observer"}).Expect(t, 200)
		socket.Fail()
	}}
	socket.SendWith(t, endpoint.Overrides{Tables: overtaking}, map[string]any{"action": "subscribe", "id": "s", "topic": f.notes})
	if socket.Open() {
		t.Error("the socket is open")
	}
}

// Who follows from now on, with nothing to replay, isn't told of any end.
func TestNothingOvertakesAnAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.ben.Connect(t)
	subscribe(t, socket, f.notes)
	for _, frame := range socket.Frames(t) {
		if frame.Type == "revoked" {
			t.Errorf("told %s", frame.Raw)
		}
	}
}
