package simulation

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rapport/rapport/infra/local/tables"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// startEngine starts the engine of a test. Dynoxide gets a database that stays
// fast however many stream records it holds.
func startEngine(t *testing.T) *engine.Engine {
	t.Helper()
	options, err := config.Parse[engine.Options](config.Process())
	if err != nil {
		t.Fatal(err)
	}
	if options.Kind == engine.Dynoxide && options.Endpoint == "" {
		options.Dir = scratch(t)
		if err := tables.Prepare(options.Dir); err != nil {
			t.Fatal(err)
		}
	}
	e, err := engine.Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// scratch is a folder in memory where the machine has one.
func scratch(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	dir, err := os.MkdirTemp(memory, "rapport-simulation-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// makeTables makes the five tables of one run, which are gone after it.
func makeTables(t *testing.T, e *engine.Engine, prefix string) []engine.TableSpec {
	t.Helper()
	specs := tabletest.Specs(prefix)
	if err := engine.CreateTables(t.Context(), e.Client(), specs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, spec := range specs {
			// The test's own context has ended by now.
			if err := engine.DeleteTables(context.Background(), e.Client(), spec.Name); err != nil {
				t.Error(err)
			}
		}
	})
	return specs
}

// line is one connection to the engine, made outside of any bubble. It writes
// and reads in the caller's goroutine: one that waits for the network doesn't let
// virtual time pass, and nothing is left waiting when the call is over.
type line struct {
	host string

	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
}

func newLine(t *testing.T, e *engine.Engine) *line {
	t.Helper()
	l := &line{host: strings.TrimPrefix(e.Endpoint, "http://")}
	if err := l.dial(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *line) dial() (err error) {
	if l.conn, err = net.Dial("tcp", l.host); err != nil {
		return fmt.Errorf("reach the engine: %w", err)
	}
	l.in = bufio.NewReader(l.conn)
	return nil
}

// answer is what the engine said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request sends one request of the protocol and reads its answer.
func (l *line) request(header http.Header, body []byte) (answer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out bytes.Buffer
	fmt.Fprintf(&out, "POST / HTTP/1.1\r\nHost: %s\r\n", l.host)
	for _, name := range []string{"X-Amz-Target", "Content-Type", "Authorization", "X-Amz-Date"} {
		fmt.Fprintf(&out, "%s: %s\r\n", name, header.Get(name))
	}
	fmt.Fprintf(&out, "Content-Length: %d\r\n\r\n", len(body))
	out.Write(body)
	if _, err := l.conn.Write(out.Bytes()); err != nil {
		return answer{}, fmt.Errorf("ask the engine: %w", err)
	}
	response, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return answer{}, fmt.Errorf("read the engine's answer: %w", err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the engine's answer: %w", err)
	}
	// Its time is the machine's, and would make the SDK correct its own.
	response.Header.Del("Date")
	return answer{response.StatusCode, response.Header, text}, nil
}

// Do implements aws.HTTPClient, for calls that are no part of the simulation.
func (l *line) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	a, err := l.request(r.Header, body)
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

func (a answer) response(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}
}
