// Command history serves GET /v1/admin/flags/{key}/history.
package main

import (
	"github.com/rapport/rapport/functions/flags"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(flags.Open, flags.History) }
