// Command edit serves the WebSocket action edit.
package main

import (
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(notes.Open, notes.Edit) }
