package notes

import (
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// TopicPattern is the pattern of the topics of notes.
const TopicPattern realtime.Pattern = "meetings/{id}/notes"

// Topic is the topic that a meeting's notes have; l is a log of Layout.
func Topic(l *log.Log) meetings.Topic {
	return meetings.Topic{TopicType: realtime.TopicType{Pattern: TopicPattern}, Log: l}
}
