package logtopic_test

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/table"
)

// What follows is all that a domain says of a log topic: the bell of a house, which
// those who live there hear, and anybody can ring, up to three times at once.

// ring is what stands at a position.
type ring struct {
	By   string `json:"by"`
	Note string `json:"note"`
}

var bells = logtopic.Kind[ring]{
	Pattern: "houses/{id}/bell",
	Layout:  log.ByClock(5*time.Minute, 24*time.Hour, 3),
	Decode: func(e log.Entry) (rings []ring, err error) {
		var notes []string
		err = json.Unmarshal([]byte(e.Data), &notes)
		for _, note := range notes {
			rings = append(rings, ring{By: e.Author, Note: note})
		}
		return rings, err
	},
	Refusals: logtopic.Refusals{
		Gone:      "Rings are kept from position %d on.",
		Closed:    "The bell is off.",
		Reused:    "This number was used for another ring.",
		Contended: "Many people ring. Please ring again.",
	},
}

// maxNote bounds a note, in bytes.
const maxNote = 20

// residents are admitted to hear the bell.
type residents []string

// Admit implements logtopic.Admission.
func (r residents) Admit(_ context.Context, c caller.Caller, _ realtime.Topic) (string, error) {
	for _, id := range r {
		if id == c.UserID {
			return "resident", nil
		}
	}
	return "", errs.New(errs.Forbidden, "You don't live here.")
}

// Holds implements logtopic.Admission.
func (residents) Holds(*table.Tx, realtime.Topic, string, string) {}

// press rings the bell of a house; a retry has the same number.
func (f *fixture) press(ctx context.Context, c caller.Caller, number int64, notes ...string) (logtopic.Appended[ring], effect.Effects, error) {
	data, err := json.Marshal(notes)
	if err != nil {
		return logtopic.Appended[ring]{}, nil, err
	}
	return f.bells.Append(ctx, f.topic, log.Append{
		Base: log.Tail, Since: f.since,
		Identity: log.Identity{Author: c.UserID, ClientID: "door", ClientSeq: number, Digest: string(data)},
		Prepare: func(log.Entry, []log.Entry) (log.Draft, error) {
			for _, note := range notes {
				if len(strings.TrimSpace(note)) > maxNote {
					return log.Draft{}, errs.New(errs.PayloadTooLarge, "A note may have at most %d bytes.", maxNote)
				}
			}
			return log.Draft{Data: string(data), Count: len(notes)}, nil
		},
	})
}
