// Command propagate serves the stream of the table Data.
package main

import (
	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(meetings.Open, meetings.Propagate) }
