// Command unsubscribe serves the WebSocket action unsubscribe.
package main

import (
	"github.com/rapport/rapport/functions/topics"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(topics.Open, topics.Unsubscribe) }
