// Command presence serves the WebSocket action presence.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.Presence) }
