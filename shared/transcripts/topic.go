package transcripts

import (
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/logtopic"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/meetings"
)

// TopicPattern is the pattern of the topics of transcripts.
const TopicPattern realtime.Pattern = "meetings/{id}/transcript"

// kind is what an entry of a transcript is: the chunks of a request, one at each
// position.
var kind = logtopic.Kind[Chunk]{
	Pattern: TopicPattern,
	Layout:  log.ByClock(bucket, Retention, MaxChunks),
	Decode:  chunksOf,
	Refusals: logtopic.Refusals{
		Gone:      "The transcript is kept from position %d on.",
		Closed:    "A transcript can be written while its meeting is active.",
		Reused:    "This Idempotency-Key was used with another body.",
		Contended: "Many people write at once. Please send the same chunks again.",
	},
}

// Layout is how transcripts lie in the log.
func Layout() log.Layout { return kind.Layout }

// Topic is the topic that a meeting's transcript has; l is a log of Layout.
func Topic(l *log.Log) meetings.Topic {
	return meetings.Topic{TopicType: kind.Type(), Log: l}
}

// Topics gives the topics of transcripts: an event for every chunk, at its position.
func (s *Service) Topics() *logtopic.Topics[Chunk] { return s.topics }

func topicOf(meetingID string) realtime.Topic { return TopicPattern.Topic(meetingID) }
