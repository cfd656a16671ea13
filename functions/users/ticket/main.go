// Command ticket serves POST /v1/realtime/tickets.
package main

import (
	"github.com/rapport/rapport/functions/users"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(users.Open, users.Ticket) }
