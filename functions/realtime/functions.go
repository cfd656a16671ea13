// Package realtime declares the functions behind sockets.
package realtime

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/config"
	"github.com/rapport/rapport/shared/endpoint"
	"github.com/rapport/rapport/shared/platform"
	"github.com/rapport/rapport/shared/realtime"
)

// Service is the sockets' side and the durable lane behind it.
type Service struct {
	*realtime.Service
	*realtime.Durable
}

// The functions.
var (
	Ticket = endpoint.HTTP("POST /v1/realtime/tickets", "Get a ticket that opens one socket within 30 seconds.",
		Service.IssueTicket, endpoint.Needs(realtime.ActionTicket))
	Connect = endpoint.Socket("$connect", "socket: spend a ticket.", "",
		Service.Connect, endpoint.For(endpoint.Tickets))
	Disconnect = endpoint.Socket("$disconnect", "socket: take a closed socket down, and have its clients' presence looked at eight seconds later; one that is never told of goes when a post, or its owner's eleventh socket, finds it closed.", "",
		Service.Disconnect, endpoint.For(endpoint.Internal))
	// Leave may see a message twice: who is back has a row of another owner.
	Leave = endpoint.Queue("Departures", "queue: end the presence of a closed socket whose client has not come back; a retry ends what is left.",
		Service.Leave)
	Subscribe = endpoint.Socket("subscribe", "Follow a topic, from a position on.", "subscribed",
		Service.Subscribe, endpoint.Needs(realtime.ActionSubscribe))
	Unsubscribe = endpoint.Socket("unsubscribe", "Follow a topic no more.", "unsubscribed",
		Service.Unsubscribe)
	Presence = endpoint.Socket("presence", "Say that I am in a meeting, every 20 seconds and when it changes.", "ok",
		Service.Presence, endpoint.Needs(realtime.ActionPresence), endpoint.QuietID())
	ListPresence = endpoint.HTTP("GET /v1/meetings/{meetingId}/presence", "List who is present in a meeting.",
		Service.ListPresence, endpoint.Needs(realtime.ActionPresence))
	TellPresence = endpoint.HTTP("POST /v1/meetings/{meetingId}/presence", "Say that I am in a meeting, or leave, without a socket.",
		Service.TellPresence, endpoint.Needs(realtime.ActionPresence))
	Ping = endpoint.Socket("ping", "Keep a socket open.", "pong",
		Service.Ping)
	Unknown = endpoint.UnknownFrames[Service]("Answer frames that aren't JSON or have no known action.",
		"subscribe", "unsubscribe", "edit", "presence", "ping")
	// Fanout may see a record twice: a head says what is newest, and a
	// revocation ends only what shouldn't be there.
	Fanout = endpoint.Stream("Data,Log", "stream: tell subscribers what moved, and end the streams that must; a retry tells the same.",
		Service.Fanout)
)

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("realtime", Open, map[string]endpoint.Function[Service]{
		"ticket": Ticket, "connect": Connect, "disconnect": Disconnect, "subscribe": Subscribe,
		"unsubscribe": Unsubscribe, "presence": Presence, "listpresence": ListPresence, "tellpresence": TellPresence,
		"leave": Leave, "ping": Ping, "unknown": Unknown, "fanout": Fanout,
	})
}

// settings are what these functions have beside what every function has.
type settings struct {
	// Departures is the URL of the queue, for who sends to it.
	Departures string `env:"DEPARTURES_QUEUE_URL"`
}

// Open builds the service.
func Open(ctx context.Context, env config.Env) (endpoint.App[Service], error) {
	d, err := composition.Open(ctx, env)
	if err != nil {
		return endpoint.App[Service]{}, err
	}
	own, err := config.Parse[settings](env)
	if err != nil {
		return endpoint.App[Service]{}, err
	}
	topics, err := d.Topics()
	if err != nil {
		return endpoint.App[Service]{}, fmt.Errorf("open: %w", err)
	}
	return platform.App(d.Platform, Service{
		Service: realtime.New(realtime.Parts{
			Realtime: d.Realtime, Connections: d.Connections, Streams: d.Streams, Topics: topics,
			Departures: d.Queue(own.Departures), Audit: d.Audit, Clock: d.Clock, Log: d.Log, URL: d.Config.SocketURL,
		}),
		Durable: realtime.NewDurable(d.Streams, topics, d.Clock, d.Movers()...),
	}), nil
}
