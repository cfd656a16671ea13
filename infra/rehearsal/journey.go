package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/rapport/rapport/infra/client"
	"github.com/rapport/rapport/infra/journey"
)

// rehearsed is a journey of two people whom the rehearsal's identity provider knows.
type rehearsed struct {
	*journey.Journey
	server *client.Server
	// revoke ends a person's sessions as their identity provider does.
	revoke func(ctx context.Context, user string) error
}

// step is a part of the journey that is told when it is done.
type step struct {
	name string
	do   func(*rehearsed, context.Context) error
}

func steps() []step {
	return []step{
		{"two people sign in; their profiles come from the identity provider", (*rehearsed).signIn},
		{"a meeting is made, started and read by who was invited", (*rehearsed).Meet},
		{"tickets open sockets, which follow state, notes and transcript", (*rehearsed).connect},
		{"presence reaches the other", (*rehearsed).Presence},
		{"an edit is acknowledged, and its event comes by the express lane", (*rehearsed).edit},
		{"the durable lane says the head with the text's hash", (*rehearsed).Head},
		{"the transcript takes a chunk, and tells and lists it", (*rehearsed).Transcript},
		{"a new role ends streams and holds at once", (*rehearsed).ChangeRole},
		{"the meeting's end ends the streams; its notes stay", (*rehearsed).End},
		{"an ended session ends what it follows, by the signed webhook", (*rehearsed).endSession},
	}
}

// newRehearsed begins one at an API, whose people get their tokens from an issuer.
func newRehearsed(api, issuer string, revoke func(context.Context, string) error) *rehearsed {
	server := client.NewServer(api)
	server.Issuer = issuer
	return &rehearsed{Journey: journey.New(server, nil, nil), server: server, revoke: revoke}
}

func (r *rehearsed) close() {
	r.Cut()
	r.server.Close()
}

func (r *rehearsed) signIn(ctx context.Context) error {
	ada, err := r.server.SignIn(ctx, "ada")
	if err != nil {
		return err
	}
	grace, err := r.server.SignIn(ctx, "grace")
	if err != nil {
		return err
	}
	var me struct{ UserID, DisplayName string }
	if err := ada.Do(ctx, http.MethodGet, "/v1/me", nil, &me); err != nil {
		return err
	}
	if me.DisplayName != "Ada Lovelace" || me.UserID != ada.UserID {
		return fmt.Errorf("ada is %q, want Ada Lovelace", me.DisplayName)
	}
	r.Journey = journey.New(r.server, ada, grace)
	return r.Profile(ctx)
}

func (r *rehearsed) connect(ctx context.Context) error {
	return inOrder(ctx, r.Tickets, r.Connect, r.Subscribe)
}

func (r *rehearsed) edit(ctx context.Context) error { return inOrder(ctx, r.Edit, r.Express) }

// inOrder does one after the other, as far as there is no error.
func inOrder(ctx context.Context, all ...func(context.Context) error) error {
	for _, do := range all {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *rehearsed) endSession(ctx context.Context) error {
	if err := r.revoke(ctx, "grace"); err != nil {
		return err
	}
	if err := r.Await(ctx, "session_ended", journey.Revoked(r.Topic(""), "session_ended")); err != nil {
		return err
	}
	select {
	case <-r.GuestSocket.Done():
		return nil
	case <-ctx.Done():
		return errors.New("the socket of an ended session stays open")
	}
}
