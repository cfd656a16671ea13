// Package realtime declares the functions behind sockets.
package realtime

import (
	"context"

	"github.com/rapport/rapport/functions/meetings"
	"github.com/rapport/rapport/functions/notes"
	"github.com/rapport/rapport/functions/transcripts"
	"github.com/rapport/rapport/shared/config"
	"github.com/rapport/rapport/shared/endpoint"
	"github.com/rapport/rapport/shared/flags"
	"github.com/rapport/rapport/shared/log"
	meetingsdomain "github.com/rapport/rapport/shared/meetings"
	notesdomain "github.com/rapport/rapport/shared/notes"
	"github.com/rapport/rapport/shared/platform"
	"github.com/rapport/rapport/shared/realtime"
	transcriptsdomain "github.com/rapport/rapport/shared/transcripts"
	"github.com/rapport/rapport/shared/users"
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
	Disconnect = endpoint.Socket("$disconnect", "socket: take a closed socket down, and in five seconds its clients' presence; one that is never told of goes when a post, or its owner's eleventh socket, finds it closed.", "",
		Service.Disconnect, endpoint.For(endpoint.Internal))
	Subscribe = endpoint.Socket("subscribe", "Follow a topic, from a position on.", "subscribed",
		Service.Subscribe, endpoint.Needs(meetingsdomain.ActionSubscribe))
	Unsubscribe = endpoint.Socket("unsubscribe", "Follow a topic no more.", "unsubscribed",
		Service.Unsubscribe)
	Presence = endpoint.Socket("presence", "Say that I am in a meeting, every 20 seconds and when it changes.", "ok",
		Service.Presence, endpoint.Needs(meetingsdomain.ActionPresence), endpoint.QuietID())
	ListPresence = endpoint.HTTP("GET /v1/meetings/{meetingId}/presence", "List who is present in a meeting.",
		Service.ListPresence, endpoint.Needs(meetingsdomain.ActionPresence))
	TellPresence = endpoint.HTTP("POST /v1/meetings/{meetingId}/presence", "Say that I am in a meeting, or leave, without a socket.",
		Service.TellPresence, endpoint.Needs(meetingsdomain.ActionPresence))
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
		"ping": Ping, "unknown": Unknown, "fanout": Fanout,
	})
}

// Open builds the service.
func Open(ctx context.Context, env config.Env) (endpoint.App[Service], error) {
	p, err := platform.Open(ctx, env)
	if err != nil {
		return endpoint.App[Service]{}, err
	}
	m := meetings.New(p)
	n := notes.New(p, m)
	tr := transcripts.New(p, m)
	sources := map[realtime.Kind]realtime.Source{
		realtime.State:      meetingsdomain.Source{Service: m},
		realtime.Notes:      notesdomain.Source{Service: n},
		realtime.Transcript: transcriptsdomain.Source{Service: tr},
		realtime.User:       users.NewSource(log.New(p.LogTable, p.Clock, users.StreamLayout())),
		realtime.Flags:      flags.NewSource(p.Data),
	}
	return platform.App(p, Service{
		Service: realtime.New(realtime.Parts{
			Realtime: p.Realtime, Connections: p.Connections, Streams: p.Streams, Sources: sources, Rooms: meetingsdomain.Rooms{Service: m},
			Audit: p.Audit, Clock: p.Clock, Log: p.Log, URL: p.Config.SocketURL,
		}),
		Durable: realtime.NewDurable(p.Streams, sources, p.Clock, m, n, tr),
	}), nil
}
