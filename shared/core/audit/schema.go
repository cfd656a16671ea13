package audit

import (
	"strings"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/table"
)

// Keys and access patterns, in the table Audit.
//
//	what   PK                        SK            read by
//	entry  AUDIT#<kind>/<id>         <ulid>        whoever looks into one resource, in order of time
//
// The partition is the resource's first two steps, so that all that happened to
// a meeting lies together.

func (l *Log) key(e Entry) table.Key {
	steps := strings.SplitN(e.Resource, "/", 3)
	return table.Key{PK: "AUDIT#" + strings.Join(steps[:min(2, len(steps))], "/"), SK: clock.NewID(l.clock)}
}
