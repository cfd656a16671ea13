// Package realtime declares the functions that need sockets alone, whatever is said
// over them: they open the platform and link no domain. What topics are there, only
// package topics knows.
package realtime

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/realtime"
)

type service = *realtime.Service

// The functions.
var (
	Ticket = endpoint.HTTP("POST /v1/realtime/tickets", "Get a ticket that opens one socket within 30 seconds.",
		service.IssueTicket, endpoint.Needs(realtime.ActionTicket), endpoint.Memory(512), endpoint.Serves("join"),
		endpoint.Reads(endpoint.Realtime, endpoint.GetItem), makesPlace())
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
		"ticket": Ticket, "connect": Connect, "disconnect": Disconnect,
		"leave": Leave, "ping": Ping, "unknown": Unknown,
	})
}

// settings are what these functions have beside what every function has.
type settings struct {
	// Departures is the URL of the queue, for who sends to it.
	Departures string `env:"DEPARTURES_QUEUE_URL"`
}

// Open builds the service, of no topics.
func Open(ctx context.Context, env config.Env) (endpoint.App[service], error) {
	p, err := platform.Open(ctx, env)
	if err != nil {
		return endpoint.App[service]{}, err
	}
	own, err := config.Parse[settings](env)
	if err != nil {
		return endpoint.App[service]{}, fmt.Errorf("open: %w", err)
	}
	return platform.App(p, realtime.New(realtime.Parts{
		Realtime: p.Realtime, Connections: p.Connections, Streams: p.Publisher,
		Departures: p.Queue(own.Departures), Audit: p.Audit, Clock: p.Clock, Log: p.Log, URL: p.Config.SocketURL,
	})), nil
}
