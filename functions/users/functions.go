// Package users declares the functions about people.
package users

import (
	"context"

	"github.com/rapport/rapport/shared/config"
	"github.com/rapport/rapport/shared/endpoint"
	"github.com/rapport/rapport/shared/platform"
	"github.com/rapport/rapport/shared/users"
)

// The functions.
var (
	Get    = endpoint.HTTP("GET /v1/me", "Who I am.", (*users.Service).Get, endpoint.Needs(users.ActionGet))
	Update = endpoint.HTTP("PATCH /v1/me", "Change what I am called.", (*users.Service).Update, endpoint.Needs(users.ActionUpdate))
)

// Functions lists them under their folders.
func Functions() []endpoint.Unit {
	return endpoint.Domain("users", Open, map[string]endpoint.Function[*users.Service]{
		"get": Get, "update": Update,
	})
}

// Open builds the service.
func Open(ctx context.Context, env config.Env) (endpoint.App[*users.Service], error) {
	p, err := platform.Open(ctx, env)
	if err != nil {
		return endpoint.App[*users.Service]{}, err
	}
	return platform.App(p, p.Users), nil
}
