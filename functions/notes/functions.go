// Package notes declares the functions about the text that a meeting writes.
package notes

import (
	"context"

	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/config"
	"github.com/rapport/rapport/shared/endpoint"
	"github.com/rapport/rapport/shared/log"
	domain "github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/notes"
	"github.com/rapport/rapport/shared/platform"
)

type service = *notes.Service

// maxChange bounds a change as it is sent, in bytes: the body over HTTP, the ops
// of a frame.
const maxChange = 16 << 10

// The functions.
var (
	Get = endpoint.HTTP("GET /v1/meetings/{meetingId}/notes", "Read the notes.",
		service.Get, endpoint.Needs(domain.ActionReadNotes))
	Append = endpoint.HTTP("POST /v1/meetings/{meetingId}/notes/changes", "Change the notes; a retry of the same change gets the first answer.",
		service.Append, endpoint.Needs(domain.ActionWriteNotes), endpoint.Fails("HISTORY_GONE"),
		endpoint.MaxBody(maxChange))
	Changes = endpoint.HTTP("GET /v1/meetings/{meetingId}/notes/changes", "List committed changes after a version.",
		service.Changes, endpoint.Needs(domain.ActionReadNotes), endpoint.Fails("HISTORY_GONE"))
	Edit = endpoint.Socket("edit", "Change the notes over a socket.", "ack",
		service.Edit, endpoint.Needs(domain.ActionWriteNotes), endpoint.MaxField("ops", maxChange))
	// Project does no harm when it sees a record twice: a snapshot is only
	// replaced by one of a later version.
	Project = endpoint.Stream("Log", "stream: materialise the texts that changed; a retry writes the same snapshot.",
		service.Project)
)

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("notes", Open, map[string]endpoint.Function[service]{
		"get": Get, "append": Append, "changes": Changes, "edit": Edit, "project": Project,
	})
}

// Open builds the service.
func Open(ctx context.Context, env config.Env) (endpoint.App[service], error) {
	p, err := platform.Open(ctx, env)
	if err != nil {
		return endpoint.App[service]{}, err
	}
	return platform.App(p, New(p, meetings.New(p))), nil
}

// New composes the service on an open platform.
func New(p *platform.Platform, m *domain.Service) *notes.Service {
	return notes.New(p.LogTable, log.New(p.LogTable, p.Clock, notes.Layout()), m, p.Streams, p.Clock)
}
