package transcripts_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rapport/rapport/shared/transcripts"
)

func TestAppendAndList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.append(t, f.cohost, body(
		said("Shall we begin?", object{"isFinal": false, "utteranceId": "u-1", "language": "en-GB"}),
		said("Yes 👋", object{"speakerId": f.member.ID, "confidence": 1, "startMs": 200, "endMs": 200}),
		said("Well", object{"speakerId": []any(nil)}),
	))
	if diff := cmp.Diff(transcripts.Appended{FirstPosition: 1, LastPosition: 3, Epoch: "1"}, got, cmpopts.IgnoreUnexported(got)); diff != "" {
		t.Error(diff)
	}
	if got := f.append(t, f.host, body(said("So.", object{"speakerId": f.host.ID}))); got.FirstPosition != 4 || got.LastPosition != 4 {
		t.Errorf("appended at %+v, want 4", got)
	}
	want := []transcripts.Chunk{
		{Position: 1, SpeakerID: &f.cohost.ID, AuthorID: f.cohost.ID, Words: transcripts.Words{
			Text: "Shall we begin?", Confidence: 0.5, StartMs: 100, EndMs: 200, UtteranceID: "u-1", Language: "en-GB"}},
		{Position: 2, SpeakerID: &f.member.ID, AuthorID: f.cohost.ID, Words: transcripts.Words{
			Text: "Yes 👋", Confidence: 1, StartMs: 200, EndMs: 200, IsFinal: true}},
		{Position: 3, SpeakerID: nil, AuthorID: f.cohost.ID, Words: transcripts.Words{
			Text: "Well", Confidence: 0.5, StartMs: 100, EndMs: 200, IsFinal: true}},
		{Position: 4, SpeakerID: &f.host.ID, AuthorID: f.host.ID, Words: transcripts.Words{
			Text: "So.", Confidence: 0.5, StartMs: 100, EndMs: 200, IsFinal: true}},
	}
	all := f.all(t)
	if diff := cmp.Diff(want, all, cmpopts.IgnoreFields(transcripts.Chunk{}, "CreatedAt")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, chunk := range all {
		if chunk.CreatedAt.IsZero() {
			t.Errorf("nobody knows when %d was appended", chunk.Position)
		}
	}
}

// What follows the transcript live is told the same as who reads it.
func TestLive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	socket := f.subscribe(t, f.observer)
	f.append(t, f.member, numbered("first", 3))
	events := socket.Events(t, f.topic)
	if len(events) != 3 {
		t.Fatalf("%d events, want 3", len(events))
	}
	all := f.all(t)
	for i, event := range events {
		var chunk transcripts.Chunk
		if err := json.Unmarshal(event.Data, &chunk); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all[i], chunk); diff != "" || event.Position != all[i].Position || !event.At.Equal(all[i].CreatedAt) {
			t.Errorf("event %d (-listed +posted):\n%s", event.Position, diff)
		}
	}
}
