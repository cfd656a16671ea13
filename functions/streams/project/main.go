// Command project serves the streams of the tables Data and Log.
package main

import (
	"github.com/rapport/rapport/functions/streams"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(streams.Open, streams.Project) }
