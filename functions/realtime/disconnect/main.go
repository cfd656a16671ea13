// Command disconnect serves the WebSocket route $disconnect.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.Disconnect) }
