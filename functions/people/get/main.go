// Command get serves GET /v1/users/{userId}.
package main

import (
	"github.com/rapport/rapport/functions/people"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(people.Open, people.Get) }
