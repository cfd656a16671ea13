// Command invite serves POST /v1/meetings/{meetingId}/participants.
package main

import (
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(meetings.Open, meetings.Invite) }
