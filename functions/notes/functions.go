// Package notes declares the functions about the text that a meeting writes.
package notes

import (
	"context"
	"time"

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
		service.Get, endpoint.Needs(notes.ActionRead),
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.BatchGetItem, endpoint.Query), endpoint.Audits())
	Append = endpoint.Mutation("POST /v1/meetings/{meetingId}/notes/changes", "Change the notes; a retry of the same change gets the first answer.",
		service.Append, endpoint.Needs(notes.ActionWrite), endpoint.Fails("HISTORY_GONE"),
		endpoint.MaxBody(maxChange), endpoint.Memory(512), endpoint.Serves("edit"), writes(), endpoint.Audits())
	Changes = endpoint.HTTP("GET /v1/meetings/{meetingId}/notes/changes", "List committed changes after a version.",
		service.Changes, endpoint.Needs(notes.ActionRead), endpoint.Fails("HISTORY_GONE"),
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.Query), endpoint.Audits())
	Edit = endpoint.Socket("edit", "Change the notes over a socket.", "ack",
		service.Edit, endpoint.Needs(notes.ActionWrite), endpoint.MaxField("ops", maxChange), endpoint.Confirms(),
		endpoint.Serves("edit"), endpoint.Reads(endpoint.Data, endpoint.BatchGetItem), writes(), endpoint.Audits())
	// Trim may run twice for one time, and makes up for runs that never were.
	Trim = endpoint.Schedule("rate(1 hour)", "schedule: trim the history of texts at rest and sweep the chunks that no snapshot names; a missed run is made up by the next, a doubled one finds nothing to do.",
		service.Trim, endpoint.Timeout(5*time.Minute),
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.BatchGetItem, endpoint.Query),
		endpoint.Writes(endpoint.Log, endpoint.PutItem, endpoint.BatchWriteItem, endpoint.UpdateItem, endpoint.DeleteItem))
)

// writes is what an append takes: to read on from the log's base, to put the entry,
// and to tell those who follow.
func writes() endpoint.Option {
	return func(d *endpoint.Declaration) {
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.Query)(d)
		endpoint.Writes(endpoint.Log, endpoint.PutItem)(d)
		endpoint.Delivers()(d)
	}
}

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
