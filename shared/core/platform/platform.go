// Package platform opens what every function stands on, from the function's own
// environment: the five tables, identity, idempotency, the audit log, sockets.
// It holds no rules of any domain; functions/<domain>.Open composes those.
package platform

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/operators"
	"github.com/rapport/rapport/shared/core/queue/sqs"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/realtime/apigateway"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// outside bounds a call to an identity provider.
const outside = 3 * time.Second

// laptop is the stage that is no deployment.
const laptop = "local"

// Config is the environment that every function has.
type Config struct {
	Stage          string           `env:"STAGE,required"`
	DataTable      string           `env:"DATA_TABLE,required"`
	LogTable       string           `env:"LOG_TABLE,required"`
	RealtimeTable  string           `env:"REALTIME_TABLE,required"`
	ControlTable   string           `env:"CONTROL_TABLE,required"`
	AuditTable     string           `env:"AUDIT_TABLE,required"`
	Issuers        identity.Issuers `env:"ISSUERS,required"`
	WorkosAPIKey   string           `env:"WORKOS_API_KEY,required"`
	WorkosEndpoint string           `env:"WORKOS_ENDPOINT"`
	// OperatorOrgID is the organisation whose admins operate the suite; only
	// functions for them have it.
	OperatorOrgID string `env:"OPERATOR_ORG_ID"`
	// SocketURL is where clients open sockets.
	SocketURL string `env:"WS_URL"`
	// SocketLifetime is how long a socket may live.
	SocketLifetime time.Duration `env:"SOCKET_LIFETIME" envDefault:"2h"`
	Table          table.ClientConfig
	Sockets        apigateway.Config
	Queues         sqs.Config
}

// Platform is what was opened.
type Platform struct {
	Config Config
	Clock  clock.Clock
	Log    *slog.Logger

	Data, LogTable, Realtime, Control, AuditTable *table.Table

	Audit       *audit.Log
	Idempotency *idempotency.Store
	Users       *users.Service
	Sessions    *identity.Sessions
	Connections *realtime.Connections
	Publisher   *realtime.Publisher

	queues        *awssqs.Client
	authenticator *identity.Authenticator
	operators     *operators.Operators
	poster        realtime.Poster
	handover      *realtime.Handover
}

// Open opens the platform, on what is Outside. The error names every variable
// that is missing.
func Open(ctx context.Context, env config.Env) (*Platform, error) {
	cfg, err := config.Parse[Config](env)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	cfg.Sockets.HTTP = outsideOf(ctx).Posts
	around := outsideOf(ctx).over(Outside{
		Clock: clock.System{}, Sockets: apigateway.New(cfg.Sockets), Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	p := &Platform{Config: cfg, Clock: around.Clock, Log: around.Log}
	cfg.Table.HTTP = around.Tables
	client := table.NewClient(cfg.Table)
	p.Data = table.New(client, cfg.DataTable)
	p.LogTable = table.New(client, cfg.LogTable)
	p.Realtime = table.New(client, cfg.RealtimeTable)
	p.Control = table.New(client, cfg.ControlTable)
	p.AuditTable = table.New(client, cfg.AuditTable)
	p.poster = around.Sockets
	cfg.Queues.HTTP = around.Queues
	p.queues = sqs.NewClient(cfg.Queues)

	web := &http.Client{Timeout: outside, Transport: around.Web}
	p.Audit = audit.New(p.AuditTable, p.Clock)
	p.operators = operators.New(cfg.OperatorOrgID, cfg.Stage == laptop, p.Audit)
	p.Idempotency = idempotency.New(p.Control, p.Clock)
	p.Users = users.New(p.Data, workos.New(cfg.WorkosAPIKey, cfg.WorkosEndpoint, web), p.Audit, p.Clock, p.Idempotency)
	p.Sessions = identity.NewSessions(p.Control, p.Clock)
	p.Connections = realtime.NewConnections(p.Realtime, p.Control, p.Sessions, around.Sockets, p.Clock).Lasting(cfg.SocketLifetime)
	p.handover = realtime.NewHandover(cfg.SocketLifetime, p.Clock)
	p.Publisher = realtime.NewPublisher(p.Realtime, p.Connections, p.poster, p.Audit, p.Clock, p.Log)
	verifier := identity.NewVerifier(cfg.Issuers, identity.NewKeySets(p.Control, p.Clock, web), p.Clock)
	p.authenticator = identity.NewAuthenticator(verifier, p.Users, p.Connections, p.Data, p.Control)
	return p, nil
}

// Queue gives the queue of a URL, to send to.
func (p *Platform) Queue(url string) *sqs.Queue { return sqs.New(p.queues, url) }

// App puts a domain's service into what the adapters need around it.
func App[S any](p *Platform, service S) endpoint.App[S] {
	return endpoint.App[S]{Service: service, Runtime: endpoint.Runtime{
		Authenticator: p.authenticator, Operators: p.operators, Idempotency: p.Idempotency, Posts: p.poster, Handover: p.handover, Clock: p.Clock, Log: p.Log, Stage: p.Config.Stage,
	}}
}
