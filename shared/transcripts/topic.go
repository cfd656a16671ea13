package transcripts

import (
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// TopicPattern is the pattern of the topics of transcripts.
const TopicPattern realtime.Pattern = "meetings/{id}/transcript"

// Topic is the topic that a meeting's transcript has; l is a log of Layout.
func Topic(l *log.Log) meetings.Topic {
	return meetings.Topic{TopicType: realtime.TopicType{Pattern: TopicPattern}, Log: l}
}
