// Package topics declares the functions that follow topics and tell who is present
// in them. They know all domains' topics, which composition registers.
package topics

import (
	"context"
	"fmt"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/realtime"
)

// Service is the subscriptions' side of sockets, and who is present in a meeting.
type Service struct{ *realtime.Service }

// The functions.
var (
	Subscribe = endpoint.Socket("subscribe", "Follow a topic, from a position on.", "subscribed",
		Service.Subscribe, endpoint.Needs(realtime.ActionSubscribe), endpoint.Confirms(), endpoint.Serves("join"),
		endpoint.Reads(endpoint.Data, endpoint.GetItem, endpoint.BatchGetItem, endpoint.Query, endpoint.ConditionCheckItem),
		endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.Query),
		endpoint.Writes(endpoint.Realtime, endpoint.PutItem), endpoint.Delivers(), endpoint.Closes(), endpoint.Audits())
	Unsubscribe = endpoint.Socket("unsubscribe", "Follow a topic no more.", "unsubscribed",
		Service.Unsubscribe, endpoint.Writes(endpoint.Realtime, endpoint.UpdateItem, endpoint.DeleteItem), endpoint.Audits())
	Presence = endpoint.Socket("presence", "Say that I am in a meeting, every 20 seconds and when it changes.", "ok",
		Service.Presence, endpoint.Needs(realtime.ActionPresence), endpoint.QuietID(),
		endpoint.Reads(endpoint.Data, endpoint.BatchGetItem), tellsPresence(), endpoint.Audits())
	ListPresence = endpoint.HTTP("GET /v1/meetings/{meetingId}/presence", "List who is present in a meeting.",
		Service.ListPresence, endpoint.Needs(realtime.ActionPresence), endpoint.Memory(512),
		endpoint.Reads(endpoint.Realtime, endpoint.Query), endpoint.Audits())
	TellPresence = endpoint.Mutation("POST /v1/meetings/{meetingId}/presence", "Say that I am in a meeting, or leave, without a socket.",
		Service.TellPresence, endpoint.Needs(realtime.ActionPresence), endpoint.Memory(512),
		endpoint.Reads(endpoint.Realtime, endpoint.GetItem), endpoint.Reads(endpoint.Control, endpoint.ConditionCheckItem),
		tellsPresence(), endpoint.Audits())
)

// tellsPresence is what a presence's row takes: it is held to the participant's, and
// the others are told.
func tellsPresence() endpoint.Option {
	return func(d *endpoint.Declaration) {
		endpoint.Reads(endpoint.Data, endpoint.ConditionCheckItem)(d)
		endpoint.Writes(endpoint.Realtime, endpoint.PutItem)(d)
		endpoint.Delivers()(d)
	}
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("topics", Open, map[string]endpoint.Function[Service]{
		"subscribe": Subscribe, "unsubscribe": Unsubscribe,
		"presence": Presence, "listpresence": ListPresence, "tellpresence": TellPresence,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[Service], error) {
	d := composition.New(env, overrides)
	registry, err := d.Topics()
	if err != nil {
		return endpoint.App[Service]{}, fmt.Errorf("open: %w", err)
	}
	return platform.App(d.Platform, d.Runtime(declaration), Service{realtime.New(realtime.Parts{
		Realtime: d.Realtime(), Connections: d.Connections(), Streams: d.Publisher(), Topics: registry,
		Audit: d.Audit(), Clock: d.Clock, Log: d.Log,
	})})
}
