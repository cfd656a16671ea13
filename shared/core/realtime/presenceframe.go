package realtime

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Present is a client that is there, as others see it.
type Present struct {
	UserID      string  `json:"userId"`
	ClientKey   string  `json:"clientKey"`
	DisplayName string  `json:"displayName"`
	Status      string  `json:"status"`
	Cursor      *Cursor `json:"cursor,omitzero"`
	// At is when the client said so. Frames of several senders have no order: of
	// what is said of one client, the latest counts.
	At time.Time `json:"at"`
}

// Departed is a client that has left; At is when its last heartbeat came.
type Departed struct {
	UserID    string    `json:"userId"`
	ClientKey string    `json:"clientKey"`
	At        time.Time `json:"at"`
}

func (p presenceItem) present() Present {
	return Present{
		UserID: p.UserID, ClientKey: p.ClientKey, DisplayName: p.DisplayName,
		Status: p.Status, Cursor: p.Cursor, At: time.UnixMilli(p.At).UTC(),
	}
}

func (p presenceItem) departed() Departed { return p.departedAt(p.At) }

// departedAt says that a client has left at a time, or right when it was last
// heard where another clock says that this was later.
func (p presenceItem) departedAt(ms int64) Departed {
	return Departed{UserID: p.UserID, ClientKey: p.ClientKey, At: time.UnixMilli(max(ms, p.At)).UTC()}
}

type presenceFrame struct {
	Type  string           `json:"type"`
	Topic string           `json:"topic"`
	Here  []jsontext.Value `json:"here"`
	Left  []jsontext.Value `json:"left"`
}

// presenceFrames packs who is there and who has left into as few frames as
// their size allows, at least one.
func presenceFrames(topic Topic, here []Present, left []Departed) ([][]byte, error) {
	empty := presenceFrame{Type: "presence", Topic: topic.String(), Here: []jsontext.Value{}, Left: []jsontext.Value{}}
	around, err := json.Marshal(empty)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	frame, size := empty, len(around)
	flush := func() error {
		packed, err := json.Marshal(frame)
		frames, frame, size = append(frames, packed), empty, len(around)
		return err
	}
	add := func(entry any, pack func(jsontext.Value)) error {
		one, err := json.Marshal(entry)
		if err != nil {
			return fmt.Errorf("encode presence: %w", err)
		}
		if size+len(one)+1 > maxFrame {
			if err := flush(); err != nil {
				return err
			}
		}
		pack(one)
		size += len(one) + 1
		return nil
	}
	for _, departed := range left {
		if err := add(departed, func(v jsontext.Value) { frame.Left = append(frame.Left, v) }); err != nil {
			return nil, err
		}
	}
	for _, present := range here {
		if err := add(present, func(v jsontext.Value) { frame.Here = append(frame.Here, v) }); err != nil {
			return nil, err
		}
	}
	err = flush()
	return frames, err
}
