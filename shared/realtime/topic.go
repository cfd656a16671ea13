package realtime

import (
	"strings"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/errs"
)

// Kind is what a topic is about.
type Kind string

// The kinds of topics that can be subscribed.
const (
	// State is a meeting as a whole.
	State Kind = "state"
	// Notes is the log of changes to a meeting's notes.
	Notes Kind = "notes"
	// Transcript is the log of what is said in a meeting.
	Transcript Kind = "transcript"
	// User is the log of what concerns one user alone.
	User Kind = "user"
	// Flags are the feature flags as a whole.
	Flags Kind = "flags"
)

// isState tells a topic that is sent whole, a later event replacing an earlier,
// from a log.
func (k Kind) isState() bool { return k == State || k == Flags }

// meetingKinds are the kinds that a meeting has, in the order in which they are
// revoked.
var meetingKinds = []Kind{Notes, Transcript, State}

// maxID bounds the id in a topic's name, in characters.
const maxID = 255

// Topic is something that a socket can subscribe.
type Topic struct {
	Kind Kind
	// MeetingID is set for what belongs to a meeting, UserID for a user's own.
	MeetingID, UserID string
}

// ParseTopic reads a topic's name as the contract has it; VALIDATION_ERROR for
// a kind that doesn't exist.
func ParseTopic(name string) (Topic, error) {
	steps := strings.Split(name, "/")
	id := len(steps) > 1 && steps[1] != "" && utf8.RuneCountInString(steps[1]) <= maxID && !strings.Contains(steps[1], "#")
	switch {
	case name == string(Flags):
		return Topic{Kind: Flags}, nil
	case id && len(steps) == 2 && steps[0] == "meetings":
		return Topic{Kind: State, MeetingID: steps[1]}, nil
	case id && len(steps) == 3 && steps[0] == "meetings" && (steps[2] == string(Notes) || steps[2] == string(Transcript)):
		return Topic{Kind: Kind(steps[2]), MeetingID: steps[1]}, nil
	case id && len(steps) == 2 && steps[0] == "users":
		return Topic{Kind: User, UserID: steps[1]}, nil
	}
	return Topic{}, errs.Invalid("body.topic", "is not a topic: use meetings/<id>, meetings/<id>/notes, meetings/<id>/transcript, users/<id> or flags")
}

// MeetingTopic is a meeting's topic of a kind.
func MeetingTopic(kind Kind, meetingID string) Topic { return Topic{Kind: kind, MeetingID: meetingID} }

// UserTopic is a user's own topic.
func UserTopic(userID string) Topic { return Topic{Kind: User, UserID: userID} }

// String is the topic's name.
func (t Topic) String() string {
	switch t.Kind {
	case Flags:
		return string(Flags)
	case User:
		return "users/" + t.UserID
	case State:
		return "meetings/" + t.MeetingID
	}
	return "meetings/" + t.MeetingID + "/" + string(t.Kind)
}
