// Package gateway is API Gateway on a laptop: the HTTP API (payload format
// 2.0) and the WebSocket API with its @connections interface, in front of the
// same functions and with the same events, answers, limits and refusals.
//
// It knows routes and functions by name and nothing of what they do: an event
// goes in as JSON through an Invoker and an answer comes back as JSON. The
// frames of one socket are dispatched at once and in no order, as on AWS; what
// goes out to a socket stands in a bounded queue with one writer, so that a
// client that never reads holds up nobody else.
//
// Where AWS's behaviour is documented it is copied, refusals included
// (`{"message":"Request Entity Too Large"}`). Where it can't be, the gateway is
// stricter: a message is limited as a frame is, to 32 KB.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// Invoker runs a function, named by its folder, with one event's JSON, and
// gives its answer's JSON. An error is a function error (a failure, a panic, a
// timeout); ErrThrottled means that the function was not run.
type Invoker interface {
	Invoke(ctx context.Context, folder string, payload []byte) ([]byte, error)
}

// ErrThrottled says that a function was not run because too many of it are
// running.
var ErrThrottled = errors.New("the function is throttled")

// Limits that API Gateway has.
const (
	// HTTPTimeout is how long an HTTP API waits for its function.
	HTTPTimeout = 30 * time.Second
	// SocketTimeout is how long a WebSocket API waits for its function.
	SocketTimeout = 29 * time.Second
	// MaxHTTPBody is the largest HTTP body, in bytes. On AWS Lambda's limit of
	// 6 MB for an event comes before it; here a function sees all bodies up to
	// this one, and refuses them itself: who isn't signed in first, then what is
	// too large.
	MaxHTTPBody = 10 << 20
	// MaxAnswer is the largest answer of a function that is waited for, in bytes.
	MaxAnswer = 6 << 20
	// MaxHeader bounds request line and headers, in bytes. AWS takes 10 KB; here
	// a browser also sends the cookies that other servers on localhost have set.
	MaxHeader = 32 << 10
)

// account and api stand for what AWS would put into an event's context.
const (
	account = "000000000000"
	api     = "local"
	stage   = "$default"
)

// timeLayout is the request time of an event's context.
const timeLayout = "02/Jan/2006:15:04:05 -0700"

// NewServer is an HTTP server whose every wait is bounded. Sockets leave it
// when their handshake is done.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      HTTPTimeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    MaxHeader,
	}
}

// newID makes an id as AWS makes those of requests and connections: 11 random
// bytes in base64, 16 characters with a `=` at the end.
func newID() string {
	var b [11]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = rand.Read(b[:])
	return base64.URLEncoding.EncodeToString(b[:])
}

// sourceIP is the address of the one who asks.
func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// hostname is the Host header without its port.
func hostname(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return strings.Trim(r.Host, "[]")
}

// writeMessage answers in API Gateway's own words: a JSON object with a
// message and what else belongs to it.
func writeMessage(w http.ResponseWriter, status int, message string, more ...string) {
	body := map[string]string{"message": message}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	// A map of strings always encodes.
	text, _ := json.Marshal(body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may be gone; nobody else needs this error.
	_, _ = w.Write(text)
}
