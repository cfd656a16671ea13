// Package platform opens what functions stand on, each part when it is first asked
// for and from the function's own environment: a function needs the variables of the
// parts that it uses and no others. This package has the tables with idempotency and
// the audit log; below it, package sockets has connections and publishing, package
// authentication access tokens and operators, package queues the senders, package
// secrets the secrets.
//
// It knows no domain. functions/<domain>.Open composes a service on it, and App says
// what was missing.
package platform

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// Platform is what one function stands on. It is used by one goroutine, while the
// function is opened.
type Platform struct {
	Clock clock.Clock
	Log   *slog.Logger
	// Stage is the deployment's name.
	Stage string
	// Env is the function's environment. App names what is missing.
	Env       *config.Reader
	Overrides endpoint.Overrides

	client      *dynamodb.Client
	tables      map[string]*table.Table
	audit       *audit.Log
	idempotency *idempotency.Store
}

// New makes the platform of a function.
func New(env config.Env, overrides endpoint.Overrides) *Platform {
	variables := config.NewReader(env)
	return &Platform{
		Clock: cmp.Or[clock.Clock](overrides.Clock, clock.System{}),
		Log:   cmp.Or(overrides.Log, slog.New(slog.NewJSONHandler(os.Stderr, nil))),
		Stage: variables.Variable("STAGE"), Env: variables, Overrides: overrides, tables: map[string]*table.Table{},
	}
}

// localStage is the stage that is no deployment.
const localStage = "local"

// Local tells whether this is a laptop, and no deployment.
func (p *Platform) Local() bool { return p.Stage == localStage }

// LogEpoch gives what positions and revisions belong to: another epoch where a restored
// table has taken over.
func (p *Platform) LogEpoch() epoch.Epoch {
	return config.Read[struct {
		Epoch epoch.Epoch `env:"LOG_EPOCH" envDefault:"1"`
	}](p.Env).Epoch
}

// Data gives the table of entities.
func (p *Platform) Data() *table.Table { return p.table("DATA_TABLE") }

// LogTable gives the table of logs and texts.
func (p *Platform) LogTable() *table.Table { return p.table("LOG_TABLE") }

// Realtime gives the table of connections, subscriptions and presence.
func (p *Platform) Realtime() *table.Table { return p.table("REALTIME_TABLE") }

// Control gives the table of sessions, key sets and idempotency.
func (p *Platform) Control() *table.Table { return p.table("CONTROL_TABLE") }

func (p *Platform) table(variable string) *table.Table {
	if opened, ok := p.tables[variable]; ok {
		return opened
	}
	if p.client == nil {
		cfg := config.Read[table.ClientConfig](p.Env)
		cfg.HTTP = p.Overrides.Tables
		p.client = table.NewClient(cfg)
	}
	opened := table.New(p.client, p.Env.Variable(variable))
	p.tables[variable] = opened
	return opened
}

// Audit gives the audit log.
func (p *Platform) Audit() *audit.Log {
	if p.audit == nil {
		p.audit = audit.New(p.table("AUDIT_TABLE"), p.Clock)
	}
	return p.audit
}

// Idempotency gives the store of answers.
func (p *Platform) Idempotency() *idempotency.Store {
	if p.idempotency == nil {
		p.idempotency = idempotency.New(p.Control(), p.Clock)
	}
	return p.idempotency
}

// Runtime gives what the adapters need around a function, but for who calls.
func (p *Platform) Runtime(declaration endpoint.Declaration) endpoint.Runtime {
	runtime := endpoint.Runtime{Clock: p.Clock, Log: p.Log, Stage: p.Stage}
	if declaration.Mutates {
		runtime.Idempotency = p.Idempotency()
	}
	return runtime
}

// App puts a service into its runtime. The error names every variable that is missing
// for what was asked of the platform until then.
func App[S any](p *Platform, runtime endpoint.Runtime, service S) (endpoint.App[S], error) {
	if err := p.Env.Err(); err != nil {
		return endpoint.App[S]{}, fmt.Errorf("open: %w", err)
	}
	return endpoint.App[S]{Service: service, Runtime: runtime}, nil
}
