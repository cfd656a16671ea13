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
func Open(ctx context.Context, env config.Env) (endpoint.App[Service], error) {
	p, err := platform.Open(ctx, env)
	if err != nil {
		return endpoint.App[Service]{}, err
	}
	return platform.App(p, Service{stage: p.Config.Stage}), nil
}
