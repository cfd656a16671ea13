// Command unknown serves the WebSocket route $default.
package main

import (
	"github.com/rapport/rapport/functions/realtime"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(realtime.Open, realtime.Unknown) }
