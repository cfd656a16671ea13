package notes

import (
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// TopicPattern is the pattern of the topics of notes.
const TopicPattern realtime.Pattern = "meetings/{id}/notes"

// kind is what an entry of notes is: one change, at its version.
var kind = logtopic.Kind[Change]{
	Pattern: TopicPattern,
	Layout:  log.ByCount(perBucket),
	Decode: func(e log.Entry) ([]Change, error) {
		change, err := changeOf(e)
		return []Change{change}, err
	},
	Refusals: logtopic.Refusals{
		Gone:      "The history is kept from version %d on. Please read the notes again.",
		Closed:    "The meeting is over: its notes can be read, not changed.",
		Reused:    "This clientId and clientSeq were used for another change.",
		Contended: "Many people write at once. Please send the same change again.",
	},
}

// Layout is how notes lie in the log.
func Layout() log.Layout { return kind.Layout }

// Topic is the topic that a meeting's notes have; l is a log of Layout.
func Topic(l *log.Log) meetings.Topic {
	return meetings.Topic{TopicType: kind.Type(), Log: l}
}

func topicOf(meetingID string) realtime.Topic { return TopicPattern.Topic(meetingID) }
