// Command listmessages serves GET /v1/connections/{connectionId}/messages.
package main

import (
	"github.com/rapport/rapport/functions/people"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(people.Open, people.ListMessages) }
