// Command subscribe serves the WebSocket action subscribe.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.Subscribe) }
