// Command report serves POST /v1/users/{userId}/report.
package main

import (
	"github.com/rapport/rapport/functions/people"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(people.Open, people.Report) }
