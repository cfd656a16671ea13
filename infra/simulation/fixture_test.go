package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/local/faults"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/testkit"
	"github.com/rapport/rapport/shared/testkit/engine"
	"github.com/rapport/rapport/shared/testkit/queues"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

// invocationTakes bounds an invocation, as the templates do.
const invocationTakes = 29 * time.Second

// fixture is what runs share: what was made before their bubbles.
type fixture struct {
	engine *engine.Engine
	line   *line
	issuer *testkit.Issuer
}

func newFixture(t *testing.T) fixture {
	e := startEngine(t)
	return fixture{engine: e, line: newLine(t, e), issuer: testkit.NewIssuer(t)}
}

// simulation is everything of one seed. What is below mu is guarded by it; nobody
// waits for virtual time while holding it.
type simulation struct {
	fixture
	t         testing.TB
	plan      plan
	rng       *rand.Rand // for what is made before anything runs
	faults    *faults.Injector
	paces     paces
	wire      *wire
	env       config.Env
	functions []endpoint.FunctionSpec
	mutant    mutant
	feeds     []*feed
	queues    *queues.Queues
	secrets   *secrets.Store
	// unique tells this run from all others on the same engine.
	unique string
	people []*person
	// running counts what is under way.
	running sync.WaitGroup
	stop    context.CancelFunc
	ctx     context.Context

	mu          sync.Mutex
	ledger      *ledger
	idle        map[string][]lambda.Handler
	connections map[string]*connection
	deliveries  []delivery
	promises    []promise
	revocations int
	mostFrames  int
	replacer    *strings.Replacer
	named       int
	busy        int
	// insisting counts requests that are sent until they are answered.
	insisting int
	trace     []string
	broken    []string
}

// newSimulation makes the run of a plan, inside a bubble.
func newSimulation(t testing.TB, f fixture, p plan, unique string, specs []engine.TableSpec, m mutant) *simulation {
	sim := &simulation{
		fixture: f, t: t, plan: p, unique: unique, rng: p.random("world"), paces: calm(), mutant: m,
		faults: faults.New(faults.Settings{Seed: p.seed, Rate: p.rate, Skew: p.skew}, nil),
		idle:   map[string][]lambda.Handler{}, connections: map[string]*connection{},
		ledger: newLedger(), replacer: strings.NewReplacer(),
	}
	if p.rough {
		sim.paces = rough()
	}
	sim.ctx, sim.stop = context.WithCancel(context.Background())
	sim.wire = &wire{sim: sim, line: f.line}
	sim.functions = functions.All()
	if sim.faults != nil {
		sim.functions = sim.faults.Wrap(sim.functions)
	}
	issuers, err := json.Marshal([]map[string]string{{"issuer": f.issuer.Name, "jwksUrl": jwksURL}})
	if err != nil {
		t.Fatal(err)
	}
	sim.env = config.Env{
		"STAGE": "simulation", "ISSUERS": string(issuers), "WORKOS_API_KEY_SECRET_ID": apiKeyName, "WORKOS_ENDPOINT": directoryURL,
		"WORKOS_WEBHOOK_SECRET_ID": webhookSecretName, "STREAM_API_KEY": "simulation", "STREAM_API_SECRET": "simulation",
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "simulation", "AWS_SECRET_ACCESS_KEY": "simulation",
		"AWS_ENDPOINT_URL_DYNAMODB": f.engine.Endpoint, "WS_URL": "wss://sockets.test/live", "WS_ENDPOINT": "https://sockets.test/live",
	}
	for i, name := range []string{"DATA_TABLE", "LOG_TABLE", "REALTIME_TABLE", "CONTROL_TABLE", "AUDIT_TABLE"} {
		sim.env[name] = specs[i].Name
	}
	sim.feeds = newFeeds(sim, specs)
	sim.queues, sim.secrets = openQueues(t, sim.functions), openSecrets()
	for _, function := range sim.functions {
		if function.Trigger == endpoint.TriggerQueue {
			sim.env[testkit.QueueVariable(function.Route)] = "https://sqs.test/0/" + function.Route
		}
	}
	return sim
}

// operation begins something under a name of its own.
func (s *simulation) operation(name, function string) *operation {
	return &operation{seed: s.plan.seed, name: name, function: function, counts: map[string]uint64{}, ended: map[string]time.Time{}}
}

// function is the function of a trigger and route.
func (s *simulation) function(trigger endpoint.Trigger, route string) (endpoint.FunctionSpec, bool) {
	for _, function := range s.functions {
		if function.Trigger == trigger && function.Route == route {
			return function, true
		}
	}
	return endpoint.FunctionSpec{}, false
}

var errDied = errors.New("the function has died")

// invoke gives a function an event, on an instance that is idle or a new one. It
// returns the moment of the answer beside it.
func (s *simulation) invoke(o *operation, function endpoint.FunctionSpec, event any) (payload []byte, at int64, err error) {
	text, err := json.Marshal(event)
	if err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	s.busy++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy--
		at = s.ledger.tick()
		s.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), operationKey{}, o), invocationTakes)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: o.name})
	handler, err := s.instance(ctx, function)
	if err != nil {
		return nil, 0, err
	}
	payload, err = survive(func() ([]byte, error) { return handler.Invoke(ctx, text) })
	if errors.Is(err, errDied) {
		s.note(o, "killed")
		return nil, 0, err
	}
	s.mu.Lock()
	s.idle[function.Name] = append(s.idle[function.Name], handler)
	s.mu.Unlock()
	if err != nil {
		s.note(o, "failed: %v", err)
	}
	return payload, 0, err
}

// survive runs an invocation that may be killed.
func survive(f func() ([]byte, error)) (payload []byte, err error) {
	defer func() {
		value := recover()
		if _, killed := value.(faults.Killed); killed {
			payload, err = nil, errDied
		} else if value != nil {
			panic(value)
		}
	}()
	return f()
}

func (s *simulation) instance(ctx context.Context, function endpoint.FunctionSpec) (lambda.Handler, error) {
	s.mu.Lock()
	if free := s.idle[function.Name]; len(free) > 0 {
		handler := free[len(free)-1]
		s.idle[function.Name] = free[:len(free)-1]
		s.mu.Unlock()
		return handler, nil
	}
	s.mu.Unlock()
	return function.Open(ctx, s.env, endpoint.Overrides{
		Tables: s.wire, Queues: queueCalls{s}, Secrets: secretCalls{s}, Web: web{s}, Sockets: posts{s}, Log: slog.New(logs{s}),
	})
}

// beside runs f beside everything else; the run's end waits for it.
func (s *simulation) beside(f func()) { s.running.Go(f) }

// over reports whether the run is ending.
func (s *simulation) over() bool { return s.ctx.Err() != nil }

// names replaces the ids of people and meetings by names that are the same in every run.
func (s *simulation) names() *strings.Replacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.namesLocked()
}

func (s *simulation) namesLocked() *strings.Replacer {
	if known := len(s.people) + len(s.ledger.meetings); s.named != known {
		var pairs []string
		for _, p := range s.people {
			pairs = append(pairs, p.id, "user_"+p.name)
		}
		for i, id := range s.ledger.meetings {
			pairs = append(pairs, id, fmt.Sprintf("<meeting %d>", i+1))
		}
		s.replacer, s.named = strings.NewReplacer(pairs...), known
	}
	return s.replacer
}

// note adds a line to the trace.
func (s *simulation) note(o *operation, format string, args ...any) {
	name := "simulation"
	if o != nil {
		name = o.name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(name, format, args...)
}

func (s *simulation) noteLocked(who, format string, args ...any) {
	line := fmt.Sprintf("%12.6f %s: %s", s.ledger.now().Seconds(), who, fmt.Sprintf(format, args...))
	s.trace = append(s.trace, random.ReplaceAllString(s.namesLocked().Replace(line), "?"))
}

// breakLocked notes that something doesn't hold that must.
func (s *simulation) breakLocked(format string, args ...any) {
	text := s.namesLocked().Replace(fmt.Sprintf(format, args...))
	s.broken = append(s.broken, text)
	s.noteLocked("BROKEN", "%s", text)
}

// logs takes what functions log at a level above what is normal.
type logs struct{ sim *simulation }

func (l logs) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l logs) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l logs) WithGroup(string) slog.Handler                    { return l }

func (l logs) Handle(ctx context.Context, r slog.Record) error {
	var text strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" || a.Key == "reason" || a.Key == "stack" {
			// What the SDK says of a call that it gave up depends on what it noticed
			// first.
			said, _, _ := strings.Cut(a.Value.String(), ": operation error")
			fmt.Fprintf(&text, " %s=%s", a.Key, said)
		}
		if a.Key == "stack" {
			l.sim.mu.Lock()
			l.sim.breakLocked("a function panicked: %s", a.Value)
			l.sim.mu.Unlock()
		}
		return true
	})
	l.sim.note(operationOf(ctx), "logs %s%s", r.Message, text.String())
	return nil
}

const (
	jwksURL      = "https://issuer.test/jwks"
	directoryURL = "https://directory.test"
)

// web is the identity provider: its keys and its people.
type web struct{ sim *simulation }

// RoundTrip implements http.RoundTripper.
func (p web) RoundTrip(r *http.Request) (*http.Response, error) {
	var body any
	switch {
	case r.URL.String() == jwksURL:
		body = map[string]any{"keys": []any{p.sim.issuer.Key().JWK()}}
	case strings.HasPrefix(r.URL.String(), directoryURL):
		id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		body = map[string]any{"object": "user", "id": id, "email": id + "@example.com", "first_name": id, "last_name": "Test"}
	default:
		return nil, fmt.Errorf("nobody is at %s", r.URL)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: text}.response(r), nil
}
