package notes

import (
	"maps"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/meetings"
)

// The actions of this domain.
const (
	ActionRead  caller.Action = "notes.read"
	ActionWrite caller.Action = "notes.write"
)

// permissions is who may do what with a meeting's notes.
var permissions = meetings.PermissionTable{
	ActionRead:  meetings.Observer,
	ActionWrite: meetings.Member,
}

// Permissions gives a copy of the table, for documents and for the test of all
// roles against all actions.
func Permissions() meetings.PermissionTable { return maps.Clone(permissions) }
