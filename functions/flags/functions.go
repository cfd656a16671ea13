// Package flags declares the functions about flags: what is on, for whom.
package flags

import (
	"context"
	"net/http"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/flags"
)

type service = *flags.Service

// The functions.
var (
	Evaluate = endpoint.HTTP("GET /v1/flags", "Get what the flags that clients see are for me.",
		service.Evaluate, endpoint.Reads(endpoint.Data, endpoint.GetItem, endpoint.Query))
	List = endpoint.HTTP("GET /v1/admin/flags", "List all flags.",
		service.List, operators(), endpoint.Needs(flags.ActionList),
		endpoint.Reads(endpoint.Data, endpoint.Query))
	Create = endpoint.Mutation("POST /v1/admin/flags", "Create a flag.",
		service.Create, operators(), endpoint.Needs(flags.ActionCreate), endpoint.Answers(http.StatusCreated),
		endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Delivers())
	Get = endpoint.HTTP("GET /v1/admin/flags/{key}", "Get a flag.",
		service.Get, operators(), endpoint.Needs(flags.ActionGet))
	Update = endpoint.Mutation("PATCH /v1/admin/flags/{key}", "Change a flag; `kill` serves its default to everybody within two seconds.",
		service.Update, operators(), endpoint.Needs(flags.ActionUpdate),
		endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Delivers())
	Delete = endpoint.Mutation("DELETE /v1/admin/flags/{key}", "Delete a flag, or have a declared one as it is declared.",
		service.Delete, operators(), endpoint.Needs(flags.ActionDelete),
		endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Delivers())
	History = endpoint.HTTP("GET /v1/admin/flags/{key}/history", "List a flag's changes, newest first.",
		service.History, operators(), endpoint.Needs(flags.ActionHistory),
		endpoint.Reads(endpoint.Data, endpoint.Query))
)

func operators() endpoint.Option { return endpoint.For(endpoint.Admins) }

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("flags", Open, map[string]endpoint.Function[service]{
		"evaluate": Evaluate, "list": List, "create": Create, "get": Get, "update": Update, "delete": Delete, "history": History,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[service], error) {
	d := composition.New(env, overrides)
	return platform.App(d.Platform, d.Runtime(declaration), d.Flags())
}
