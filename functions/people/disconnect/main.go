// Command disconnect serves DELETE /v1/connections/{connectionId}.
package main

import (
	"github.com/rapport/rapport/functions/people"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(people.Open, people.Disconnect) }
