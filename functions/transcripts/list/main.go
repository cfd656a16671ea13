// Command list serves GET /v1/meetings/{meetingId}/transcript.
package main

import (
	"github.com/rapport/rapport/functions/transcripts"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(transcripts.Open, transcripts.List) }
