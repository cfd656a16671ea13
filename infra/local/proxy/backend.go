package proxy

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// answerWithin bounds one call of the engine; the SDK gives up earlier.
	answerWithin = 30 * time.Second
	// idleConnections is how many connections are kept open between calls.
	idleConnections = 64
	// idleFor is how long one may wait: less than any engine waits for us.
	idleFor = 10 * time.Second
	// buffer holds most requests and answers whole, in bytes.
	buffer = 20 << 10
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 32 << 20
)

// backend is the table engine, and the connections to it. A call is written and
// its answer read by the caller's own goroutine: net/http's client has two for each
// connection, and handing over to them costs more than the rest of the call.
type backend struct {
	url  *url.URL
	idle chan *wire
}

// wire is a connection to the engine, which one call uses at a time.
type wire struct {
	net.Conn
	reader *bufio.Reader
	writer *bufio.Writer
	// used is when a call used it last.
	used time.Time
}

func newBackend(at *url.URL) *backend {
	return &backend{url: at, idle: make(chan *wire, idleConnections)}
}

var errTooLarge = errors.New("the answer is above 32 MB")

// do sends a call and reads its answer. A connection that fails is an error, also
// where the engine may have done what was asked: as on AWS, the caller's SDK
// decides whether to ask again.
func (b *backend) do(c *Call) (Response, error) {
	request := &http.Request{
		Method: http.MethodPost, URL: b.url, Host: b.url.Host, Header: make(http.Header, 6),
		Body: io.NopCloser(bytes.NewReader(c.Body)), ContentLength: int64(len(c.Body)),
	}
	// What an engine looks at.
	for _, name := range [...]string{"X-Amz-Target", "Content-Type", "Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if values := c.header[name]; len(values) > 0 {
			request.Header[name] = values
		}
	}
	// Not the caller's context: what was sent can't be called back.
	over, err := b.connect(context.Background())
	if err != nil {
		return Response{}, fmt.Errorf("table engine: %w", err)
	}
	answer, again, err := over.ask(request)
	if err != nil {
		// The engine may have begun anew, and then the others are of no use either.
		b.close()
		return Response{}, fmt.Errorf("table engine: %w", errors.Join(err, over.Close()))
	}
	if again {
		b.keep(over)
	} else if err := over.Close(); err != nil {
		return Response{}, fmt.Errorf("table engine: %w", err)
	}
	return answer, nil
}

// ask sends a request and reads its answer, and tells whether the connection can
// be used again.
func (c *wire) ask(request *http.Request) (answer Response, again bool, err error) {
	if err := c.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return Response{}, false, err
	}
	if err := errors.Join(request.Write(c.writer), c.writer.Flush()); err != nil {
		return Response{}, false, err
	}
	response, err := http.ReadResponse(c.reader, request)
	if err != nil {
		return Response{}, false, err
	}
	body, err := readAnswer(response)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return Response{}, false, err
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Content-Length", "Date"} {
		response.Header.Del(name)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: body}, !response.Close, nil
}

// connect gives a connection that waits, or a new one.
func (b *backend) connect(ctx context.Context) (*wire, error) {
	for {
		select {
		case waiting := <-b.idle:
			if time.Since(waiting.used) < idleFor {
				return waiting, nil
			}
			// Nothing was under way.
			_ = waiting.Close()
		default:
			port := cmp.Or(b.url.Port(), "80")
			dialer := net.Dialer{Timeout: answerWithin}
			conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(b.url.Hostname(), port))
			if err != nil {
				return nil, err
			}
			return &wire{Conn: conn, reader: bufio.NewReaderSize(conn, buffer), writer: bufio.NewWriterSize(conn, buffer)}, nil
		}
	}
}

// keep has a connection wait for the next call, where there is room.
func (b *backend) keep(c *wire) {
	c.used = time.Now()
	select {
	case b.idle <- c:
	default:
		// Nothing is under way.
		_ = c.Close()
	}
}

func readAnswer(response *http.Response) ([]byte, error) {
	var into bytes.Buffer
	if n := response.ContentLength; n > 0 && n <= maxAnswer {
		into.Grow(int(n) + bytes.MinRead)
	}
	if _, err := into.ReadFrom(io.LimitReader(response.Body, maxAnswer+1)); err != nil {
		return nil, err
	}
	if into.Len() > maxAnswer {
		return nil, errTooLarge
	}
	return into.Bytes(), nil
}

// close ends the connections that wait.
func (b *backend) close() {
	for {
		select {
		case waiting := <-b.idle:
			// Nothing is under way.
			_ = waiting.Close()
		default:
			return
		}
	}
}
