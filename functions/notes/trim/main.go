// Command trim runs on the schedule rate(1 hour).
package main

import (
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(notes.Open, notes.Trim) }
