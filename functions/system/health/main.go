// Command health serves GET /healthz.
package main

import (
	"github.com/rapport/rapport/functions/system"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(system.Open, system.Health) }
