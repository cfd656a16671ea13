package meetings

import (
	"strings"

	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Data.
//
//	what         PK                   SK                    GSI1PK                 GSI1SK
//	meeting      MEETING#<meetingId>  MEETING
//	participant  MEETING#<meetingId>  PARTICIPANT#<userId>  USERMEETINGS#<userId>  <meetingId>
//
//	read                      by
//	one meeting and one role  every call about a meeting: two keys in one batch
//	participants in order     PK = meeting, SK begins with PARTICIPANT#
//	a user's meetings         GSI1, newest first (meeting ids sort by time); removed participants leave it

const (
	meetingPrefix     = "MEETING#"
	meetingSort       = "MEETING"
	participantPrefix = "PARTICIPANT#"
	userPrefix        = "USERMEETINGS#"

	// maxID is the longest id in bytes that fits into a sort key, of at most 1,024.
	maxID = 1024 - len(participantPrefix)
)

func meetingPartition(meetingID string) string { return meetingPrefix + meetingID }

func meetingKey(meetingID string) table.Key {
	return table.Key{PK: meetingPartition(meetingID), SK: meetingSort}
}

func participantKey(meetingID, userID string) table.Key {
	return table.Key{PK: meetingPartition(meetingID), SK: participantPrefix + userID}
}

func userIndex(userID, meetingID string) table.Key {
	return table.Key{PK: userPrefix + userID, SK: meetingID}
}

// MeetingOf is the meeting that a record of the table's stream is about.
func MeetingOf(r table.Record) (meetingID string, ok bool) {
	return strings.CutPrefix(r.Key.PK, meetingPrefix)
}

// ParticipantOf is the participant that a record is about, if it is about one.
func ParticipantOf(r table.Record) (userID string, ok bool) {
	return strings.CutPrefix(r.Key.SK, participantPrefix)
}
