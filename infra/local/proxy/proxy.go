// Package proxy stands between the functions and what they call: the table
// engine, queues, the blob store, and the WebSocket API's @connections. A function's
// SDK is given the proxy as its HTTP client (Transport): the functions run in the
// runner's process, so there is no connection and no address. Each call goes through
// a short chain of middleware (permissions, latencies, faults) and then on.
//
// A call is told by what is on the wire: the operation by X-Amz-Target, the
// function by the access key in Authorization, and what IAM asks for by the
// tables that the body names. Nothing else of a body is looked at, and nothing is
// kept. The signature isn't checked: the secrets of a laptop mean nothing.
//
// The runner itself, its stream readers and whoever lays down data go to the
// engine directly.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/template"
)

// MaxBody bounds a request's body, in bytes, as DynamoDB's largest request does.
const MaxBody = 16 << 20

// Options are what a proxy needs.
type Options struct {
	// Engine is the table engine's address, `http://127.0.0.1:34567`.
	Engine string
	// Stack names the functions, whose access keys sign their calls, and the
	// account of the tables.
	Stack *template.Stack
	// Middleware stand before the engine and before @connections, the first
	// outermost.
	Middleware []Middleware
	Log        *slog.Logger
}

// Proxy stands before the tables. It is safe for concurrent use.
type Proxy struct {
	signers signers
	// tables and queues begin the ARNs of both.
	tables     string
	queues     string
	middleware []Middleware
	chain      Handler
	log        *slog.Logger
	engine     *backend
}

// New refuses an engine's address that isn't plain HTTP.
func New(o Options) (*Proxy, error) {
	address, err := url.Parse(o.Engine)
	if err != nil || address.Scheme != "http" || address.Host == "" {
		return nil, fmt.Errorf("table engine at %q: want an address such as http://127.0.0.1:8000", o.Engine)
	}
	d := &Proxy{
		signers:    newSigners(o.Stack),
		tables:     "arn:aws:dynamodb:" + o.Stack.Region + ":" + o.Stack.AccountID + ":table/",
		queues:     "arn:aws:sqs:" + o.Stack.Region + ":" + o.Stack.AccountID + ":",
		middleware: o.Middleware, log: o.Log, engine: newBackend(address),
	}
	d.chain = chain(o.Middleware, d.forward)
	return d, nil
}

// Close ends the connections to the engine that no call uses.
func (p *Proxy) Close() { p.engine.close() }

// handle has a call answered, or is an error where its connection is to be cut.
func (p *Proxy) handle(body []byte, r *http.Request) (Response, error) {
	c := Call{Body: body}
	p.describe(&c, r)
	answer, err := p.chain(context.Background(), &c)
	if err != nil && !errors.Is(err, ErrCut) {
		p.log.Warn("table call cut", "function", c.Function, "operation", c.Operation, "error", err.Error())
	}
	return answer, err
}

// forward hands a call to the engine: the end of the chain.
func (p *Proxy) forward(_ context.Context, c *Call) (Response, error) {
	return p.engine.do(c)
}

// signers are the functions by the access keys of their calls.
type signers map[string]string

func newSigners(stack *template.Stack) signers {
	all := make(signers, len(stack.Functions))
	for _, f := range stack.Functions {
		all[pool.AccessKeyID(f)] = f.Folder
	}
	return all
}
