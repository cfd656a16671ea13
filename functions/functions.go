// Package functions lists every function of Rapport, for the local runner and
// the checks.
package functions

import (
	"slices"

	"github.com/rapport/rapport/functions/flags"
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/functions/people"
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/functions/streams"
	"github.com/rapport/rapport/functions/system"
	"github.com/rapport/rapport/functions/topics"
	"github.com/rapport/rapport/functions/transcripts"
	"github.com/rapport/rapport/functions/users"
	"github.com/rapport/rapport/shared/core/endpoint"
)

// All gives every function in order of domain and name.
func All() []endpoint.FunctionSpec {
	return slices.Concat(
		flags.Functions(),
		meetings.Functions(),
		notes.Functions(),
		people.Functions(),
		realtime.Functions(),
		streams.Functions(),
		system.Functions(),
		topics.Functions(),
		transcripts.Functions(),
		users.Functions(),
	)
}
