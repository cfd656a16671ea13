package transcripts

import (
	"maps"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/meetings"
)

// The actions of this domain.
const (
	ActionRead  caller.Action = "transcripts.read"
	ActionWrite caller.Action = "transcripts.write"
	// ActionNameSpeakers is writing of a chunk that somebody else speaks: a part of
	// writing the transcript, and not a call of its own.
	ActionNameSpeakers caller.Action = "transcripts.nameSpeakers"
)

// permissions is who may do what with a meeting's transcript.
var permissions = meetings.PermissionTable{
	ActionRead:         meetings.Observer,
	ActionWrite:        meetings.Member,
	ActionNameSpeakers: meetings.CoHost,
}

// Permissions gives a copy of the table, for documents and for the test of all
// roles against all actions.
func Permissions() meetings.PermissionTable { return maps.Clone(permissions) }
