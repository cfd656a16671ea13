// Package users declares the functions about people: who they are, the tickets with
// which they open sockets, and what the identity provider says of them.
package users

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/platform/authentication"
	"github.com/rapport/rapport/shared/core/platform/secrets"
	"github.com/rapport/rapport/shared/core/platform/sockets"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/users"
)

// Service is people, and what the identity provider says of them.
type Service struct {
	*users.Service
	*identity.Provider
	signatures *workos.Signatures
	sockets    *realtime.Service
}

// webhookConfig is the environment of the function that takes webhooks.
type webhookConfig struct {
	Issuers identity.Issuers `env:"ISSUERS,required"`
}

// webhookSecret is the variable that names the secret which WorkOS signs its webhooks
// with.
const webhookSecret = "WORKOS_WEBHOOK_SECRET_ID"

// The functions.
var (
	Ticket = endpoint.HTTP("POST /v1/realtime/tickets", "Get a ticket that opens one socket within 30 seconds.",
		Service.ticket, endpoint.Needs(realtime.ActionTicket), endpoint.Memory(512), endpoint.Serves("join"),
		endpoint.Reads(endpoint.Realtime, endpoint.GetItem),
		// A person's sockets that are gone make place for another.
		endpoint.Writes(endpoint.Realtime, endpoint.UpdateItem, endpoint.DeleteItem), endpoint.LooksUp())
	Get    = endpoint.HTTP("GET /v1/me", "Who I am.", Service.Me, endpoint.Needs(users.ActionGet), endpoint.Serves("signin"))
	Update = endpoint.Mutation("PATCH /v1/me", "Change what I am called.", Service.Update, endpoint.Needs(users.ActionUpdate),
		endpoint.Writes(endpoint.Data, endpoint.UpdateItem))
	// Webhook may get an event again, and must where it failed: ending a session
	// twice does what is left of it.
	Webhook = endpoint.Webhook("POST /v1/webhooks/workos", "webhook: what WorkOS says of people and sessions; session.revoked ends one at once, and a retry ends what is left.",
		Service.signed, Service.Receive, endpoint.Serves("signin"), endpoint.Asks(endpoint.Secret("WorkosWebhookSecret", webhookSecret)),
		endpoint.Reads(endpoint.Data, endpoint.BatchGetItem), endpoint.Writes(endpoint.Control, endpoint.PutItem),
		endpoint.Reads(endpoint.Realtime, endpoint.GetItem), endpoint.Delivers(), endpoint.Closes(), endpoint.Audits())
)

// ticket issues a ticket for a socket.
func (s Service) ticket(ctx context.Context, c caller.Caller, in struct{}) (realtime.Ticket, error) {
	return s.sockets.IssueTicket(ctx, c, in)
}

// signed reports whether a webhook is WorkOS's own.
func (s Service) signed(ctx context.Context, header func(name string) string, body []byte) error {
	return s.signatures.Check(ctx, header(workos.SignatureHeader), body)
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("users", Open, map[string]endpoint.Function[Service]{
		"get": Get, "update": Update, "ticket": Ticket, "webhook": Webhook,
	})
}

// Open builds the service, with what its function is about.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[Service], error) {
	s := sockets.New(platform.New(env, overrides))
	people := users.New(s.Data(), s.Audit(), s.Clock, s.Idempotency())
	service := Service{Service: people}
	switch declaration.Route {
	case Ticket.Route:
		service.sockets = realtime.New(realtime.Dependencies{Connections: s.Connections(), URL: s.Env.Variable("WS_URL")})
	case Webhook.Route:
		cfg := config.Read[webhookConfig](s.Env)
		service.Provider = identity.NewProvider(cfg.Issuers.Primary(), people, s.Sessions())
		service.signatures = workos.NewSignatures(secrets.Open(s.Platform, webhookSecret), s.Clock)
	}
	runtime := authentication.Add(s.Runtime(declaration), s.Platform, declaration, func(directory *workos.Directory) identity.Users {
		return users.NewRegistrar(people, directory)
	})
	return platform.App(s.Platform, runtime, service)
}
