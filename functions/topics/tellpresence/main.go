// Command tellpresence serves POST /v1/meetings/{meetingId}/presence.
package main

import (
	"github.com/rapport/rapport/functions/topics"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(topics.Open, topics.TellPresence) }
