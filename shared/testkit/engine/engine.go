// Package engine finds, starts and ends a table engine that speaks DynamoDB:
// one per test binary, and one under the local runner.
//
// `make setup` leaves the engines in the tree. A started engine is a child in a
// process group of its own, so that Ctrl-C in a terminal reaches its parent
// only, which ends it in order; and it dies with its parent, however that ends,
// `kill -9` included. An engine that runs already is named by
// DYNAMODB_ENDPOINT, and is left running.
//
// Where the engines differ from DynamoDB, as far as this tree notices: both
// have one shard a stream, and let transactions wait for each other, so that
// TransactionConflict never comes from them; dynoxide's file survives the end
// of its process, not of the machine; DynamoDB Local reports no capacity for a
// transaction's checks, and counts the 1 MB of a query after its filter.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rapport/rapport/shared/core/table"
)

// The kinds of engine.
const (
	// Dynoxide is a static binary on SQLite, up in milliseconds.
	Dynoxide = "dynoxide"
	// DynamoDBLocal is AWS's own, in Java, up in seconds. It listens on all of
	// the machine's addresses, since it can't be known otherwise.
	DynamoDBLocal = "dynamodb-local"
)

const (
	upWithin   = time.Minute
	downWithin = 5 * time.Second
	portTries  = 3
)

// Options say which engine, and where its data lies.
type Options struct {
	Kind string `env:"ENGINE" envDefault:"dynoxide"`
	// Endpoint names an engine that runs already; nothing is started then.
	Endpoint string `env:"DYNAMODB_ENDPOINT"`
	// Dir is the folder for the data, made where it is missing; empty means
	// memory. What was acknowledged survives the engine's sudden end, but not
	// necessarily the machine's.
	Dir string
	// Port to listen on; 0 is any free one.
	Port int
	// Root is the project's folder, where the engines were set up; empty means
	// the nearest one above the working directory.
	Root string
}

// Engine is an engine that answers.
type Engine struct {
	// Endpoint is its address, such as `http://127.0.0.1:34567`.
	Endpoint string
	// PID is the process that was started, 0 where none was.
	PID     int
	client  *dynamodb.Client
	process *process
}

// Start gives an engine that answers, or an error that says what to do.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if o.Kind == "" {
		o.Kind = Dynoxide
	}
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	if o.Endpoint != "" {
		e := newEngine(o.Endpoint)
		if err := e.answers(ctx); err != nil {
			return nil, fmt.Errorf("no table engine answers at DYNAMODB_ENDPOINT %s: %w", o.Endpoint, err)
		}
		return e, nil
	}
	for try := 1; ; try++ {
		e, err := start(ctx, o)
		// Another process may take a free port between its choice and its use.
		if err == nil || o.Port != 0 || try == portTries || !errors.Is(err, errEndedEarly) {
			return e, err
		}
	}
}

var errEndedEarly = errors.New("it ended early")

func start(ctx context.Context, o Options) (*Engine, error) {
	port, err := choosePort(ctx, o.Port)
	if err != nil {
		return nil, fmt.Errorf("table engine: %w", err)
	}
	args, err := o.command(port)
	if err != nil {
		return nil, fmt.Errorf("table engine %s: %w", o.Kind, err)
	}
	p, err := spawn(args)
	if err != nil {
		return nil, fmt.Errorf("table engine %s: %w", o.Kind, err)
	}
	e := newEngine("http://127.0.0.1:" + strconv.Itoa(port))
	e.PID, e.process = p.cmd.Process.Pid, p
	for {
		err := e.answers(ctx)
		select {
		case <-p.done:
			return nil, fmt.Errorf("table engine %s: %w; its last words:\n%s", o.Kind, errEndedEarly, p.words)
		default:
		}
		if err == nil {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("table engine %s does not answer: %w; its last words:\n%s", o.Kind, err, p.words), p.stop())
		case <-p.done:
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Done is closed when the started engine has ended; it is nil where none was
// started.
func (e *Engine) Done() <-chan struct{} {
	if e.process == nil {
		return nil
	}
	return e.process.done
}

// LastWords is what the engine wrote last, for the error of an engine that
// ended by itself.
func (e *Engine) LastWords() string {
	if e.process == nil {
		return ""
	}
	return e.process.words.String()
}

// Stop ends the engine in order, by force after five seconds, and returns when
// it is gone. It does nothing to an engine that was running before, or the
// second time.
func (e *Engine) Stop() error {
	if e.process == nil {
		return nil
	}
	return e.process.stop()
}

func newEngine(endpoint string) *Engine {
	return &Engine{Endpoint: endpoint, client: table.NewClient(table.ClientConfig{
		Region: "us-east-1", AccessKeyID: "local", SecretAccessKey: "local", Endpoint: endpoint,
	})}
}

// Client reaches the engine, with credentials that mean nothing. It is the same
// one every time.
func (e *Engine) Client() *dynamodb.Client { return e.client }

// answers tries once. The plain request comes first because the SDK would try
// three times before it says that nobody is there.
func (e *Engine) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Endpoint, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	_, err = e.client.ListTables(ctx, &dynamodb.ListTablesInput{Limit: new(int32(1))})
	return err
}

// choosePort gives a free port, or says that the wanted one is taken: otherwise
// another engine there would be mistaken for ours.
func choosePort(ctx context.Context, wanted int) (int, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(wanted)))
	if err != nil {
		return 0, fmt.Errorf("port %d is taken: choose another, or 0 for any free one: %w", wanted, err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// command is how the engine is called, with its folder made.
func (o Options) command(port int) ([]string, error) {
	root, err := o.root()
	if err != nil {
		return nil, err
	}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, err
		}
	}
	switch o.Kind {
	case Dynoxide:
		return o.dynoxide(root, port)
	case DynamoDBLocal:
		return o.dynamodbLocal(root, port)
	}
	return nil, fmt.Errorf("there is no such kind: ENGINE is %s or %s", Dynoxide, DynamoDBLocal)
}

func (o Options) dynoxide(root string, port int) ([]string, error) {
	binary := filepath.Join(root, "infra", "engine", "node_modules", "@dynoxide", platform(), "dynoxide")
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("its binary for %s is missing: run `make setup`, or name a running engine by DYNAMODB_ENDPOINT: %w", platform(), err)
	}
	args := []string{binary, "serve", "--host", "127.0.0.1", "--port", strconv.Itoa(port)}
	if o.Dir != "" {
		args = append(args, "--db-path", filepath.Join(o.Dir, "tables.sqlite"))
	}
	return args, nil
}

func (o Options) dynamodbLocal(root string, port int) ([]string, error) {
	jars := filepath.Join(root, ".build", "dynamodb-local")
	if _, err := os.Stat(jars); err != nil {
		return nil, fmt.Errorf("its jars are missing: run `make setup ENGINE=dynamodb-local`: %w", err)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("it needs Java 17 or newer: %w", err)
	}
	args := []string{
		java, "-Xmx512m", "-Djava.library.path=" + jars, "-cp", filepath.Join(jars, "*"),
		"software.amazon.dynamodb.services.local.main.ServerRunner", "-disableTelemetry", "-sharedDb", "-port", strconv.Itoa(port),
	}
	if o.Dir == "" {
		return append(args, "-inMemory"), nil
	}
	return append(args, "-dbPath", o.Dir), nil
}

// root finds the project's folder.
func (o Options) root() (string, error) {
	if o.Root != "" {
		return filepath.Abs(o.Root)
	}
	working, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := working; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "infra", "engine", "package.json")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the project, where the engines are: name a running one by DYNAMODB_ENDPOINT", working)
		}
	}
}
