// Command append serves POST /v1/meetings/{meetingId}/notes/changes.
package main

import (
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(notes.Open, notes.Append) }
