package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// handled is an end of the chain that a handler serves.
func handled(h http.Handler, r *http.Request) Handler {
	return func(_ context.Context, c *Call) (Response, error) {
		again := *r
		again.Body = io.NopCloser(bytes.NewReader(c.Body))
		again.ContentLength = int64(len(c.Body))
		w := recorder{header: http.Header{}}
		h.ServeHTTP(&w, &again)
		if w.status == 0 {
			w.status = http.StatusOK
		}
		return Response{Status: w.status, Header: w.header, Body: w.body}, nil
	}
}

// recorder keeps a handler's answer, which is short.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}
