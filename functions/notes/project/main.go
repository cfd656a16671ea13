// Command project serves the stream of the table Log.
package main

import (
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/shared/endpoint"
)

func main() { endpoint.Serve(notes.Open, notes.Project) }
