// Package system declares the functions that belong to no domain.
package system

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
)

// Service answers without any table.
type Service struct{ stage string }

// Healthy says that functions start and answer.
type Healthy struct {
	Status string `json:"status" enum:"ok"`
	Stage  string `json:"stage"`
}

// The functions.
var (
	Health = endpoint.HTTP("GET /healthz", "Whether functions start and answer.",
		Service.Health, endpoint.For(endpoint.Public))
	NotFound = endpoint.NoRoute[Service]("Answer paths and methods that don't exist.")
)

// Health answers that the function runs.
func (s Service) Health(context.Context, caller.Caller, struct{}) (Healthy, error) {
	return Healthy{Status: "ok", Stage: s.stage}, nil
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("system", Open, map[string]endpoint.Function[Service]{
		"health": Health, "notfound": NotFound,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[Service], error) {
	p := platform.New(env, overrides)
	return platform.App(p, p.Runtime(declaration), Service{stage: p.Stage})
}
