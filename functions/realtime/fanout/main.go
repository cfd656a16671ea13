// Command fanout serves the streams of the tables Data and Log.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.Fanout) }
