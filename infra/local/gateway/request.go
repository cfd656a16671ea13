package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// hopByHop are headers that belong to one connection and go no further.
var hopByHop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true, "cookie": true, "content-length": true,
}

// httpEvent is the event of a request in payload format 2.0.
func httpEvent(r *http.Request, route Route, parameters map[string]string, body []byte, id string, now time.Time) events.APIGatewayV2HTTPRequest {
	event := events.APIGatewayV2HTTPRequest{
		Version:  "2.0",
		RouteKey: route.Key,
		// The HTTP API decodes the path, other than REST APIs and function URLs.
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               joinedHeaders(r, len(body), now),
		QueryStringParameters: joinedQuery(r.URL.RawQuery),
		PathParameters:        parameters,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey:     route.Key,
			AccountID:    account,
			Stage:        stage,
			RequestID:    id,
			APIID:        api,
			DomainName:   hostname(r),
			DomainPrefix: api,
			Time:         now.Format(timeLayout),
			TimeEpoch:    now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  sourceIP(r),
				UserAgent: r.UserAgent(),
			},
		},
	}
	event.Body, event.IsBase64Encoded = bodyText(r.Header, body)
	return event
}

// bodyText is a body as an event carries it. Only what is text by its type and
// by its bytes goes as it is: everything else goes in base64, so that the
// function gets the bytes that were sent.
func bodyText(header http.Header, body []byte) (string, bool) {
	if len(body) == 0 {
		return "", false
	}
	if isText(header.Get("Content-Type")) && header.Get("Content-Encoding") == "" && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/javascript", "application/xml", "application/problem+json", "application/vnd.api+json":
		return true
	}
	return strings.HasPrefix(media, "text/")
}

// joinedHeaders gives each header once, under its name in lower case, with
// several values joined by commas, and what API Gateway adds.
func joinedHeaders(r *http.Request, bodyLength int, now time.Time) map[string]string {
	headers := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		if name = strings.ToLower(name); !hopByHop[name] {
			headers[name] = strings.Join(values, ",")
		}
	}
	headers["host"] = r.Host
	headers["content-length"] = strconv.Itoa(bodyLength)
	for name, value := range forwarded(r, now) {
		headers[strings.ToLower(name)] = value
	}
	return headers
}

// forwarded are the headers that API Gateway adds to a request.
func forwarded(r *http.Request, now time.Time) map[string]string {
	added := map[string]string{
		"X-Forwarded-For":   strings.Join(append(r.Header.Values("X-Forwarded-For"), sourceIP(r)), ", "),
		"X-Forwarded-Port":  "80",
		"X-Forwarded-Proto": "http",
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		added["X-Forwarded-Port"] = port
	}
	if r.Header.Get("X-Amzn-Trace-Id") == "" {
		var unique [12]byte
		// crypto/rand.Read never fails: it ends the process instead.
		_, _ = rand.Read(unique[:])
		added["X-Amzn-Trace-Id"] = fmt.Sprintf("Root=1-%08x-%x", now.Unix(), unique)
	}
	return added
}

func cookies(header http.Header) []string {
	var all []string
	for _, line := range header.Values("Cookie") {
		for _, part := range strings.Split(line, ";") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// query gives the decoded pairs of a query string in their order.
func query(raw string) [][2]string {
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{unescape(name, url.QueryUnescape), unescape(value, url.QueryUnescape)})
	}
	return pairs
}

// joinedQuery gives each parameter once, with several values joined by commas.
func joinedQuery(raw string) map[string]string {
	pairs := query(raw)
	if len(pairs) == 0 {
		return nil
	}
	parameters := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if before, again := parameters[pair[0]]; again {
			pair[1] = before + "," + pair[1]
		}
		parameters[pair[0]] = pair[1]
	}
	return parameters
}
