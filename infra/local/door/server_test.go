package door

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// closable is a door of which a test ends itself.
func closable(t *testing.T, target string, steps ...Step) (d *Door, address string, served chan error) {
	t.Helper()
	d, err := New(Options{Engine: target, Stack: stack(), Steps: steps, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served = make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	return d, l.Addr().String(), served
}

func TestShutdownLetsCallsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	d, address, served := closable(t, engine(t, echo), func(ctx context.Context, c *Call, next Next) (Answer, error) {
		close(entered)
		<-release
		return next(ctx, c)
	})
	idle, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	answered := make(chan error, 1)
	go func() {
		_, answer, err := call(t, address, "GetItem", `{"TableName":"A"}`)
		if err == nil && answer != `{"TableName":"A"}` {
			err = errors.New(answer)
		}
		answered <- err
	}()
	<-entered
	ended, stop := context.WithTimeout(context.Background(), enough)
	defer stop()
	down := make(chan error, 1)
	go func() { down <- d.Shutdown(ended) }()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := idle.SetReadDeadline(time.Now().Add(enough)); err != nil {
		t.Fatal(err)
	}
	if n, err := idle.Read(make([]byte, 1)); err == nil {
		t.Errorf("an idle connection got %d bytes", n)
	}
	select {
	case err := <-down:
		t.Errorf("Shutdown did not wait: %v", err)
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if _, _, err := call(t, address, "GetItem", "{}"); err == nil {
		t.Error("a closed door answered")
	}
}

func TestShutdownCutsWhatDoesNotFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	d, address, _ := closable(t, engine(t, echo), func(ctx context.Context, c *Call, next Next) (Answer, error) {
		close(entered)
		<-release
		return next(ctx, c)
	})
	answered := make(chan error, 1)
	go func() {
		_, _, err := call(t, address, "GetItem", "{}")
		answered <- err
	}()
	<-entered
	over, stop := context.WithCancel(t.Context())
	stop()
	if err := d.Shutdown(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the call was answered")
	}
	close(release)
}

func TestAPanicCutsItsCallAlone(t *testing.T) {
	_, address := open(t, engine(t, echo), func(ctx context.Context, c *Call, next Next) (Answer, error) {
		if c.Operation == "PutItem" {
			panic("boom")
		}
		return next(ctx, c)
	})
	if _, _, err := call(t, address, "PutItem", "{}"); err == nil {
		t.Error("a call that panicked was answered")
	}
	if _, answer, err := call(t, address, "GetItem", "{}"); err != nil || answer != "{}" {
		t.Errorf("after it: %s %v", answer, err)
	}
}

func TestRequestsOnTheWire(t *testing.T) {
	_, address := open(t, engine(t, echo))
	long := "POST / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", maxHead) + "\r\nContent-Length: 2\r\n\r\n{}"
	for _, test := range []struct {
		name, request string
		status        int
		goesOn        bool
	}{
		{"plain", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 200, true},
		{"chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, true},
		{"closing", "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 200, false},
		{"HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", 200, false},
		{"without a body", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, true},
		{"not HTTP", "hello\r\n\r\n", 400, false},
		{"a head that is too long", long, 400, false},
		{"too large", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16777217\r\n\r\n" + strings.Repeat("x", MaxBody+1), 413, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(enough)); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			for try := range 2 {
				if try == 1 && !test.goesOn {
					if n, err := in.Read(make([]byte, 1)); n != 0 || err == nil {
						t.Errorf("the connection goes on")
					}
					return
				}
				if _, err := io.WriteString(conn, test.request); err != nil {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(in, nil)
				if err != nil && test.status == http.StatusBadRequest {
					return // what was not read of the request may cost the answer
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != test.status {
					t.Errorf("status %d, %v, want %d", response.StatusCode, err, test.status)
				}
			}
		})
	}
}

func TestACallerWhoWaitsToBeAskedForItsBody(t *testing.T) {
	_, address := open(t, engine(t, echo))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(enough)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for _, step := range []struct {
		send   string
		status int
	}{{"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", 100}, {"{}", 200}} {
		if _, err := io.WriteString(conn, step.send); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil || response.StatusCode != step.status {
			t.Fatalf("%v %v, want %d", response, err, step.status)
		}
	}
}
