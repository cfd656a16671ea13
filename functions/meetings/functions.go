// Package meetings declares the functions about meetings and who is in them.
package meetings

import (
	"context"
	"net/http"

	"github.com/rapport/rapport/functions/composition"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/meetings"
)

type service = *meetings.Service

// The functions.
var (
	Create = endpoint.Mutation("POST /v1/meetings", "Create a meeting; I become its host.",
		service.Create, endpoint.Needs(meetings.ActionCreate), endpoint.Answers(http.StatusCreated), endpoint.Audits())
	List = endpoint.HTTP("GET /v1/meetings", "List my meetings, newest first.",
		service.List, endpoint.Needs(meetings.ActionList), endpoint.ReadsIndex(endpoint.Data, "GSI1"))
	Get = endpoint.HTTP("GET /v1/meetings/{meetingId}", "Read a meeting that I am in.",
		service.Get, endpoint.Needs(meetings.ActionGet), endpoint.Serves("join"), endpoint.Audits())
	Update = endpoint.Mutation("PATCH /v1/meetings/{meetingId}", "Change a meeting; carries the revision that was read.",
		service.Update, endpoint.Needs(meetings.ActionUpdate),
		moves(), endpoint.Audits())
	Start = endpoint.Mutation("POST /v1/meetings/{meetingId}/start", "Start a scheduled meeting.",
		service.Start, endpoint.Needs(meetings.ActionStart),
		moves(), endpoint.Audits())
	End = endpoint.Mutation("POST /v1/meetings/{meetingId}/end", "End an active meeting; its notes and its transcript take no more.",
		service.End, endpoint.Needs(meetings.ActionEnd),
		moves(), endpoint.Reads(endpoint.Log, endpoint.GetItem, endpoint.Query), endpoint.Writes(endpoint.Log, endpoint.PutItem),
		endpoint.Writes(endpoint.Realtime, endpoint.BatchWriteItem), endpoint.Audits())
	ListParticipants = endpoint.HTTP("GET /v1/meetings/{meetingId}/participants", "List who is in a meeting.",
		service.ListParticipants, endpoint.Needs(meetings.ActionListParticipants),
		endpoint.Reads(endpoint.Data, endpoint.Query), endpoint.Audits())
	Invite = endpoint.Mutation("POST /v1/meetings/{meetingId}/participants", "Invite a person to a meeting.",
		service.Invite, endpoint.Needs(meetings.ActionInvite), endpoint.Answers(http.StatusCreated),
		moves(), endpoint.Audits())
	ChangeRole = endpoint.Mutation("PATCH /v1/meetings/{meetingId}/participants/{userId}", "Give a participant another role; it holds at once.",
		service.ChangeRole, endpoint.Needs(meetings.ActionChangeRole),
		moves(), endpoint.Audits())
	Remove = endpoint.Mutation("DELETE /v1/meetings/{meetingId}/participants/{userId}", "Remove a participant; their streams end at once.",
		service.Remove, endpoint.Needs(meetings.ActionRemove), endpoint.Fails("CONFLICT"),
		moves(), endpoint.Audits())
)

// moves is what changing a meeting takes: to read it and its participants, and to
// send to its followers.
func moves() endpoint.Option {
	return func(d *endpoint.Declaration) {
		endpoint.Reads(endpoint.Data, endpoint.GetItem, endpoint.Query)(d)
		endpoint.Delivers()(d)
	}
}

// Functions lists them under their folders.
func Functions() []endpoint.FunctionSpec {
	return endpoint.Domain("meetings", Open, map[string]endpoint.Function[service]{
		"create": Create, "list": List, "get": Get, "update": Update, "start": Start, "end": End,
		"listparticipants": ListParticipants, "invite": Invite, "changerole": ChangeRole, "remove": Remove,
	})
}

// Open builds the service.
func Open(_ context.Context, declaration endpoint.Declaration, env config.Env, overrides endpoint.Overrides) (endpoint.App[service], error) {
	d := composition.New(env, overrides)
	return platform.App(d.Platform, d.Runtime(declaration), d.Meetings())
}
