package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// backend is the table engine, and the connections to it.
type backend struct {
	url         string
	connections *http.Transport
}

func newBackend(url string) *backend {
	return &backend{url: url, connections: &http.Transport{
		MaxIdleConns: idleConnections, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleFor, DisableCompression: true,
		WriteBufferSize: buffer, ReadBufferSize: buffer,
	}}
}

var errTooLarge = errors.New("the answer is above 32 MB")

// do sends a call and reads its answer. A connection that fails is an error, also
// where the engine may have done what was asked: as on AWS, the caller's SDK
// decides whether to ask again.
func (b *backend) do(c *Call) (Response, error) {
	// Not the caller's context: what was sent can't be called back.
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, bytes.NewReader(c.Body))
	if err != nil {
		return Response{}, fmt.Errorf("table engine: %w", err)
	}
	// What an engine looks at.
	for _, name := range [...]string{"X-Amz-Target", "Content-Type", "Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if values := c.header[name]; len(values) > 0 {
			request.Header[name] = values
		}
	}
	response, err := b.connections.RoundTrip(request)
	if err != nil {
		return Response{}, fmt.Errorf("table engine: %w", err)
	}
	body, err := readAnswer(response)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return Response{}, fmt.Errorf("table engine: %w", err)
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Content-Length", "Date"} {
		response.Header.Del(name)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
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
func (b *backend) close() { b.connections.CloseIdleConnections() }
