// Command get serves GET /v1/meetings/{meetingId}/notes.
package main

import (
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(notes.Open, notes.Get) }
