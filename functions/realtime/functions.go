// Package realtime declares the functions that need sockets alone, whatever is said
// over them. They link no domain and no identity provider: a ticket says who opens a
// socket, and its connection who sends over it. What topics are there, only package
// topics knows.
package realtime

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/platform/queues"
	"github.com/rapport/rapport/shared/core/platform/sockets"
	"github.com/rapport/rapport/shared/core/realtime"
)

type service = *realtime.Service

// The functions.
var (
	Connect = endpoint.Socket("$connect", "socket: spend a ticket.", "",
		service.Connect, endpoint.For(endpoint.Tickets), endpoint.Serves("join"),
		endpoint.Reads(endpoint.Control, endpoint.GetItem, endpoint.ConditionCheckItem), endpoint.Writes(endpoint.Control, endpoint.DeleteItem),
		endpoint.Writes(endpoint.Realtime, endpoint.PutItem), makesPlace())
	Disconnect = endpoint.Socket("$disconnect", "socket: take a closed socket down, and have its clients' presence looked at eight seconds later; one that is never told of goes when a post, or its owner's eleventh socket, finds it closed.", "",
		service.Disconnect, endpoint.For(endpoint.Internal), endpoint.Delivers(), endpoint.Audits(), endpoint.Sends("Departures"))
	// Leave may see a message twice: who is back has a row of another owner.
	Leave = endpoint.Queue("Departures", "queue: end the presence of a closed socket whose client has not come back; a retry ends what is left.",
		service.Leave, endpoint.Timeout(5*time.Second), endpoint.Delivers(), endpoint.Audits(),
		// After an hour presence has long ended by silence; eight of the seconds are the
		// messages' own delay.
		endpoint.Takes(endpoint.Messages{Kept: time.Hour, Concurrency: 20}), endpoint.Lag(time.Minute))
	Ping = endpoint.Socket("ping", "Keep a socket open.", "pong",
		service.Ping)
	Unknown = endpoint.UnknownFrames[service]("Answer frames that aren't JSON or have no known action.",
		"subscribe", "unsubscribe", "edit", "presence", "ping")
)

// makesPlace is what it takes to have a person's sockets that are gone make place
// for another.
func makesPlace() endpoint.Option {
	return func(d *endpoint.Declaration) {
		endpoint.Writes(endpoint.Realtime, endpoint.UpdateItem, endpoint.DeleteItem)(d)
		endpoint.LooksUp()(d)
	}
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("realtime", Open, map[string]endpoint.Function[service]{
		"connect": Connect, "disconnect": Disconnect,
		"leave": Leave, "ping": Ping, "unknown": Unknown,
	})
}

// Open builds the service, of no topics. Only what takes sockets down sends to the
// queue of departures.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[service], error) {
	s := sockets.New(platform.New(env, overrides))
	parts := realtime.Dependencies{
		Realtime: s.Realtime(), Connections: s.Connections(), Publisher: s.Publisher(), Audit: s.Audit(), Clock: s.Clock, Log: s.Log,
	}
	if declaration.Route == Disconnect.Route {
		parts.Departures = queues.Open(s.Platform, "DEPARTURES_QUEUE_URL")
	}
	return platform.App(s.Platform, s.Runtime(declaration), realtime.New(parts))
}
