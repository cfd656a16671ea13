// Command unsubscribe serves the WebSocket action unsubscribe.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.Unsubscribe) }
