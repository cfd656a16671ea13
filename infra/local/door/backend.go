package door

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// answerWithin bounds one call of the engine; the SDK gives up earlier.
	answerWithin = 30 * time.Second
	// idleConnections is how many connections are kept open between calls.
	idleConnections = 64
	// idleFor is how long one may wait: less than any engine waits for us.
	idleFor = 10 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 32 << 20
)

// backend keeps connections to the engine. It writes and reads in the caller's
// goroutine: net/http's transport costs two more goroutines a connection, and
// four switches a call.
type backend struct {
	host   string
	dialer net.Dialer
	idle   chan *link
}

// link is one connection.
type link struct {
	conn  net.Conn
	in    *bufio.Reader
	out   bytes.Buffer
	since time.Time
}

func newBackend(host string) *backend {
	return &backend{host: host, dialer: net.Dialer{Timeout: 5 * time.Second}, idle: make(chan *link, idleConnections)}
}

// do sends a call and reads its answer into the call's exchange. A connection
// that fails is an error, also where the engine may have done what was asked: as
// on AWS, the caller's SDK decides whether to ask again.
func (b *backend) do(c *Call) (Answer, error) {
	l, err := b.take()
	if err != nil {
		return Answer{}, fmt.Errorf("table engine: %w", err)
	}
	answer, reusable, err := l.do(b.host, c)
	if err != nil || !reusable {
		// It is of no more use; what matters is the error before.
		_ = l.conn.Close()
	} else {
		b.give(l)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("table engine: %w", err)
	}
	return answer, nil
}

func (b *backend) take() (*link, error) {
	for {
		select {
		case l := <-b.idle:
			if time.Since(l.since) < idleFor {
				return l, nil
			}
			// Given up; nothing is under way on it.
			_ = l.conn.Close()
		default:
			// Not the caller's context: the connection outlives the call.
			conn, err := b.dialer.DialContext(context.Background(), "tcp", b.host)
			if err != nil {
				return nil, err
			}
			return &link{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
		}
	}
}

func (b *backend) give(l *link) {
	l.since = time.Now()
	select {
	case b.idle <- l:
	default:
		// There are enough; nothing is under way on it.
		_ = l.conn.Close()
	}
}

// close ends the connections that wait.
func (b *backend) close() {
	for {
		select {
		case l := <-b.idle:
			// Nothing is under way on it.
			_ = l.conn.Close()
		default:
			return
		}
	}
}

func (l *link) do(host string, c *Call) (answer Answer, reusable bool, err error) {
	if err := l.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return Answer{}, false, err
	}
	l.out.Reset()
	l.out.WriteString("POST / HTTP/1.1\r\nHost: ")
	l.out.WriteString(host)
	// What an engine looks at.
	for _, name := range [...]string{"X-Amz-Target", "Content-Type", "Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		for _, value := range c.header[name] {
			l.out.WriteString("\r\n" + name + ": ")
			l.out.WriteString(value)
		}
	}
	l.out.WriteString("\r\nContent-Length: ")
	l.out.Write(strconv.AppendInt(l.out.AvailableBuffer(), int64(len(c.Body)), 10))
	l.out.WriteString("\r\n\r\n")
	if err := writeTogether(l.conn, &l.out, c.Body); err != nil {
		return Answer{}, false, err
	}
	return l.receive(&c.exchange.response)
}

// together is the size up to which head and body are one write, in bytes.
const together = 16 << 10

// writeTogether writes a message's head and body.
func writeTogether(conn net.Conn, head *bytes.Buffer, body []byte) error {
	if len(body) <= together {
		head.Write(body)
		_, err := conn.Write(head.Bytes())
		return err
	}
	parts := net.Buffers{head.Bytes(), body}
	_, err := parts.WriteTo(conn)
	return err
}

var errTooLarge = errors.New("the answer is above 32 MB")

func (l *link) receive(into *bytes.Buffer) (answer Answer, reusable bool, err error) {
	response, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return Answer{}, false, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	into.Reset()
	if n := response.ContentLength; n > 0 && n <= maxAnswer {
		into.Grow(int(n) + 512)
	}
	if _, err := into.ReadFrom(io.LimitReader(response.Body, maxAnswer+1)); err != nil {
		return Answer{}, false, err
	}
	if into.Len() > maxAnswer {
		return Answer{}, false, errTooLarge
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Date"} {
		delete(response.Header, name)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: into.Bytes()}, !response.Close, nil
}
