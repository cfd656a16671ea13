// Command start serves POST /v1/meetings/{meetingId}/start.
package main

import (
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(meetings.Open, meetings.Start) }
