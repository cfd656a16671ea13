// Package door stands between the functions and what they call: the table
// engine, and the WebSocket API's @connections. A function's SDK is given the
// door's address instead of the engine's; each of its calls goes through a short
// chain of steps (permissions, latencies, faults) and then on.
//
// A call is told by what is on the wire: the operation by X-Amz-Target, the
// function by the access key in Authorization, and what IAM asks for by the
// tables that the body names. Nothing else of a body is looked at, and nothing is
// kept. The signature isn't checked: the secrets of a laptop mean nothing.
//
// The runner itself, its stream readers and whoever lays down data go to the
// engine directly.
package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/template"
)

// MaxBody bounds a request's body, in bytes, as DynamoDB's largest request does.
const MaxBody = 16 << 20

// keepBuffer is the largest buffer that is kept for the next call, in bytes.
const keepBuffer = 1 << 20

// Options are what a door needs.
type Options struct {
	// Engine is the table engine's address, `http://127.0.0.1:34567`.
	Engine string
	// Stack names the functions, whose access keys sign their calls, and the
	// account of the tables.
	Stack *template.Stack
	// Steps stand before the engine and before @connections, the first
	// outermost.
	Steps []Step
	Log   *slog.Logger
}

// Door is a front door of the tables. It is safe for concurrent use.
type Door struct {
	signers signers
	tables  string
	steps   []Step
	chain   Next
	log     *slog.Logger
	server  *http.Server
	engine  *backend
	calls   sync.Pool
}

// New refuses an engine's address that isn't plain HTTP.
func New(o Options) (*Door, error) {
	address, err := url.Parse(o.Engine)
	if err != nil || address.Scheme != "http" || address.Host == "" {
		return nil, fmt.Errorf("table engine at %q: want an address such as http://127.0.0.1:8000", o.Engine)
	}
	d := &Door{
		signers: newSigners(o.Stack),
		tables:  "arn:aws:dynamodb:" + o.Stack.Region + ":" + o.Stack.AccountID + ":table/",
		steps:   o.Steps, log: o.Log, engine: newBackend(address.Host),
	}
	d.calls.New = func() any { return new(exchange) }
	d.chain = chain(o.Steps, d.forward)
	d.server = &http.Server{
		Handler:           http.HandlerFunc(d.serve),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	return d, nil
}

// Serve answers at a listener until Shutdown.
func (d *Door) Serve(l net.Listener) error {
	if err := d.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("tables' door at %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown lets the calls under way finish, then cuts them.
func (d *Door) Shutdown(ctx context.Context) error {
	err := d.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("calls of tables are still under way: %w", err), d.server.Close())
	}
	d.engine.close()
	return err
}

// serve reads a call, has it answered, and writes the answer.
func (d *Door) serve(w http.ResponseWriter, r *http.Request) {
	x := d.calls.Get().(*exchange)
	defer d.put(x)
	if err := x.read(w, r); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			TableError(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request is larger than 16 MB").write(w)
			return
		}
		TableError(http.StatusBadRequest, "SerializationException", "The request can't be read").write(w)
		return
	}
	d.describe(&x.call, r)
	answer, err := d.chain(r.Context(), &x.call)
	if err != nil {
		if !errors.Is(err, ErrCut) {
			d.log.Warn("table call cut", "function", x.call.Function, "operation", x.call.Operation, "error", err.Error())
		}
		panic(http.ErrAbortHandler)
	}
	answer.write(w)
}

func (d *Door) put(x *exchange) {
	if x.request.Cap() > keepBuffer || x.response.Cap() > keepBuffer {
		return
	}
	x.call = Call{}
	d.calls.Put(x)
}

// forward hands a call to the engine: the end of the chain.
func (d *Door) forward(_ context.Context, c *Call) (Answer, error) {
	return d.engine.do(c)
}

// write gives the answer to the caller.
func (a Answer) write(w http.ResponseWriter) {
	header := w.Header()
	for name, values := range a.Header {
		header[name] = values
	}
	header["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	w.WriteHeader(a.Status)
	// The caller may be gone; there is nobody else to tell.
	_, _ = w.Write(a.Body)
}

// read takes the request's body into the exchange's buffer.
func (x *exchange) read(w http.ResponseWriter, r *http.Request) error {
	x.request.Reset()
	if r.ContentLength > 0 && r.ContentLength <= MaxBody {
		x.request.Grow(int(r.ContentLength) + 512)
	}
	if _, err := x.request.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	x.call.exchange, x.call.Body = x, x.request.Bytes()
	return nil
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
