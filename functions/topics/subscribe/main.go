// Command subscribe serves the WebSocket action subscribe.
package main

import (
	"github.com/rapport/rapport/functions/topics"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(topics.Open, topics.Subscribe) }
