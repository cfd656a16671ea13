package scene

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Request is what a client sends so that API Gateway makes an event of it.
type Request struct {
	// Line is `GET /v1/meetings?limit=5`; empty for a frame.
	Line string
	// Body is that of the request, or the frame; nil where there is none.
	Body []byte
}

// RequestOf gives the request behind an event of the HTTP or the WebSocket API.
func RequestOf(event []byte) (Request, error) {
	var e struct {
		RawPath        string `json:"rawPath"`
		RawQueryString string `json:"rawQueryString"`
		Body           string `json:"body"`
		RequestContext struct {
			ConnectionID string `json:"connectionId"`
			HTTP         struct {
				Method string `json:"method"`
			} `json:"http"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return Request{}, fmt.Errorf("event: %w", err)
	}
	var r Request
	switch {
	case e.RequestContext.HTTP.Method != "":
		r.Line = strings.TrimSuffix(e.RequestContext.HTTP.Method+" "+e.RawPath+"?"+e.RawQueryString, "?")
	case e.RequestContext.ConnectionID == "":
		return r, fmt.Errorf("no client's request is behind the event: %.100s", event)
	}
	if e.Body != "" {
		r.Body = []byte(e.Body)
	}
	return r, nil
}

// With replaces members of the body, which must be an object; null takes one away.
// n is the number of the time.
func (r Request) With(members map[string]json.RawMessage, n int) (Request, error) {
	if len(members) == 0 {
		return r, nil
	}
	body := map[string]json.RawMessage{}
	if r.Body != nil {
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return r, fmt.Errorf("%s: the body: %w", r.Line, err)
		}
	}
	for name, value := range members {
		body[name] = bytes.ReplaceAll(value, []byte(`"$n"`), fmt.Append(nil, n))
		if string(value) == "null" {
			delete(body, name)
		}
	}
	var err error
	r.Body, err = json.Marshal(body)
	return r, err
}
