package endpoint

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/config"
)

// Trigger is what makes a function run.
type Trigger string

// The triggers that functions have.
const (
	// TriggerHTTP is a route of the HTTP API, payload format 2.0.
	TriggerHTTP Trigger = "http"
	// TriggerSocket is a route of the WebSocket API.
	TriggerSocket Trigger = "socket"
	// TriggerStream is a batch of records of a table's stream.
	TriggerStream Trigger = "stream"
	// TriggerQueue is a batch of messages of a queue.
	TriggerQueue Trigger = "queue"
	// TriggerSchedule is a time that has come.
	TriggerSchedule Trigger = "schedule"
)

// Class is who may call a function at all, before any action is looked at.
type Class string

// The classes of callers.
const (
	// Public functions answer anybody.
	Public Class = "public"
	// Users carry an access token, or speak over a socket that was admitted.
	Users Class = "user"
	// Admins operate the suite: their token's role is admin, in the organisation that
	// operates it. Whoever else calls is FORBIDDEN, once the request has its shape, and
	// the denial is audited.
	Admins Class = "admin"
	// Tickets are spent to open a socket.
	Tickets Class = "ticket"
	// Webhooks are signed by the provider that sends them.
	Webhooks Class = "webhook"
	// Internal functions are run by AWS alone: no route leads to them.
	Internal Class = "internal"
)

// SignedIn tells whether callers of the class carry an access token over HTTP.
func (c Class) SignedIn() bool { return c == Users || c == Admins }

// Declaration is all that is said of a function: the adapters, the local
// runner, validation, the OpenAPI document and the checks read it from here.
type Declaration struct {
	Trigger Trigger
	// Route is `METHOD /path/{parameter}` for HTTP, the action of a frame or
	// `$connect`, `$disconnect`, `$default` for sockets, the tables whose streams
	// are read, such as `Data,Log`, for streams, the queue's name in the templates,
	// and a schedule's expression, such as `rate(1 hour)`.
	Route   string
	Summary string
	Class   Class
	// Action is what the method checks against its domain's permission table, and
	// under which a denial of the class Admins is audited; empty where the class alone
	// decides.
	Action caller.Action
	// Status is the status code of success over HTTP.
	Status int
	// MaxBody bounds the body or frame, in bytes.
	MaxBody int
	// MaxFields bounds single members of the body or frame, in bytes as sent.
	MaxFields map[string]int
	// Mutates is true where the call changes something, and so takes an
	// Idempotency-Key.
	Mutates bool
	// QuietID is true where a frame may leave its id out, and then gets no answer
	// unless it is refused.
	QuietID bool
	// Confirms is true where the method itself confirms that the caller's socket
	// stands.
	Confirms bool
	// Input and Output describe the request and the answer; nil where there is
	// none.
	Input  *Shape
	Output *Shape
	// Errors lists the error codes, beside those that every function has.
	Errors []string
	// Deployment is what the templates say of it.
	Deployment Deployment
}

// Function is a declaration with the method of a service S that carries it out.
type Function[S any] struct {
	Declaration
	handler func(name string, app App[S]) lambda.Handler
}

// Open builds the service and the runtime of one function, from its declaration and
// its own environment. One opened App serves one event at a time, as on AWS.
type Open[S any] func(ctx context.Context, d Declaration, env config.Env, overrides Overrides) (App[S], error)

// FunctionSpec is a function under its name, ready to be opened by the local
// runner, by tests and by the checks. Its name is its folder: `meetings/start`.
type FunctionSpec struct {
	Name string
	Declaration
	Open func(ctx context.Context, env config.Env, overrides Overrides) (lambda.Handler, error)
}

// Domain names the functions of a domain after their folders, in order.
func Domain[S any](domain string, open Open[S], functions map[string]Function[S]) []FunctionSpec {
	units := make([]FunctionSpec, 0, len(functions))
	for folder, fn := range functions {
		name := domain + "/" + folder
		units = append(units, FunctionSpec{
			Name:        name,
			Declaration: fn.Declaration,
			Open: func(ctx context.Context, env config.Env, overrides Overrides) (lambda.Handler, error) {
				app, err := open(ctx, fn.Declaration, env, overrides)
				if err != nil {
					return nil, err
				}
				app.journey = fn.JourneyName()
				return fn.handler(name, app), nil
			},
		})
	}
	slices.SortFunc(units, func(a, b FunctionSpec) int { return cmp.Compare(a.Name, b.Name) })
	return units
}

// Option adds to a declaration.
type Option func(*Declaration)

// Needs names the action that the method checks.
func Needs(action caller.Action) Option { return func(d *Declaration) { d.Action = action } }

// For sets who may call; without it, users.
func For(class Class) Option { return func(d *Declaration) { d.Class = class } }

// Answers sets the status code of success; without it 200, or 204 where there
// is no answer.
func Answers(status int) Option { return func(d *Declaration) { d.Status = status } }

// QuietID lets frames leave their id out: they get no answer then, unless they
// are refused.
func QuietID() Option { return func(d *Declaration) { d.QuietID = true } }

// Confirms says that the method confirms, beside its other reads and before it
// commits anything, that the socket of an unconfirmed caller stands: so a frame of a
// socket that the instance has met waits for one read less.
// It grants that read.
func Confirms() Option {
	return func(d *Declaration) {
		d.Confirms = true
		Reads(Realtime, BatchGetItem)(d)
	}
}

// MaxBody bounds the body or frame, in bytes as sent; without it, 256 KB and
// MaxFrame.
func MaxBody(n int) Option { return func(d *Declaration) { d.MaxBody = n } }

// MaxField bounds a member of the body or frame, in bytes as sent: white space
// inside it and escapes count. It is PAYLOAD_TOO_LARGE beyond that, before the
// shape is looked at.
func MaxField(name string, n int) Option {
	return func(d *Declaration) {
		if d.MaxFields == nil {
			d.MaxFields = map[string]int{}
		}
		d.MaxFields[name] = n
	}
}

// Fails lists the codes that this function may answer beside the common ones.
func Fails(codes ...string) Option {
	return func(d *Declaration) { d.Errors = append(d.Errors, codes...) }
}
