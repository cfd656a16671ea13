package notes_test

import (
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/metrics"
	"github.com/rapport/rapport/shared/testkit"
)

type object = map[string]any

// tray keeps what calls counted, by name.
type tray map[string]float64

func (m tray) Collect(groups []metrics.Group) {
	for _, g := range groups {
		for _, s := range g.Series {
			for _, v := range s.Values {
				m[s.Name] += v
			}
		}
	}
}

func edit(meeting string, seq int) object {
	return object{
		"action": "edit", "id": "e", "meetingId": meeting, "baseVersion": seq - 1, "clientId": "c", "clientSeq": seq,
		"ops": []any{object{"type": "insert", "position": 0, "content": "x"}},
	}
}

// An instance that has met a socket reads beside the rest whether it still stands:
// four calls of tables for an edit. Nothing is committed for a socket whose session
// has ended, nor for one that has closed.
func TestEditOfASocketThatIsKnown(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *testkit.Person, *testkit.Socket){
		"its session ends": func(t *testing.T, ada *testkit.Person, _ *testkit.Socket) { ada.Revoke(t).Expect(t, 200) },
		"it closes":        func(t *testing.T, _ *testkit.Person, s *testkit.Socket) { s.Close(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testkit.New(t, functions.All())
			ada, ben := w.User("ada"), w.User("ben")
			created := ben.Call(t, "POST /v1/meetings", object{
				"title": "x", "participants": []object{{"userId": ada.ID, "role": "participant"}},
			}).Expect(t, 201)
			meeting := testkit.As[struct {
				MeetingID string `json:"meetingId"`
			}](t, created).MeetingID
			s := ada.Connect(t)
			// The first one of a text asks for its snapshot, too.
			for seq, want := range []float64{6, 4} {
				calls := tray{}
				s.SendIn(metrics.WithSink(t.Context(), calls), t, edit(meeting, seq+1))
				if got := calls["TableCalls"]; got != want {
					t.Errorf("edit %d made %v calls of tables, want %v", seq+1, got, want)
				}
			}
			end(t, ada, s)
			refused := tray{}
			s.SendIn(metrics.WithSink(t.Context(), refused), t, edit(meeting, 3))
			text := testkit.As[struct {
				Version int `json:"version"`
			}](t, ben.Call(t, "GET /v1/meetings/"+meeting+"/notes", nil).Expect(t, 200))
			if text.Version != 2 || refused["Refusals"] != 1 {
				t.Errorf("the text is at version %d, want 2; %v refusals, want one %s", text.Version, refused["Refusals"], errs.Unauthorized)
			}
		})
	}
}
