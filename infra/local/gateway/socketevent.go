package gateway

import (
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// The types of a socket's events.
const (
	eventConnect    = "CONNECT"
	eventMessage    = "MESSAGE"
	eventDisconnect = "DISCONNECT"
)

// event is an event about this socket, without what its type adds.
func (s *socket) event(eventType, routeKey string, now time.Time) events.APIGatewayWebsocketProxyRequest {
	id := newID()
	return events.APIGatewayWebsocketProxyRequest{
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			AccountID:         account,
			APIID:             api,
			Stage:             stage,
			RouteKey:          routeKey,
			EventType:         eventType,
			RequestID:         id,
			ExtendedRequestID: id,
			MessageDirection:  "IN",
			ConnectedAt:       s.connectedAt.UnixMilli(),
			ConnectionID:      s.id,
			DomainName:        s.client.host,
			RequestTime:       now.Format(timeLayout),
			RequestTimeEpoch:  now.UnixMilli(),
			Identity: events.APIGatewayRequestIdentity{
				SourceIP:  s.client.sourceIP,
				UserAgent: s.client.userAgent,
			},
		},
	}
}

// connectEvent carries the handshake's headers and query, each with all its
// values and with its last.
func (s *socket) connectEvent(r *http.Request, now time.Time) events.APIGatewayWebsocketProxyRequest {
	event := s.event(eventConnect, "$connect", now)
	event.MultiValueHeaders = map[string][]string{"Host": {r.Host}}
	for name, values := range r.Header {
		event.MultiValueHeaders[name] = values
	}
	for name, value := range forwarded(r, now) {
		event.MultiValueHeaders[name] = []string{value}
	}
	event.Headers = last(event.MultiValueHeaders)
	for _, pair := range query(r.URL.RawQuery) {
		if event.MultiValueQueryStringParameters == nil {
			event.MultiValueQueryStringParameters = map[string][]string{}
		}
		event.MultiValueQueryStringParameters[pair[0]] = append(event.MultiValueQueryStringParameters[pair[0]], pair[1])
	}
	event.QueryStringParameters = last(event.MultiValueQueryStringParameters)
	return event
}

func (s *socket) messageEvent(routeKey, frame string, now time.Time) events.APIGatewayWebsocketProxyRequest {
	event := s.event(eventMessage, routeKey, now)
	event.RequestContext.MessageID = newID()
	event.Body = frame
	return event
}

func (s *socket) disconnectEvent(why ended, now time.Time) events.APIGatewayWebsocketProxyRequest {
	event := s.event(eventDisconnect, "$disconnect", now)
	event.Headers = map[string]string{"Host": s.client.host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
	event.MultiValueHeaders = map[string][]string{}
	for name, value := range event.Headers {
		event.MultiValueHeaders[name] = []string{value}
	}
	event.RequestContext.DisconnectStatusCode = int64(why.code)
	event.RequestContext.DisconnectReason = &why.reason
	return event
}

func last(values map[string][]string) map[string]string {
	if values == nil {
		return nil
	}
	single := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 0 {
			single[name] = all[len(all)-1]
		}
	}
	return single
}
