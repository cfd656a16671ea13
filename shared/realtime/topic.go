package realtime

import (
	"strings"

	"github.com/rapport/rapport/shared/errs"
)

// Kind is what a topic is about.
type Kind string

// The kinds of topics that can be subscribed.
const (
	// State is a meeting as a whole: a later event replaces an earlier.
	State Kind = "state"
	// Notes is the log of changes to a meeting's notes.
	Notes Kind = "notes"
)

// meetingKinds are the kinds that a meeting has, in the order in which they are
// revoked.
var meetingKinds = []Kind{Notes, State}

// maxTopic bounds a topic's name, in bytes.
const maxTopic = 300

// Topic is something that a socket can subscribe.
type Topic struct {
	Kind      Kind
	MeetingID string
}

// ParseTopic reads a topic's name as the contract has it; VALIDATION_ERROR for
// a kind that doesn't exist.
func ParseTopic(name string) (Topic, error) {
	steps := strings.Split(name, "/")
	valid := len(name) <= maxTopic && len(steps) >= 2 && steps[0] == "meetings" && steps[1] != "" && !strings.Contains(name, "#")
	switch {
	case valid && len(steps) == 2:
		return Topic{Kind: State, MeetingID: steps[1]}, nil
	case valid && len(steps) == 3 && steps[2] == string(Notes):
		return Topic{Kind: Notes, MeetingID: steps[1]}, nil
	}
	return Topic{}, errs.Invalid("body.topic", "is not a topic: use meetings/<id> or meetings/<id>/notes")
}

// MeetingTopic is a meeting's topic of a kind.
func MeetingTopic(kind Kind, meetingID string) Topic { return Topic{Kind: kind, MeetingID: meetingID} }

// String is the topic's name.
func (t Topic) String() string {
	if t.Kind == State {
		return "meetings/" + t.MeetingID
	}
	return "meetings/" + t.MeetingID + "/" + string(t.Kind)
}
