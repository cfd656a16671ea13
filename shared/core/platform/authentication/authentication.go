// Package authentication opens what lets callers in by their access tokens, and
// operators by their role. Only functions whose declaration says so have it, and may
// read the identity provider's key.
package authentication

import (
	"net/http"
	"time"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/operators"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/platform/secrets"
	"github.com/rapport/rapport/shared/core/session"
)

// callTimeout bounds a call to an identity provider.
const callTimeout = 3 * time.Second

// Config is the environment of functions whose callers have access tokens.
type Config struct {
	Issuers        identity.Issuers `env:"ISSUERS,required"`
	WorkosEndpoint string           `env:"WORKOS_ENDPOINT"`
}

// OperatorConfig is the environment of functions for operators.
type OperatorConfig struct {
	// OrgID is the organisation whose admins operate the suite; empty where nobody does.
	OrgID string `env:"OPERATOR_ORG_ID"`
}

// Add adds to the runtime of a function what its declaration asks for. users makes the
// domain of users that knows whom identities name, and asks the provider's directory
// about newcomers.
func Add(runtime endpoint.Runtime, p *platform.Platform, declaration endpoint.Declaration, users func(*workos.Directory) identity.Users) endpoint.Runtime {
	if declaration.Trigger != endpoint.TriggerHTTP || !declaration.Class.SignedIn() {
		return runtime
	}
	cfg := config.Read[Config](p.Env)
	client := &http.Client{Timeout: callTimeout, Transport: p.Overrides.Web}
	verifier := identity.NewVerifier(cfg.Issuers, identity.NewKeySets(p.Control(), p.Clock, client), p.Clock)
	directory := workos.New(secrets.Open(p, "WORKOS_API_KEY_SECRET_ID"), cfg.WorkosEndpoint, client)
	runtime.Authenticator = identity.NewAuthenticator(verifier, users(directory), session.New(p.Control(), p.Clock))
	if declaration.Class == endpoint.Admins {
		orgID := config.Read[OperatorConfig](p.Env).OrgID
		runtime.Operators = operators.New(orgID, p.Local(), p.Audit())
	}
	return runtime
}
