// Package sockets opens what functions stand on that serve sockets or post to them.
package sockets

import (
	"cmp"
	"time"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/dispatch"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/core/realtime/apigateway"
	"github.com/rapport/rapport/shared/core/session"
)

// Config is the environment of functions that serve sockets or post to them.
type Config struct {
	// Lifetime is how long a socket may live.
	Lifetime time.Duration `env:"SOCKET_LIFETIME" envDefault:"2h"`
	Gateway  apigateway.Config
}

// Sockets is a platform with connections and the publisher.
type Sockets struct {
	*platform.Platform

	lifetime    time.Duration
	gateway     endpoint.Sockets
	sessions    *session.Store
	connections *realtime.Connections
	publisher   *realtime.Publisher
}

// New makes them on a platform.
func New(p *platform.Platform) *Sockets { return &Sockets{Platform: p} }

// apiGateway gives the way to open sockets: @connections, or what overrides it.
func (s *Sockets) apiGateway() endpoint.Sockets {
	if s.gateway == nil {
		cfg := config.Read[Config](s.Env)
		cfg.Gateway.HTTP = s.Overrides.Posts
		s.lifetime = cfg.Lifetime
		s.gateway = cmp.Or[endpoint.Sockets](s.Overrides.Sockets, apigateway.New(cfg.Gateway))
	}
	return s.gateway
}

// Sessions gives the store of ended sessions.
func (s *Sockets) Sessions() *session.Store {
	if s.sessions == nil {
		s.sessions = session.New(s.Control(), s.Clock)
	}
	return s.sessions
}

// Connections gives the keeper of tickets and open sockets.
func (s *Sockets) Connections() *realtime.Connections {
	if s.connections == nil {
		gateway := s.apiGateway()
		s.connections = realtime.NewConnections(s.Realtime(), s.Control(), s.Sessions(), gateway, s.Clock).WithLifetime(s.lifetime)
	}
	return s.connections
}

// Publisher gives the sender to the subscribers of topics.
func (s *Sockets) Publisher() *realtime.Publisher {
	if s.publisher == nil {
		s.publisher = realtime.NewPublisher(s.Realtime(), s.Connections(), s.apiGateway(), s.Audit(), s.Clock, s.Log).In(s.LogEpoch())
	}
	return s.publisher
}

// Runtime gives what the adapters need around a function: a function for
// sockets gets connections, to know callers by, and a way to answer; a function that
// declares what it posts or sends gets a dispatcher of effects.
func (s *Sockets) Runtime(declaration endpoint.Declaration) endpoint.Runtime {
	runtime := s.Platform.Runtime(declaration)
	if declaration.Trigger == endpoint.TriggerSocket {
		s.Env.Variable("WS_ENDPOINT") // every frame is answered by a post
		runtime.Connections, runtime.Posts = s.Connections(), s.apiGateway()
		runtime.Handover = realtime.NewHandover(s.lifetime, s.Clock)
	}
	if deployment := declaration.Deployment; len(deployment.Sockets)+len(deployment.Queues) > 0 {
		runtime.Effects = dispatch.New(s.Publisher(), s.Audit())
	}
	return runtime
}
