package realtime

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rapport/rapport/shared/core/epoch"
)

const (
	// maxFrame is API Gateway's limit for one WebSocket frame, in bytes.
	maxFrame = 32 << 10
	// maxEvents is the most events in one frame.
	maxEvents = 200
)

// Event is something that stands at a position of a topic.
type Event struct {
	Position int64          `json:"position"`
	At       time.Time      `json:"at"`
	Data     jsontext.Value `json:"data,omitzero"`
	// Omitted is true where Data is too large for a frame: the client reads it
	// over HTTP.
	Omitted bool `json:"omitted,omitzero"`
}

// Reason says why a stream ended.
type Reason string

// The reasons.
const (
	Removed      Reason = "removed"
	RoleChanged  Reason = "role_changed"
	MeetingEnded Reason = "meeting_ended"
	SessionEnded Reason = "session_ended"
)

// retryable are the reasons after which subscribing again makes sense: the new role
// may allow it.
func (r Reason) retryable() bool { return r == RoleChanged }

type eventFrame struct {
	Type   string           `json:"type"`
	Topic  string           `json:"topic"`
	Epoch  epoch.Epoch      `json:"epoch,omitzero"`
	Events []jsontext.Value `json:"events"`
}

type headFrame struct {
	Type     string      `json:"type"`
	Topic    string      `json:"topic"`
	Epoch    epoch.Epoch `json:"epoch,omitzero"`
	Position int64       `json:"position"`
	Hash     string      `json:"hash,omitzero"`
}

type revokedFrame struct {
	Type      string `json:"type"`
	Topic     string `json:"topic"`
	Reason    Reason `json:"reason"`
	Retryable bool   `json:"retryable"`
}

// revokedFrameOf is the frame that ends a socket's subscription.
func revokedFrameOf(topic Topic, reason Reason) ([]byte, error) {
	return json.Marshal(revokedFrame{Type: "revoked", Topic: topic.String(), Reason: reason, Retryable: reason.retryable()})
}

// eventFrames packs events of an epoch into as few frames as their limits allow.
func eventFrames(topic Topic, in epoch.Epoch, events []Event) ([][]byte, error) {
	name := topic.String()
	var frames [][]byte
	var packed []jsontext.Value
	size := 0
	// What a frame has around its events.
	budget := maxFrame - len(`{"type":"event","topic":"","epoch":"","events":[]}`) - len(name) - len(in)
	flush := func() error {
		if len(packed) == 0 {
			return nil
		}
		frame, err := json.Marshal(eventFrame{Type: "event", Topic: name, Epoch: in, Events: packed})
		frames, packed, size = append(frames, frame), nil, 0
		return err
	}
	for _, event := range events {
		one, err := json.Marshal(event)
		if err == nil && len(one) > budget {
			one, err = json.Marshal(Event{Position: event.Position, At: event.At, Omitted: true})
		}
		if err != nil {
			return nil, fmt.Errorf("encode event %d of %s: %w", event.Position, name, err)
		}
		if size+len(one)+1 > budget || len(packed) == maxEvents {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		packed, size = append(packed, one), size+len(one)+1
	}
	err := flush()
	return frames, err
}
