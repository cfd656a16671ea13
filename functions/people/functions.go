// Package people declares the functions about persons among each other: profiles,
// who finds whom, interests and connections.
package people

import (
	"context"
	"net/http"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/people"
)

// service is people, and what those who are connected write to each other.
type service struct {
	*people.Service
	messages *people.Messages
}

// The functions.
var (
	GetProfile = endpoint.HTTP("GET /v1/me/profile", "Get my profile.",
		service.GetProfile, endpoint.Reads(endpoint.Data, endpoint.GetItem))
	UpdateProfile = endpoint.Mutation("PUT /v1/me/profile", "Replace my profile; carries the revision that was read.",
		service.UpdateProfile, endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Fails("CONFLICT"))
	Get = endpoint.HTTP("GET /v1/users/{userId}", "Get a person's card: their name, and what they show me.",
		service.Get, endpoint.Fails("NOT_FOUND"))
	Find = endpoint.HTTP("GET /v1/users", "Find people by the beginning of any part of their name.",
		service.Find, endpoint.Reads(endpoint.Data, endpoint.Query))

	ListInterests = endpoint.HTTP("GET /v1/interests", "List what there is to be interested in.",
		service.ListInterests, endpoint.Reads(endpoint.Data, endpoint.Query))
	GetInterests = endpoint.HTTP("GET /v1/me/interests", "Get my interests.",
		service.GetInterests, endpoint.Reads(endpoint.Data, endpoint.GetItem))
	UpdateInterests = endpoint.Mutation("PUT /v1/me/interests", "Replace my interests.",
		service.UpdateInterests, endpoint.Reads(endpoint.Data, endpoint.GetItem))

	ListConnections = endpoint.HTTP("GET /v1/connections", "List my connections and requests, newest first.",
		service.ListConnections, endpoint.Reads(endpoint.Data, endpoint.Query))
	Connect = endpoint.Mutation("POST /v1/connections", "Ask somebody for a connection, or accept theirs.",
		service.Connect, endpoint.Answers(http.StatusCreated), endpoint.Writes(endpoint.Data, endpoint.UpdateItem))
	Accept = endpoint.Mutation("POST /v1/connections/{connectionId}/accept", "Accept a request that I got.",
		service.Accept, answers())
	Decline = endpoint.Mutation("POST /v1/connections/{connectionId}/decline", "Decline a request that I got.",
		service.Decline, endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Audits())
	Disconnect = endpoint.Mutation("DELETE /v1/connections/{connectionId}", "End a connection, or a request, that I am one of.",
		service.Disconnect, answers(), endpoint.Writes(endpoint.Data, endpoint.DeleteItem))

	ListMessages = endpoint.HTTP("GET /v1/connections/{connectionId}/messages", "List what we have written to each other, after a position.",
		service.listMessages, endpoint.Fails("HISTORY_GONE"),
		endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Reads(endpoint.Log, endpoint.Query), endpoint.Audits())
	PostMessage = endpoint.Mutation("POST /v1/connections/{connectionId}/messages", "Write to somebody with whom I have an accepted connection.",
		service.postMessage, endpoint.Answers(http.StatusCreated),
		endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Reads(endpoint.Log, endpoint.Query),
		endpoint.Writes(endpoint.Log, endpoint.PutItem), endpoint.Delivers(), endpoint.Audits())

	ListBlocks = endpoint.HTTP("GET /v1/me/blocks", "List whom I have blocked.",
		service.ListBlocks, endpoint.Reads(endpoint.Data, endpoint.Query))
	Block = endpoint.Mutation("PUT /v1/me/blocks/{userId}", "Block somebody; it ends what is between us.",
		service.BlockPerson, endpoint.Writes(endpoint.Data, endpoint.UpdateItem, endpoint.DeleteItem))
	Unblock = endpoint.Mutation("DELETE /v1/me/blocks/{userId}", "Take my block of somebody away.",
		service.Unblock, endpoint.Writes(endpoint.Data, endpoint.DeleteItem))
	Report = endpoint.Mutation("POST /v1/users/{userId}/report", "Tell operators of somebody's abuse.",
		service.Report, endpoint.Reads(endpoint.Data, endpoint.GetItem), endpoint.Audits())

	GetNotices = endpoint.HTTP("GET /v1/me/notices", "Get how I am told what.",
		service.GetNotices, endpoint.Reads(endpoint.Data, endpoint.GetItem))
	UpdateNotices = endpoint.Mutation("PUT /v1/me/notices", "Say how I am told what.",
		service.UpdateNotices, endpoint.Reads(endpoint.Data, endpoint.ConditionCheckItem))
)

// listMessages gives what the two of a connection have written.
func (s service) listMessages(ctx context.Context, c caller.Caller, in people.ListMessagesRequest) (people.MessageList, error) {
	return s.messages.List(ctx, c, in)
}

// postMessage writes to the other one of a connection.
func (s service) postMessage(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in people.PostRequest) (people.Message, effect.Effects, error) {
	return s.messages.Post(ctx, c, execution, in)
}

// answers is what changing a connection takes that its id names: to find whose it
// is, and to count. Who isn't one of the two is audited.
func answers() endpoint.Option {
	return func(d *endpoint.Declaration) {
		endpoint.Reads(endpoint.Data, endpoint.GetItem)(d)
		endpoint.Writes(endpoint.Data, endpoint.UpdateItem)(d)
		endpoint.Audits()(d)
	}
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("people", Open, map[string]endpoint.Function[service]{
		"getprofile": GetProfile, "updateprofile": UpdateProfile, "get": Get, "find": Find,
		"listinterests": ListInterests, "getinterests": GetInterests, "updateinterests": UpdateInterests,
		"listconnections": ListConnections, "connect": Connect, "accept": Accept, "decline": Decline, "disconnect": Disconnect,
		"listmessages": ListMessages, "postmessage": PostMessage,
		"listblocks": ListBlocks, "block": Block, "unblock": Unblock, "report": Report,
		"getnotices": GetNotices, "updatenotices": UpdateNotices,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[service], error) {
	d := composition.New(env, overrides)
	s := service{Service: d.People()}
	switch declaration.Route {
	case ListMessages.Route, PostMessage.Route:
		s.messages = d.Messages()
	}
	return platform.App(d.Platform, d.Runtime(declaration), s)
}
