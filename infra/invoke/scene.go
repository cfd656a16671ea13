package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/infra/local/issuer"
	"github.com/rapport/rapport/shared/clock"
)

// The ids that the events under events/ speak of. A scene puts real ones in
// their place.
const (
	aMeeting    = "01K0ABCDEFGHJKMNPQRSTVWXYZ"
	aTicket     = "tkt-" + aMeeting
	aConnection = "NfYzAcQ5oAMCJpg="
	ada         = "user_01K0ADA00000000000000000"
	grace       = "user_01K0GRACE0000000000000000"
)

// scene gives an event what it speaks of, by calling the functions in this
// process, so that the bootstrap can do its work and not only refuse it: a
// meeting of ada's with grace in it, an open socket, an unspent ticket.
func (w *world) scene(ctx context.Context, folder string, event []byte) ([]byte, error) {
	text := string(event)
	names := []string{ada, "user_ada", grace, "user_grace"}
	if strings.Contains(text, grace) {
		if _, err := w.call(ctx, "users/get", "grace", events.APIGatewayV2HTTPRequest{RouteKey: "GET /v1/me", RawPath: "/v1/me"}); err != nil {
			return nil, err
		}
	}
	if strings.Contains(text, aTicket) || strings.Contains(text, aConnection) {
		ticket, err := w.ticket(ctx)
		if err != nil {
			return nil, err
		}
		connection := clock.NewID(clock.System{}) + "="
		names = append(names, aTicket, ticket, aConnection, connection)
		if folder != "realtime/connect" {
			if err := w.connect(ctx, ticket, connection); err != nil {
				return nil, err
			}
		}
	}
	if strings.Contains(strings.ReplaceAll(text, aTicket, ""), aMeeting) {
		meeting, err := w.meeting(ctx, folder)
		if err != nil {
			return nil, err
		}
		names = append(names, aMeeting, meeting)
	}
	return []byte(strings.NewReplacer(names...).Replace(text)), nil
}

// meeting makes a meeting in the state that a function wants.
func (w *world) meeting(ctx context.Context, folder string) (string, error) {
	body := `{"title":"Weekly planning"}`
	if folder == "meetings/changerole" || folder == "meetings/remove" {
		body = `{"title":"Weekly planning","participants":[{"userId":"user_grace","role":"participant"}]}`
	}
	answer, err := w.call(ctx, "meetings/create", "ada", events.APIGatewayV2HTTPRequest{
		RouteKey: "POST /v1/meetings", RawPath: "/v1/meetings", Body: body,
	})
	if err != nil {
		return "", err
	}
	var made struct {
		MeetingID string `json:"meetingId"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", fmt.Errorf("meeting: %w", err)
	}
	if folder == "meetings/end" || folder == "transcripts/append" {
		_, err = w.call(ctx, "meetings/start", "ada", events.APIGatewayV2HTTPRequest{
			RouteKey: "POST /v1/meetings/{meetingId}/start", RawPath: "/v1/meetings/" + made.MeetingID + "/start",
			PathParameters: map[string]string{"meetingId": made.MeetingID},
		})
	}
	return made.MeetingID, err
}

func (w *world) ticket(ctx context.Context) (string, error) {
	answer, err := w.call(ctx, "realtime/ticket", "ada", events.APIGatewayV2HTTPRequest{
		RouteKey: "POST /v1/realtime/tickets", RawPath: "/v1/realtime/tickets",
	})
	if err != nil {
		return "", err
	}
	var made struct {
		Ticket string `json:"ticket"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", fmt.Errorf("ticket: %w", err)
	}
	return made.Ticket, nil
}

// connect opens a socket with the event for that.
func (w *world) connect(ctx context.Context, ticket, connection string) error {
	event, err := os.ReadFile(filepath.Join(w.root, "events", "realtime", "connect.json"))
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	_, err = w.answer(ctx, "realtime/connect", []byte(strings.NewReplacer(aTicket, ticket, aConnection, connection).Replace(string(event))))
	return err
}

// call invokes an HTTP function in this process as a local user, and gives the
// body of a successful answer.
func (w *world) call(ctx context.Context, folder, user string, event events.APIGatewayV2HTTPRequest) ([]byte, error) {
	token, err := w.issuer.Mint(issuer.TokenRequest{User: user})
	if err != nil {
		return nil, fmt.Errorf("token for the scene: %w", err)
	}
	event.Version = "2.0"
	event.Headers = map[string]string{"authorization": "Bearer " + token.AccessToken, "content-type": "application/json"}
	method, _, _ := strings.Cut(event.RouteKey, " ")
	event.RequestContext.RouteKey = event.RouteKey
	event.RequestContext.RequestID = clock.NewID(clock.System{})
	event.RequestContext.HTTP = events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: event.RawPath}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("event for the scene: %w", err)
	}
	return w.answer(ctx, folder, text)
}

func (w *world) answer(ctx context.Context, folder string, event []byte) ([]byte, error) {
	text, err := w.functions.Invoke(ctx, folder, event)
	if err != nil {
		return nil, fmt.Errorf("scene: %w", err)
	}
	var answer struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("scene: %s: %w", folder, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("scene: %s answered %s", folder, text)
	}
	return []byte(answer.Body), nil
}
