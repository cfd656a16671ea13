package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// admit asks $connect. Without such a route everybody is let in, as on AWS.
// The answer of a function that refuses goes to the client as it is.
func (g *Sockets) admit(w http.ResponseWriter, r *http.Request, s *socket) (subprotocols []string, ok bool) {
	folder, declared := g.routes.folders["$connect"]
	if !declared {
		return nil, true
	}
	event := s.connectEvent(r, s.connectedAt)
	about := []string{"connectionId", s.id, "requestId", event.RequestContext.RequestID}
	a, err := g.invokeForFrame(folder, event)
	switch {
	case err != nil && errors.Is(err, ErrThrottled):
		writeMessage(w, http.StatusTooManyRequests, "Too Many Requests", about...)
	case err != nil:
		g.Log.Error("function failed", "function", folder, "connectionId", s.id, "error", err.Error())
		writeMessage(w, http.StatusInternalServerError, "Internal server error", about...)
	case a.status < http.StatusMultipleChoices:
		return a.header.Values("Sec-Websocket-Protocol"), true
	case len(a.body) > 0:
		a.write(w, r)
	default:
		writeMessage(w, a.status, http.StatusText(a.status), about...)
	}
	return nil, false
}

// invokeForFrame runs a function whose answer must name a status.
func (g *Sockets) invokeForFrame(folder string, event events.APIGatewayWebsocketProxyRequest) (answer, error) {
	payload, err := g.invoke(folder, event)
	if err != nil {
		return answer{}, err
	}
	a, err := parseAnswer(payload)
	if err == nil && a.implied {
		err = errors.New("the answer has no statusCode")
	}
	return a, err
}

// message runs the function of one frame. What the function answers stays
// unseen, because its route has no response; that it failed the client learns.
func (g *Sockets) message(s *socket, frame string) {
	route := g.routes.choose(frame)
	event := s.messageEvent(route.Key, frame, g.Clock.Now())
	if route.Folder == "" {
		g.sendError(s, event, "Forbidden")
		return
	}
	if _, err := g.invoke(route.Folder, event); err != nil {
		g.Log.Error("function failed", "function", route.Folder, "connectionId", s.id,
			"requestId", event.RequestContext.RequestID, "error", err.Error())
		g.sendError(s, event, "Internal server error")
	}
}

// sendError sends API Gateway's own error frame.
func (g *Sockets) sendError(s *socket, event events.APIGatewayWebsocketProxyRequest, message string) {
	// A map of strings always encodes.
	frame, _ := json.Marshal(map[string]string{
		"message":      message,
		"connectionId": s.id,
		"requestId":    event.RequestContext.RequestID,
	})
	if err := s.send(frame); err != nil {
		g.Log.Warn("error frame not sent", "connectionId", s.id, "error", err.Error())
	}
}

// disconnect runs $disconnect once; like AWS it does not try again.
func (g *Sockets) disconnect(s *socket, why ended) {
	folder, declared := g.routes.folders["$disconnect"]
	if !declared {
		return
	}
	if _, err := g.invoke(folder, s.disconnectEvent(why, g.Clock.Now())); err != nil {
		g.Log.Error("function failed", "function", folder, "connectionId", s.id, "error", err.Error())
	}
}

func (g *Sockets) invoke(folder string, event events.APIGatewayWebsocketProxyRequest) ([]byte, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	ctx, cancel := context.WithTimeout(g.ctx, SocketTimeout)
	defer cancel()
	return g.Invoker.Invoke(ctx, folder, payload)
}
