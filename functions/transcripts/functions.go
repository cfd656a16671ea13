// Package transcripts declares the functions about what is said in a meeting.
package transcripts

import (
	"context"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/transcripts"
)

type service = *transcripts.Service

// The functions.
var (
	Append = endpoint.Mutation("POST /v1/meetings/{meetingId}/transcript", "Add what was said to the transcript, while the meeting is active.",
		service.Append, endpoint.Needs(transcripts.ActionWrite), endpoint.Fails("MEETING_NOT_ACTIVE"),
		endpoint.Memory(512), endpoint.Serves("transcript"),
		endpoint.Reads(endpoint.Data, endpoint.GetItem, endpoint.Query), endpoint.Reads(endpoint.Log, endpoint.Query),
		endpoint.Writes(endpoint.Log, endpoint.PutItem), endpoint.Delivers(), endpoint.Audits())
	List = endpoint.HTTP("GET /v1/meetings/{meetingId}/transcript", "List the transcript's chunks after a position.",
		service.List, endpoint.Needs(transcripts.ActionRead), endpoint.Fails("HISTORY_GONE"),
		endpoint.Reads(endpoint.Log, endpoint.Query), endpoint.Audits())
)

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("transcripts", Open, map[string]endpoint.Function[service]{
		"append": Append, "list": List,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[service], error) {
	d := composition.New(env, overrides)
	return platform.App(d.Platform, d.Runtime(declaration), d.Transcripts())
}
