// Package frames has the frames of the WebSocket contract as clients see them. Every
// client in Go shares it: that of the end-to-end tests and the load driver, testkit's
// and the simulation's. It repeats the names of fields on purpose, apart from the
// packages that send them, so that tests notice a name that changes there.
package frames

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/rapport/rapport/shared/core/errs"
)

// Frame is a frame that a client got; what its type doesn't have is zero.
type Frame struct {
	Type     string            `json:"type"`
	ID       string            `json:"id"`
	Topic    string            `json:"topic"`
	Position int64             `json:"position"`
	Hash     string            `json:"hash"`
	Version  int64             `json:"version"`
	Ops      json.RawMessage   `json:"ops"`
	Reason   string            `json:"reason"`
	Code     errs.Kind         `json:"code"`
	Detail   string            `json:"detail"`
	Errors   []errs.FieldError `json:"errors"`
	Oldest   *int64            `json:"oldest"`
	Epoch    string            `json:"epoch"`
	// Retryable is of error and revoked: whether trying again makes sense.
	Retryable bool      `json:"retryable"`
	Events    []Event   `json:"events"`
	Here      []Present `json:"here"`
	Left      []Present `json:"left"`
	Before    time.Time `json:"before"`
	// Message is API Gateway's own: its errors have no type.
	Message string `json:"message"`

	// Raw is the whole frame, and Received when it came, where the client says.
	Raw      json.RawMessage `json:"-"`
	Received time.Time       `json:"-"`
}

// Event is something at a position of a topic.
type Event struct {
	Position int64           `json:"position"`
	At       time.Time       `json:"at"`
	Data     json.RawMessage `json:"data"`
	Omitted  bool            `json:"omitted"`
}

// Present is somebody who is there in a topic, or was.
type Present struct {
	UserID      string `json:"userId"`
	ClientKey   string `json:"clientKey"`
	DisplayName string `json:"displayName"`
	Status      string `json:"status"`
}

// Decode reads a frame. It keeps raw.
func Decode(raw []byte) (Frame, error) {
	var f Frame
	if err := json.Unmarshal(raw, &f); err != nil {
		return Frame{}, fmt.Errorf("a frame that is not as expected: %w: %s", err, raw)
	}
	f.Raw = raw
	return f, nil
}

// Unasked reports whether a frame is of a type that is no answer, whatever its id.
func (f Frame) Unasked() bool {
	switch f.Type {
	case "event", "head", "revoked", "presence", "reconnect":
		return true
	}
	return false
}

// Again reports whether a frame says that what was sent may be sent again.
func (f Frame) Again() bool {
	return f.Type == "error" && f.Retryable
}

// Encode writes a frame of these fields under an id.
func Encode(id string, fields map[string]any) ([]byte, error) {
	sent := maps.Clone(fields)
	if sent == nil {
		sent = map[string]any{}
	}
	sent["id"] = id
	return json.Marshal(sent)
}
