// Command list serves GET /v1/meetings.
package main

import (
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(meetings.Open, meetings.List) }
