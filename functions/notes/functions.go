// Package notes declares the functions about the text that a meeting writes.
package notes

import (
	"context"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/notes"
)

type service = *notes.Service

// maxChange bounds a change as it is sent, in bytes: the body over HTTP, the ops
// of a frame.
const maxChange = 16 << 10

// The functions.
var (
	Get = endpoint.HTTP("GET /v1/meetings/{meetingId}/notes", "Read the notes.",
		service.Get, endpoint.Needs(notes.ActionRead))
	Append = endpoint.HTTP("POST /v1/meetings/{meetingId}/notes/changes", "Change the notes; a retry of the same change gets the first answer.",
		service.Append, endpoint.Needs(notes.ActionWrite), endpoint.Fails("HISTORY_GONE"),
		endpoint.MaxBody(maxChange))
	Changes = endpoint.HTTP("GET /v1/meetings/{meetingId}/notes/changes", "List committed changes after a version.",
		service.Changes, endpoint.Needs(notes.ActionRead), endpoint.Fails("HISTORY_GONE"))
	Edit = endpoint.Socket("edit", "Change the notes over a socket.", "ack",
		service.Edit, endpoint.Needs(notes.ActionWrite), endpoint.MaxField("ops", maxChange))
	// Trim may run twice for one time, and makes up for runs that never were.
	Trim = endpoint.Schedule("rate(1 hour)", "schedule: trim the history of texts at rest and sweep the chunks that no snapshot names; a missed run is made up by the next, a doubled one finds nothing to do.",
		service.Trim)
)

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("notes", Open, map[string]endpoint.Function[service]{
		"get": Get, "append": Append, "changes": Changes, "edit": Edit, "trim": Trim,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[service], error) {
	d := composition.New(env, overrides)
	return platform.App(d.Platform, d.Runtime(declaration), d.Notes())
}
