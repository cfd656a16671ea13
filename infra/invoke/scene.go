package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/infra/local/issuer"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/testkit/scene"
)

// connect is the function whose event names the socket that it opens.
const connect = "realtime/connect"

// scene gives an event what it speaks of, by calling the functions in this
// process with their own events, so that the bootstrap can do its work and not
// only refuse it.
func (e *environment) scene(ctx context.Context, folder string, event []byte) ([]byte, error) {
	names := scene.Names{scene.Fresh: clock.NewID(clock.System{})}
	for id, user := range map[string]string{scene.Ada: "ada", scene.Grace: "grace"} {
		userID, err := e.person(ctx, user)
		if err != nil {
			return nil, err
		}
		names[id] = userID
	}
	if folder == connect {
		names[scene.Socket] = newSocket()
	}
	if err := e.scenes.Prepare(folder, event, names, func(function string, event []byte) ([]byte, error) {
		return e.play(ctx, function, event)
	}); err != nil {
		return nil, fmt.Errorf("scene: %w", err)
	}
	return names.Replace(event), nil
}

// idempotencyKey is the header in an event. It would give the scene of one event
// what was made for another's.
var idempotencyKey = regexp.MustCompile(`"idempotency-key":\s*"[^"]*",`)

func newSocket() string { return clock.NewID(clock.System{}) + "=" }

// play gives a function its event in this process, and the body of its answer.
func (e *environment) play(ctx context.Context, function string, event []byte) ([]byte, error) {
	socket := newSocket()
	if function == connect {
		event = scene.Names{scene.Socket: socket}.Replace(event)
	}
	event, _, err := e.sign(idempotencyKey.ReplaceAll(event, nil))
	if err != nil {
		return nil, err
	}
	body, err := e.answer(ctx, function, event)
	if err == nil && function == connect {
		return json.Marshal(map[string]string{"connectionId": socket})
	}
	return body, err
}

// person makes a local user known, and gives their id.
func (e *environment) person(ctx context.Context, user string) (string, error) {
	token, err := e.issuer.Mint(issuer.TokenRequest{User: user})
	if err != nil {
		return "", fmt.Errorf("token for the scene: %w", err)
	}
	const route = "GET /v1/me"
	event, err := json.Marshal(events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: route, RawPath: "/v1/me", Headers: map[string]string{"authorization": "Bearer " + token.AccessToken},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: route, RequestID: clock.NewID(clock.System{}),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodGet, Path: "/v1/me"},
		},
	})
	if err != nil {
		return "", fmt.Errorf("event for the scene: %w", err)
	}
	body, err := e.answer(ctx, "users/get", event)
	if err != nil {
		return "", err
	}
	var me struct {
		UserID string `json:"userId"`
	}
	if err := json.Unmarshal(body, &me); err != nil {
		return "", fmt.Errorf("scene: users/get: %w", err)
	}
	return me.UserID, nil
}

// answer gives a function an event, and the body of a successful answer.
func (e *environment) answer(ctx context.Context, folder string, event []byte) ([]byte, error) {
	text, err := e.functions.Invoke(ctx, folder, event)
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
