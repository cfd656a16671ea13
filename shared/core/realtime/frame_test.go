package realtime

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// Every event is in exactly one frame, in order, and no frame breaks a limit.
func TestEventFrames(t *testing.T) {
	topic := Topic("meetings/01JABCDEF/notes")
	at := time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 40_000)), 0, 500).Draw(t, "sizes")
		var events []Event
		for i, size := range sizes {
			events = append(events, Event{
				Position: int64(i + 1), At: at, Data: jsontext.Value(`"` + strings.Repeat("x", size) + `"`),
			})
		}
		frames, err := eventFrames(topic, "2", events)
		if err != nil {
			t.Fatal(err)
		}
		next := int64(1)
		for _, raw := range frames {
			if len(raw) > maxFrame {
				t.Fatalf("a frame of %d bytes", len(raw))
			}
			var frame struct {
				Type, Topic string
				Events      []struct {
					Position int64
					Data     *string
					Omitted  bool
				}
			}
			if err := json.Unmarshal(raw, &frame); err != nil {
				t.Fatal(err)
			}
			if frame.Type != "event" || frame.Topic != topic.String() || len(frame.Events) == 0 || len(frame.Events) > maxEvents {
				t.Fatalf("type %q, topic %q, %d events", frame.Type, frame.Topic, len(frame.Events))
			}
			for _, event := range frame.Events {
				if event.Position != next {
					t.Fatalf("position %d, want %d", event.Position, next)
				}
				if event.Omitted == (event.Data != nil) {
					t.Fatalf("position %d: omitted %v, data %v", next, event.Omitted, event.Data != nil)
				}
				if event.Omitted && sizes[next-1] < maxFrame-200 {
					t.Fatalf("position %d of %d bytes was omitted", next, sizes[next-1])
				}
				next++
			}
		}
		if next != int64(len(sizes)+1) {
			t.Fatalf("%d of %d events are in frames", next-1, len(sizes))
		}
	})
}

// notesOf is a topic that is a log.
func notesOf(id string) Topic { return Pattern("meetings/{id}/notes").Topic(id) }

func TestRegistry(t *testing.T) {
	var types []Registration
	for _, pattern := range []Pattern{"meetings/{id}/notes", "meetings/{id}", "users/{id}", "flags"} {
		types = append(types, Registration{TopicType: TopicType{Pattern: pattern}})
	}
	registry, err := NewRegistry(types...)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"meetings/01J": true, "meetings/01J/notes": true, "users/u": true, "flags": true,
		"meetings/" + strings.Repeat("x", 255): true, "meetings/" + strings.Repeat("x", 256): false,
		"": false, "meetings": false, "meetings/": false, "meetings//notes": false, "meetings/01J/weather": false,
		"meetings/01J/notes/x": false, "users/": false, "users/u/x": false, "flags/x": false, "meetings/a#b": false,
	} {
		topic, registered, err := registry.find(name)
		if (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil && (topic.String() != name || registered.Pattern.Topic(topic.ID()) != topic) {
			t.Errorf("%q became %q of %q", name, topic, registered.Pattern)
		}
	}
	if _, err := NewRegistry(append(types, types[0])...); err == nil {
		t.Error("a pattern of two domains is taken")
	}
}

func TestRevokedSaysWhetherSubscribingAgainMakesSense(t *testing.T) {
	t.Parallel()
	for reason, want := range map[Reason]string{RoleChanged: "true", Removed: "false", MeetingEnded: "false", SessionEnded: "false"} {
		frame, err := revokedFrameOf("meetings/m1/notes", reason)
		if want := `{"type":"revoked","topic":"meetings/m1/notes","reason":"` + string(reason) + `","retryable":` + want + `}`; err != nil || string(frame) != want {
			t.Errorf("%s, %v; want %s", frame, err, want)
		}
	}
}
