// Command tellpresence serves POST /v1/meetings/{meetingId}/presence.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.TellPresence) }
