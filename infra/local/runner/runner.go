// Package runner puts Rapport together on one machine, from the templates that
// AWS would be given: tables in a table engine, queues, blobs, functions in a pool,
// stream readers, pollers and schedules, and API Gateway's HTTP and WebSocket APIs,
// with a local issuer in WorkOS's place and the console beside them.
//
// Starting takes the data directory, the ports and then everything else, and
// fails with an error that says what to do. Stopping goes the other way round:
// no new requests, those under way finish within a bound, readers store where
// they are, sockets are told to go (1001), the engine ends. A runner that is
// killed loses nothing that was acknowledged, and the next one finds the data
// directory free.
package runner

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/infra/local/iam"
	"github.com/rapport/rapport/infra/local/issuer"
	"github.com/rapport/rapport/infra/local/metrics"
	"github.com/rapport/rapport/infra/local/pollers"
	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/schedules"
	"github.com/rapport/rapport/infra/local/streams"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	sharedmetrics "github.com/rapport/rapport/shared/core/metrics"
	"github.com/rapport/rapport/shared/testkit/engine"
	"github.com/rapport/rapport/shared/testkit/queues"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

// stopWithin bounds an orderly end altogether.
const stopWithin = 8 * time.Second

// Runner is a running Rapport.
type Runner struct {
	// URL is where HTTP is served, SocketURL where WebSocket is.
	URL       string
	SocketURL string
	// Issuer mints tokens for local people.
	Issuer *issuer.Issuer
	// Stack is what the templates say, with the addresses of this machine.
	Stack *template.Stack
	// Engine holds the tables.
	Engine *engine.Engine
	// Functions can be invoked directly.
	Functions *pool.Pool
	// Sockets is the WebSocket API.
	Sockets *gateway.Sockets
	// Queues holds the messages.
	Queues *queues.Queues
	// Secrets holds what functions present and check.
	Secrets *secrets.Store

	config  Config
	faults  *faults.Injector
	metrics *metrics.Registry
	clock   clock.Clock
	log     *slog.Logger
	at      addresses
	ends    steps
	failed  chan error
	// proxy is the proxy before tables, queues, blobs, secrets and @connections.
	proxy *proxy.Proxy
	// policies are what the functions may do.
	policies *iam.Policies
	// profile is the environment that is imitated.
	profile profile
	// blobs is S3 behind its steps.
	blobs http.Handler
	// connections is @connections behind its steps, set before a function runs.
	connections http.Handler
	// readers is set when the stream readers run.
	readers   atomic.Pointer[streams.Readers]
	pollers   *pollers.Pollers
	schedules *schedules.Schedules
}

// Start gives a runner that serves requests. Stop it.
func Start(ctx context.Context, c Config) (*Runner, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Console == nil {
		c.Console = embed.FS{}
	}
	r := &Runner{config: c, metrics: metrics.New(c.Log), clock: clock.System{}, log: c.Log, failed: make(chan error, 1)}
	if err := r.start(ctx); err != nil {
		// What ends badly now matters less than why the start failed.
		if ending := r.Stop(); ending != nil {
			r.log.Warn("undo start", "error", ending.Error())
		}
		return nil, err
	}
	return r, nil
}

func (r *Runner) start(ctx context.Context) error {
	root, err := r.config.root()
	if err != nil {
		return err
	}
	if r.profile, err = newProfile(r.config.Profile, r.clock); err != nil {
		return err
	}
	if r.faults, err = r.newFaults(); err != nil {
		return err
	}
	if r.Stack, err = load(root); err != nil {
		return err
	}
	if r.config.Change != nil {
		r.config.Change(r.Stack)
	}
	if err := r.takeData(); err != nil {
		return err
	}
	web, socket, err := r.listen(ctx)
	if err != nil {
		return err
	}
	if err := r.startEngine(ctx, root); err != nil {
		return err
	}
	if err := r.startProxy(); err != nil {
		return err
	}
	if err := r.startQueues(); err != nil {
		return err
	}
	if err := r.startBlobs(ctx); err != nil {
		return err
	}
	if err := r.startIssuer(); err != nil {
		return err
	}
	r.startSecrets()
	if err := r.at.localise(r.Stack); err != nil {
		return err
	}
	if err := r.startFunctions(); err != nil {
		return err
	}
	if err := r.startSockets(socket); err != nil {
		return err
	}
	if err := r.startBackground(ctx); err != nil {
		return err
	}
	return r.startWeb(web)
}

// Stop ends everything in order, within eight seconds. The error says what had
// to be cut short; nothing is left running in any case.
func (r *Runner) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return r.ends.run(ctx)
}

// Failed gives the error of a part that ended by itself; the runner is then of
// no more use and is to be stopped.
func (r *Runner) Failed() <-chan error { return r.failed }

func (r *Runner) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}

// takeData makes the data directory this runner's own.
func (r *Runner) takeData() error {
	dir, err := r.config.dir("")
	if err != nil || dir == "" {
		return err
	}
	release, err := lock(dir)
	if err != nil {
		return err
	}
	r.ends.push("data directory", time.Second, func(context.Context) error { return release() })
	return nil
}

func (r *Runner) listen(ctx context.Context) (web, socket *listeners, err error) {
	if web, err = r.listenOn(ctx, r.config.Port, "PORT"); err != nil {
		return nil, nil, err
	}
	if socket, err = r.listenOn(ctx, r.config.SocketPort, "WS_PORT"); err != nil {
		return nil, nil, err
	}
	r.at.port, r.at.socketPort, r.at.lifetime = web.port, socket.port, r.config.SocketLifetime
	r.at.operatorOrgID = r.config.OperatorOrgID
	r.at.logEpoch = r.config.LogEpoch
	r.URL, r.SocketURL = r.at.base(), fmt.Sprintf("ws://localhost:%d", socket.port)
	return web, socket, nil
}

func (r *Runner) listenOn(ctx context.Context, port int, variable string) (*listeners, error) {
	l, err := listenBoth(ctx, port, variable)
	if err != nil {
		return nil, err
	}
	r.ends.push(variable, time.Second, func(context.Context) error { return l.close() })
	return l, nil
}

func (r *Runner) startIssuer() error {
	dir, err := r.config.dir("issuer")
	if err != nil {
		return err
	}
	r.Issuer, err = issuer.New(issuer.Options{
		Dir: dir, URL: r.at.issuer(), APIKey: workosKey, Clock: r.clock,
		APIURL: loopback(r.at.port), WebhookSecret: r.config.WebhookSecret,
	})
	if err != nil {
		return err
	}
	r.ends.push("issuer", time.Second, func(context.Context) error { return r.Issuer.Close() })
	return nil
}

func (r *Runner) startFunctions() error {
	network := endpoint.Overrides{
		Tables: r.proxy.Tables(), Posts: proxy.NewTransport(http.HandlerFunc(r.post)), Queues: proxy.NewTransport(r.proxy.Queues(r.Queues)),
		Blobs: proxy.NewTransport(r.blobs), Secrets: proxy.NewTransport(r.proxy.Secrets(r.Secrets)),
	}
	declared := slices.Clone(r.profile.coldStarts(r.faults.Wrap(r.config.Functions)))
	for i := range declared {
		declared[i] = declared[i].With(network)
	}
	functions, err := pool.New(declared, r.Stack.Functions, r.at.environment(), r.log)
	if err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	r.Functions = functions
	r.ends.push("functions", time.Second, functions.Close)
	return nil
}

// post serves a function's call to @connections.
func (r *Runner) post(w http.ResponseWriter, request *http.Request) {
	r.connections.ServeHTTP(w, request)
}

func (r *Runner) startSockets(l *listeners) error {
	o := socketOptions(r.Stack)
	o.Invoker, o.Clock, o.Log = r.profile.frames(invoker{measured{r.Functions, r.metrics}, r.wake}), r.clock, r.log
	o.Travel = r.profile.travel()
	if r.faults != nil {
		o.Cuts = r.faults.Cut
	}
	o.Limits.Lifetime = r.config.SocketLifetime
	sockets, err := gateway.NewSockets(o)
	if err != nil {
		return err
	}
	r.Sockets = sockets
	r.connections = r.proxy.Connections(connections(r.Stack), sockets)
	r.serve("websocket", l, gateway.LoopbackOnly(r.connections))
	// $disconnect of each must run, also while tables fail on purpose.
	r.ends.push("sockets", 4*time.Second, sockets.Shutdown)
	return nil
}

func (r *Runner) startWeb(l *listeners) error {
	o := httpOptions(r.Stack)
	o.Invoker, o.Clock, o.Log = invoker{measured{r.Functions, r.metrics}, r.wake}, r.clock, r.log
	api, err := gateway.NewHTTP(o)
	if err != nil {
		return err
	}
	document, err := endpoint.OpenAPI(r.config.Functions)
	if err != nil {
		return fmt.Errorf("openapi document: %w", err)
	}
	r.metrics.Add(gauges{sockets: r.Sockets.Open, functions: r.Functions.Snapshot, readers: r.readers.Load().Snapshot, denied: r.policies.Denied,
		queues: r.Queues.Snapshot, pollers: r.pollers.Snapshot, schedules: r.schedules.Snapshot}, injected{r.faults})
	r.serve("http", l, front{
		api:     r.profile.requests(api),
		dev:     withRun(r.schedules, r.log, withRotation(r.RotateWebhookSecret, r.Issuer.Handler(r.log))),
		metrics: r.metrics,
		console: consoleHandler(r.config.Console),
		openAPI: document,
	}.handler())
	return nil
}

// serve answers on listeners until the runner stops.
func (r *Runner) serve(name string, l *listeners, handler http.Handler) {
	server := gateway.NewServer(handler)
	server.ErrorLog = slog.NewLogLogger(r.log.Handler(), slog.LevelWarn)
	for _, listener := range l.open {
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				r.fail(fmt.Errorf("%s server at %s: %w", name, listener.Addr(), err))
			}
		}()
	}
	r.ends.push(name+" server", 1500*time.Millisecond, shut(server))
}

// measured is the pool with a sink for what its functions measure.
type measured struct {
	*pool.Pool
	sink sharedmetrics.Sink
}

// Invoke is the pool's.
func (m measured) Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error) {
	return m.Pool.Invoke(sharedmetrics.WithSink(ctx, m.sink), folder, payload)
}

// invoker is the pool in the gateway's terms.
type invoker struct {
	functions measured
	// after is called when a function has run.
	after func()
}

func (i invoker) Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error) {
	answer, err := i.functions.Invoke(ctx, folder, payload)
	if _, throttled := errors.AsType[*pool.Throttled](err); throttled {
		return nil, fmt.Errorf("%w: %w", gateway.ErrThrottled, err)
	}
	i.after()
	return answer, err
}
