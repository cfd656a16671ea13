// Command update serves PATCH /v1/meetings/{meetingId}.
package main

import (
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(meetings.Open, meetings.Update) }
