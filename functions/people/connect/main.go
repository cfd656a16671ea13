// Command connect serves POST /v1/connections.
package main

import (
	"github.com/rapport/rapport/functions/people"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(people.Open, people.Connect) }
