// Package users declares the functions about people.
package users

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/users"
)

// Service is people, and what the identity provider says of them.
type Service struct {
	*users.Service
	*identity.Provider
	signatures *workos.Signatures
}

// Config is what these functions have beside the platform's environment.
type Config struct {
	// WebhookSecret is what WorkOS signs its webhooks with; without it none is
	// taken.
	WebhookSecret string `env:"WORKOS_WEBHOOK_SECRET"`
}

// The functions.
var (
	Get    = endpoint.HTTP("GET /v1/me", "Who I am.", Service.Me, endpoint.Needs(users.ActionGet), endpoint.Serves("signin"))
	Update = endpoint.Mutation("PATCH /v1/me", "Change what I am called.", Service.Update, endpoint.Needs(users.ActionUpdate),
		endpoint.Writes(endpoint.Data, endpoint.UpdateItem))
	// Webhook may get an event again, and must where it failed: ending a session
	// twice does what is left of it.
	Webhook = endpoint.Webhook("POST /v1/webhooks/workos", "webhook: what WorkOS says of people and sessions; session.revoked ends one at once, and a retry ends what is left.",
		Service.signed, Service.Receive, endpoint.Serves("signin"),
		endpoint.Reads(endpoint.Data, endpoint.BatchGetItem), endpoint.Writes(endpoint.Control, endpoint.PutItem),
		endpoint.Reads(endpoint.Realtime, endpoint.GetItem), endpoint.Delivers(), endpoint.Closes(), endpoint.Audits())
)

// signed tells whether a webhook is WorkOS's own.
func (s Service) signed(header func(name string) string, body []byte) error {
	return s.signatures.Check(header(workos.SignatureHeader), body)
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("users", Open, map[string]endpoint.Function[Service]{
		"get": Get, "update": Update, "webhook": Webhook,
	})
}

// Open builds the service.
func Open(ctx context.Context, env config.Env) (endpoint.App[Service], error) {
	p, err := platform.Open(ctx, env)
	if err != nil {
		return endpoint.App[Service]{}, err
	}
	own, err := config.Parse[Config](env)
	if err != nil {
		return endpoint.App[Service]{}, fmt.Errorf("open: %w", err)
	}
	return platform.App(p, Service{
		Service: p.Users, Provider: identity.NewProvider(p.Config.Issuers.Primary(), p.Users, p.Sessions, p.Publisher, p.Audit),
		signatures: workos.NewSignatures(own.WebhookSecret, p.Clock),
	}), nil
}
