package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Tables carries the table calls of functions that run in this process: the same
// requests as over a connection, signed and complete, without the connection,
// which would cost more than all else that the laptop does for them. A call that
// is cut is an error, as a connection's end would be.
func (p *Proxy) Tables() *Transport {
	return &Transport{func(r *http.Request) (*http.Response, error) {
		body, err := readBody(r)
		if err != nil {
			return nil, err
		}
		if len(body) > MaxBody {
			return respond(r, tooLarge()), nil
		}
		answer, err := p.handle(body, r)
		if err != nil {
			return nil, err
		}
		return respond(r, answer), nil
	}}
}

// readBody reads a request up to a byte beyond what is taken of one.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	var body bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= MaxBody {
		body.Grow(int(n) + bytes.MinRead)
	}
	_, err := body.ReadFrom(io.LimitReader(r.Body, MaxBody+1))
	return body.Bytes(), err
}

// NewTransport carries calls to a handler of another service in the same way.
func NewTransport(handler http.Handler) *Transport {
	return &Transport{func(r *http.Request) (response *http.Response, err error) {
		defer func() {
			if reason := recover(); reason == http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
				response, err = nil, ErrCut
			} else if reason != nil {
				panic(reason)
			}
		}()
		if r.Body == nil {
			r.Body = http.NoBody
		}
		w := recorder{header: http.Header{}}
		handler.ServeHTTP(&w, r)
		if w.status == 0 {
			w.status = http.StatusOK
		}
		return respond(r, Response{Status: w.status, Header: w.header, Body: w.body}), nil
	}}
}

// Transport is a client whose server is in the same process. It implements the
// SDK's HTTPClient.
type Transport struct {
	serve func(*http.Request) (*http.Response, error)
}

// Do implements aws.HTTPClient.
func (t *Transport) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response, err := t.serve(r)
	if r.Body != nil {
		err = errors.Join(err, r.Body.Close())
	}
	return response, err
}

// respond makes a response of an answer.
func respond(r *http.Request, a Response) *http.Response {
	header := a.Header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		Status: http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r,
	}
}

func tooLarge() Response {
	return TableError(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request is larger than 16 MB")
}
