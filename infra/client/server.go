package client

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// idleConnections is how many idle connections to the API a site keeps: enough
// that thousands of people share a few hundred, which isn't dialled anew for
// each call.
const idleConnections = 512

// Server is a Rapport that many people use from one process: they share its
// connections.
type Server struct {
	// Base is its address, such as http://localhost:3000.
	Base string
	// Issuer is where people get their tokens, at /dev/token; empty is Base.
	Issuer string
	// Sent, where set, learns of every request when its answer has come: method,
	// path, status (0 where there was no answer), bytes received.
	Sent func(method, path string, status, bytes int)
	// Trouble, where set, learns of what went wrong and is tried again.
	Trouble func(doing string, err error)

	http *http.Client
	dial *http.Client
}

// NewServer makes a site.
func NewServer(base string) *Server {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = idleConnections, idleConnections
	// A socket's connection is never used again: it needs no pool, and small
	// buffers are enough for its handshake.
	sockets := transport.Clone()
	sockets.DisableKeepAlives = true
	sockets.ReadBufferSize, sockets.WriteBufferSize = 1<<10, 1<<10
	return &Server{
		Base: base,
		http: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		dial: &http.Client{Transport: sockets},
	}
}

// SignIn signs a local person in.
func (s *Server) SignIn(ctx context.Context, user string) (*Client, error) {
	c := &Client{site: s, user: user}
	return c, c.refresh(ctx)
}

// Bearer is the person whom an access token names. It is asked for no other when
// it expires.
func (s *Server) Bearer(ctx context.Context, token string) (*Client, error) {
	c := &Client{site: s, token: token}
	var me struct {
		UserID string `json:"userId"`
	}
	if err := c.Do(ctx, http.MethodGet, "/v1/me", nil, &me); err != nil {
		return nil, fmt.Errorf("whose token it is: %w", err)
	}
	c.UserID = me.UserID
	return c, nil
}

func (s *Server) trouble(doing string, err error) {
	if s.Trouble != nil {
		s.Trouble(doing, err)
	}
}

// Close lets go of idle connections.
func (s *Server) Close() {
	s.http.CloseIdleConnections()
	s.dial.CloseIdleConnections()
}
