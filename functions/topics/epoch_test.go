package topics_test

import (
	"net/url"
	"testing"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/testkit"
)

// epochFixture is a room whose notes have three versions, of which a restore leaves two
// and others then make the third.
type epochFixture struct {
	*fixture
	notesPath, transcriptPath string
	// cursor leads on in the notes, behind their first version.
	cursor string
}

// restoredRoom gives a room in which an earlier state has taken over, in an epoch
// of its own unless that is empty.
func restoredRoom(t *testing.T, epoch string) *epochFixture {
	t.Helper()
	h := &epochFixture{fixture: newFixture(t)}
	h.notesPath, h.transcriptPath = h.path+"/notes/changes", h.path+"/transcript"
	h.ada.Call(t, "POST "+h.path+"/start", nil).Expect(t, 200)
	h.write(t)
	h.write(t)
	h.append(t)
	h.cursor = testkit.As[struct{ NextCursor string }](t, h.ada.Call(t, "GET "+h.notesPath+"?limit=1", nil)).NextCursor
	earlier := h.Backup(t)
	h.write(t)
	h.append(t)
	h.Restore(t, earlier, epoch)
	h.write(t)
	h.append(t)
	return h
}

func (h *epochFixture) append(t *testing.T) {
	t.Helper()
	h.ada.Call(t, "POST "+h.transcriptPath, object{"chunks": []any{object{
		"text": "so", "confidence": 1, "startMs": 0, "endMs": 1, "isFinal": true,
	}}}).Expect(t, 200)
}

func (h *epochFixture) edit(base int, epoch string) object {
	h.seq++
	return object{
		"baseVersion": base, "epoch": epoch, "clientId": "ada-1", "clientSeq": h.seq,
		"ops": []any{object{"type": "insert", "position": 0, "content": "x"}},
	}
}

// gone fails the test unless a refusal leads into the present epoch.
func gone(t *testing.T, a testkit.Answer, epoch string) {
	t.Helper()
	if p := a.Refused(t, errs.HistoryGone); p.Epoch != epoch || p.Oldest == nil || *p.Retryable {
		t.Errorf("%s: %s", a.Request, a.Body)
	}
}

func TestPositionsOfAnotherEpochAreRefused(t *testing.T) {
	t.Parallel()
	h := restoredRoom(t, "2")
	socket := h.ada.Connect(t)

	h.ChangesNothing(t, func() {
		gone(t, h.ada.Call(t, "POST "+h.notesPath, h.edit(3, "1")), "2")
		// Beyond what is there, too: a client that only knew the other history isn't wrong.
		gone(t, h.ada.Call(t, "POST "+h.notesPath, h.edit(9, "1")), "2")
		gone(t, h.ada.Call(t, "GET "+h.notesPath+"?from=3&epoch=1", nil), "2")
		gone(t, h.ada.Call(t, "GET "+h.transcriptPath+"?from=1&epoch=1", nil), "2")
		gone(t, h.ada.Call(t, "GET "+h.notesPath+"?cursor="+url.QueryEscape(h.cursor), nil), "2")
		for _, frame := range []object{
			{"action": "subscribe", "id": "1", "topic": h.notes, "from": 3, "epoch": "1"},
			{"action": "subscribe", "id": "2", "topic": h.state(), "from": 1, "epoch": "1"},
			merged(object{"action": "edit", "id": "3", "meetingId": h.id}, h.edit(3, "1")),
		} {
			if got := socket.Ask(t, frame); got.Code != errs.HistoryGone || got.Epoch != "2" || got.Oldest == nil || got.Retryable {
				t.Errorf("%v: %s", frame, got.Raw)
			}
		}
	})
	revised := object{"revision": 2, "title": "Other"}
	h.ada.Call(t, "PATCH "+h.path, merged(object{"epoch": "1"}, revised)).Refused(t, errs.Conflict)
	h.ada.Call(t, "PATCH "+h.path, merged(object{"epoch": "2"}, revised)).Expect(t, 200)
}

func TestAnswersAndFramesSayTheEpoch(t *testing.T) {
	t.Parallel()
	h := restoredRoom(t, "2")
	for _, path := range []string{
		h.path, h.path + "/participants", h.path + "/notes", h.notesPath, h.transcriptPath, "/v1/flags",
	} {
		if got := testkit.As[object](t, h.ada.Call(t, "GET "+path, nil)); got["epoch"] != "2" {
			t.Errorf("%s says epoch %v", path, got["epoch"])
		}
	}
	if got := testkit.As[object](t, h.ada.Call(t, "POST "+h.notesPath, h.edit(3, "2"))); got["epoch"] != "2" {
		t.Errorf("a change is committed in epoch %v", got["epoch"])
	}
	socket := h.ben.Connect(t)
	for _, topic := range []string{h.notes, h.state()} {
		frame := object{"action": "subscribe", "id": topic, "topic": topic}
		if topic == h.notes {
			frame = merged(frame, object{"from": 3, "epoch": "2"})
		}
		if got := socket.Ask(t, frame); got.Type != "subscribed" || got.Epoch != "2" {
			t.Errorf("%s: %s", topic, got.Raw)
		}
	}
	if got := socket.Ask(t, merged(object{"action": "edit", "id": "e", "meetingId": h.id}, h.edit(4, "2"))); got.Type != "ack" || got.Epoch != "2" {
		t.Errorf("an edit: %s", got.Raw)
	}
	h.stream(t, "Data", "streams/fanout") // heads of notes wait for a snapshot
	types := map[string]int{}
	for _, frame := range socket.Frames(t) {
		if frame.Type == "event" || frame.Type == "head" {
			types[frame.Type]++
			if frame.Epoch != "2" {
				t.Errorf("a frame of epoch %q: %s", frame.Epoch, frame.Raw)
			}
		}
	}
	if types["event"] < 3 || types["head"] < 1 {
		t.Errorf("there were %v", types)
	}
}

// Without a name of its own, or from clients that know no epochs, a history that was
// restored is taken for the one before: what the other tests refuse passes.
func TestWithoutAnEpochARestoreGoesUnnoticed(t *testing.T) {
	t.Parallel()
	for _, epoch := range []string{"", "2"} {
		h := restoredRoom(t, epoch)
		edit := h.edit(3, "1")
		if epoch != "" {
			delete(edit, "epoch")
		}
		h.ada.Call(t, "POST "+h.notesPath, edit).Expect(t, 200)
		h.ada.Call(t, "GET "+h.notesPath+"?from=3", nil).Expect(t, 200)
		subscribe(t, h.ada.Connect(t), h.notes, 3)
	}
}

func merged(all ...object) object {
	one := object{}
	for _, each := range all {
		for name, value := range each {
			one[name] = value
		}
	}
	return one
}
