// Command remove serves DELETE /v1/meetings/{meetingId}/participants/{userId}.
package main

import (
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(meetings.Open, meetings.Remove) }
