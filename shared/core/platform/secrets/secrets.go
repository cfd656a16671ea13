// Package secrets opens secrets to be read.
package secrets

import (
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/secret"
	"github.com/rapport/rapport/shared/core/secret/secretsmanager"
)

// Open opens the secret whose name a variable has. Nothing is read before it is needed.
func Open(p *platform.Platform, variable string) *secret.Secret {
	cfg := config.Read[secretsmanager.Config](p.Env)
	cfg.HTTP = p.Overrides.Secrets
	return secret.New(secretsmanager.New(cfg), p.Env.Variable(variable), p.Clock, !p.Local())
}
