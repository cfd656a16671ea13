// Command get serves GET /v1/me.
package main

import (
	"github.com/rapport/rapport/functions/users"
	"github.com/rapport/rapport/shared/core/endpoint"
)

func main() { endpoint.Serve(users.Open, users.Get) }
