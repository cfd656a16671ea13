package realtime

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/paging"
)

// Without a socket a client says by HTTP that it is there, and asks who else is.

// PresencePage asks for a page of who is there.
type PresencePage struct {
	Limit  *int   `query:"limit" minimum:"1" maximum:"200" doc:"Without it everybody comes in one answer."`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// PresenceList is who is there.
type PresenceList struct {
	Items []Present `json:"items"`
	// NextCursor is null at the list's end.
	NextCursor *string `json:"nextCursor" nullable:"true"`
	// At is when the list was read.
	At time.Time `json:"at"`
}

// ListPresence gives every client that is present in a topic, at most ten for each
// of 101 people: in one answer, unless a limit is asked for. A page may have fewer.
// FORBIDDEN for who may not be present; nobody is where all is over.
func (s *Service) ListPresence(ctx context.Context, c caller.Caller, topic Topic, in PresencePage) (PresenceList, error) {
	at, err := s.scopeOf(topic)
	if err != nil {
		return PresenceList{}, err
	}
	name := "presence in " + string(topic)
	after, err := paging.After(name, in.Cursor)
	if err != nil {
		return PresenceList{}, err
	}
	now := s.clock.Now()
	list := PresenceList{Items: []Present{}, At: now.Truncate(time.Millisecond)}
	switch _, err := at.policy.Admit(ctx, c, topic); {
	case errs.KindOf(err) == errs.MeetingNotActive:
		return list, nil
	case err != nil:
		return PresenceList{}, err
	}
	page, err := s.publisher.presentAfter(ctx, topic, after, in.Limit)
	if err != nil {
		return PresenceList{}, paging.Problem(err)
	}
	for _, row := range page.Items {
		if row.Value.here(now) {
			list.Items = append(list.Items, row.Value.present())
		}
	}
	if page.More() {
		list.NextCursor = paging.Next(name, page.Next)
	}
	return list, nil
}

// PresenceAnswer answers a heartbeat over HTTP.
type PresenceAnswer struct {
	// ClientKey is how others see the client.
	ClientKey string    `json:"clientKey"`
	At        time.Time `json:"at"`
}

// TellPresence is Presence over HTTP: the client's presence goes with its session
// instead of a socket.
func (s *Service) TellPresence(ctx context.Context, c caller.Caller, topic Topic, in Heartbeat) (PresenceAnswer, effect.Effects, error) {
	at, err := s.scopeOf(topic)
	if err != nil {
		return PresenceAnswer{}, nil, err
	}
	effects, err := s.heartbeat(ctx, c, at, in)
	if err != nil {
		return PresenceAnswer{}, nil, err
	}
	return PresenceAnswer{ClientKey: clientKeyOf(c.UserID, in.ClientID), At: s.clock.Now().Truncate(time.Millisecond)}, effects, nil
}
