package meetings

import (
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
)

// StateTopic is the pattern of the topics of meetings as a whole.
const StateTopic realtime.Pattern = "meetings/{id}"

// Topic is a topic that every meeting has. The domain that owns it declares it,
// and composition gives all to New, in the order in which their subscriptions end.
type Topic struct {
	realtime.TopicType
	// Log is closed at the meeting's end, so that it takes no more; nil where the
	// topic has no log.
	Log *log.Log
}

// OwnTopic is the topic of the meeting itself: its subscriptions go on after the end.
func OwnTopic() Topic {
	return Topic{TopicType: realtime.TopicType{Pattern: StateTopic, State: true, Outlasts: true}}
}

// topicsOf are a meeting's topics.
func (s *Service) topicsOf(meetingID string) []realtime.Topic {
	topics := make([]realtime.Topic, len(s.topics))
	for i, t := range s.topics {
		topics[i] = t.Pattern.Topic(meetingID)
	}
	return topics
}
