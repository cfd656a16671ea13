package testkit_test

import (
	"testing"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

func TestHarness(t *testing.T) {
	h := testkit.New(t, functions.All())
	ada, ben := h.User("ada"), h.User("ben")
	meeting := testkit.As[struct{ MeetingID string }](t, ada.Call(t, "POST /v1/meetings", map[string]any{
		"title": "Plan", "participants": []any{map[string]any{"userId": ben.ID, "role": "participant"}},
	}))
	path := "/v1/meetings/" + meeting.MeetingID
	ben.Call(t, "GET "+path, nil).Expect(t, 200)
	h.Unknown("eve").Call(t, "GET "+path, nil).Refused(t, errs.Unauthorized)
	h.Nobody().Call(t, "GET "+path, nil).Refused(t, errs.Unauthorized)
	h.ChangesNothing(t, func() {
		ben.Call(t, "POST "+path+"/start", nil).Refused(t, errs.Forbidden)
		ben.Call(t, "GET /v1/nowhere", nil).Refused(t, errs.NotFound)
	})

	topic := "meetings/" + meeting.MeetingID + "/notes"
	socket := ben.Connect(t)
	if got := socket.Ask(t, map[string]any{"action": "subscribe", "id": "1", "topic": topic}); got.Type != "subscribed" {
		t.Fatalf("got %s", got.Raw)
	}
	ada.Call(t, "POST "+path+"/notes/changes", map[string]any{
		"baseVersion": 0, "clientId": "c", "clientSeq": 1,
		"ops": []any{map[string]any{"type": "insert", "position": 0, "content": "hello"}},
	}).Expect(t, 200)
	if got := socket.Events(t, topic); len(got) != 1 || got[0].Position != 1 {
		t.Errorf("ben got %v", socket.Frames(t))
	}
	for _, table := range []string{"Data", "Log"} {
		if got := h.Stream(t, table, "streams/fanout"); got.Records == 0 || len(got.Failed) > 0 {
			t.Errorf("stream of %s: %+v", table, got)
		}
		if got := h.Stream(t, table, "streams/fanout"); got.Records != 0 {
			t.Errorf("stream of %s, again: %+v", table, got)
		}
	}
	socket.Close(t)
}

func BenchmarkCall(b *testing.B) {
	h := testkit.New(b, functions.All())
	ada := h.User("ada")
	for b.Loop() {
		ada.Call(b, "GET /v1/me", nil).Expect(b, 200)
	}
}
