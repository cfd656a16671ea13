package testkit

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/session"
)

const timeLayout = "02/Jan/2006:15:04:05 -0700"

// route finds the function of a request as API Gateway does: the route with
// the most literal steps, or `$default`.
func (h *Harness) route(method string, u *url.URL) (endpoint.FunctionSpec, map[string]string) {
	segments := pathSegments(u)
	var best endpoint.FunctionSpec
	var parameters map[string]string
	literals := -1
	for _, function := range h.functions {
		if function.Trigger != endpoint.TriggerHTTP {
			continue
		}
		if function.Route == "$default" && literals < 0 {
			best, parameters = function, nil
			continue
		}
		verb, path, _ := strings.Cut(function.Route, " ")
		found, n, ok := match(path, segments)
		if ok && verb == method && n > literals {
			best, parameters, literals = function, found, n
		}
	}
	return best, parameters
}

// match holds a path's steps against a route's and counts the literal ones.
func match(route string, segments []string) (parameters map[string]string, literals int, ok bool) {
	steps := strings.Split(strings.TrimPrefix(route, "/"), "/")
	if len(steps) != len(segments) {
		return nil, 0, false
	}
	parameters = map[string]string{}
	for i, step := range steps {
		switch {
		case strings.HasPrefix(step, "{") && segments[i] != "":
			parameters[strings.Trim(step, "{}")] = segments[i]
		case step == segments[i]:
			literals++
		default:
			return nil, 0, false
		}
	}
	return parameters, literals, true
}

// httpEvent is the event of a request in payload format 2.0.
func httpEvent(r *http.Request, route string, parameters map[string]string, body []byte, id string) events.APIGatewayV2HTTPRequest {
	now := time.Now().UTC()
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: route, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host}, PathParameters: parameters,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: route, AccountID: "123456789012", Stage: "$default", RequestID: id, APIID: "api", DomainName: r.Host,
			Time: now.Format(timeLayout), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: "HTTP/1.1", SourceIP: "203.0.113.7",
			},
		},
	}
	for name, values := range r.Header {
		event.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		if event.QueryStringParameters == nil {
			event.QueryStringParameters = map[string]string{}
		}
		event.QueryStringParameters[name] = strings.Join(values, ",")
	}
	event.Body, event.IsBase64Encoded = bodyText(r.Header, body)
	return event
}

// bodyText is a body as an event carries it: text where its type and bytes are,
// base64 otherwise.
func bodyText(header http.Header, body []byte) (string, bool) {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	text := err == nil && (media == "application/json" || strings.HasPrefix(media, "text/"))
	if len(body) == 0 || (text && header.Get("Content-Encoding") == "" && utf8.Valid(body)) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func (h *Harness) sessions() *session.Store {
	return session.New(h.Tables.Control, clock.System{})
}
