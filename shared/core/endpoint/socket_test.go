package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
)

// whisper is what the frames of these tests carry, large an answer too large
// for a frame.
type whisper struct {
	Text string `json:"text" minLength:"1"`
}

type large struct {
	Text    string `json:"text"`
	Version int    `json:"version"`
	brief   bool
}

// Brief implements the answers that can be shortened.
func (l large) Brief() any {
	if l.brief {
		return struct {
			Version int `json:"version"`
		}{l.Version}
	}
	return l
}

func whispering(options ...Option) Function[struct{}] {
	return Socket("whisper", "Whisper.", "whispered",
		func(_ struct{}, _ context.Context, c caller.Caller, in whisper) (receipt, effect.Effects, error) {
			switch in.Text {
			case "boom":
				panic("secret of the house")
			case "no":
				return receipt{}, nil, errs.New(errs.Forbidden, "No.")
			case "fail":
				return receipt{}, nil, errSecret
			}
			return receipt{in.Text + " from " + c.UserID + " over " + c.ConnectionID}, nil, nil
		}, options...)
}

// frameEvent is an event of a frame over an open socket.
func frameEvent(frame string) events.APIGatewayWebsocketProxyRequest {
	event := events.APIGatewayWebsocketProxyRequest{Body: frame}
	event.RequestContext.EventType, event.RequestContext.ConnectionID, event.RequestContext.RequestID = eventMessage, "open", "request-1"
	return event
}

// dispatch runs a function with a socket's event and gives the status.
func dispatch(t *testing.T, handler lambda.Handler, event events.APIGatewayWebsocketProxyRequest) int {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	answered, err := handler.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("the function failed as a whole: %v", err)
	}
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(answered, &response); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

func TestSocketFrames(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, give, want string }{
		{"answered", `{"action":"whisper","id":"1","text":"hi"}`, `{"type":"whispered","id":"1","text":"hi from user_ada over open"}`},
		{"an id that needs quoting", `{"action":"whisper","id":"\"\\😀","text":"hi"}`, `{"type":"whispered","id":"\"\\😀","text":"hi from user_ada over open"}`},
		{"refused", `{"action":"whisper","id":"2","text":"no"}`, `{"type":"error","id":"2","code":"FORBIDDEN","detail":"No.","retryable":false}`},
		{"failed", `{"action":"whisper","id":"3","text":"fail"}`,
			`{"type":"error","id":"3","code":"INTERNAL","detail":"Something went wrong on our side. Please try again.","retryable":true}`},
		{"died", `{"action":"whisper","id":"4","text":"boom"}`,
			`{"type":"error","id":"4","code":"INTERNAL","detail":"Something went wrong on our side. Please try again.","retryable":true}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h house
			if got := dispatch(t, h.open(t, whispering()), frameEvent(tt.give)); got != 200 {
				t.Errorf("status %d", got)
			}
			if len(h.posted) != 1 || string(h.posted[0]) != tt.want {
				t.Errorf("posted %s, want %s", h.posted, tt.want)
			}
			if lines := h.lines(t); len(lines) != 1 || lines[0]["userId"] != "user_ada" {
				t.Errorf("logged %v", lines)
			}
		})
	}
}

func TestSocketRefusesFrames(t *testing.T) {
	t.Parallel()
	long, longest := strings.Repeat("x", maxKey+1), strings.Repeat("😀", maxKey)
	tests := []struct {
		name, give, id string
		code           errs.Kind
		at             []string
	}{
		{"no JSON", `hello`, "", errs.Validation, []string{"body"}},
		{"nothing", ``, "", errs.Validation, []string{"body"}},
		{"a list", `["whisper"]`, "", errs.Validation, []string{"body"}},
		{"without id", `{"action":"whisper","text":"x"}`, "", errs.Validation, []string{"body.id"}},
		{"an id that is no string", `{"action":"whisper","id":7,"text":"x"}`, "", errs.Validation, []string{"body.id"}},
		{"an id too long", `{"action":"whisper","id":"` + long + `","text":"x"}`, "", errs.Validation, []string{"body.id"}},
		{"the longest id", `{"action":"whisper","id":"` + longest + `"}`, longest, errs.Validation, []string{"body.text"}},
		{"without what is needed", `{"action":"whisper","id":"1"}`, "1", errs.Validation, []string{"body.text"}},
		{"of the wrong type", `{"action":"whisper","id":"1","text":7}`, "1", errs.Validation, []string{"body.text"}},
		{"an unknown field", `{"action":"whisper","id":"1","text":"x","to":"ben"}`, "1", errs.Validation, []string{"body.to"}},
		{"a field twice", `{"action":"whisper","id":"1","text":"x","text":"y"}`, "1", errs.Validation, []string{"body.text"}},
		{"a lone surrogate", `{"action":"whisper","id":"1","text":"\ud800"}`, "1", errs.Validation, []string{"body.text"}},
		{"cut after the id", `{"action":"whisper","id":"1","text":`, "", errs.Validation, []string{"body"}},
		{"too large", `{"action":"whisper","id":"1","text":"` + strings.Repeat("x", MaxFrame) + `"}`, "1", errs.PayloadTooLarge, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h house
			if got := dispatch(t, h.open(t, whispering()), frameEvent(tt.give)); got != 200 {
				t.Errorf("status %d", got)
			}
			checkErrorFrame(t, &h, tt.id, tt.code, tt.at)
		})
	}
}

func checkErrorFrame(t *testing.T, h *house, id string, code errs.Kind, at []string) {
	t.Helper()
	if len(h.posted) != 1 {
		t.Fatalf("posted %s", h.posted)
	}
	var frame errorFrame
	if err := json.Unmarshal(h.posted[0], &frame); err != nil || frame.Type != "error" || frame.Detail == "" {
		t.Fatalf("posted %s", h.posted[0])
	}
	var locations []string
	for _, one := range frame.Errors {
		locations = append(locations, one.Location)
	}
	if frame.ID != id || frame.Code != code || !cmp.Equal(locations, at) {
		t.Errorf("posted %s, want id %q, %s at %v", h.posted[0], id, code, at)
	}
	if len(h.posted[0]) > MaxFrame {
		t.Errorf("a frame of %d bytes", len(h.posted[0]))
	}
}

func TestSocketUnknownFrames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, give, id, at string
	}{
		{"no JSON", `hello`, "", "body"},
		{"an empty frame", ``, "", "body"},
		{"a string", `"whisper"`, "", "body"},
		{"no action", `{"id":"1"}`, "1", "body.action"},
		{"an unknown one", `{"action":"shout","id":"1"}`, "1", "body.action"},
		{"one in other case", `{"action":"Whisper","id":"1"}`, "1", "body.action"},
		{"one that is a number", `{"action":7,"id":"1"}`, "1", "body.action"},
		{"two", `{"action":"whisper","action":"shout","id":"1"}`, "1", "body.action"},
		{"a known one that got here nevertheless", `{"action":"whisper","id":"1"}`, "1", "body.action"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h house
			handler := h.open(t, UnknownFrames[struct{}]("Unknown.", "whisper"))
			if got := dispatch(t, handler, frameEvent(tt.give)); got != 200 {
				t.Errorf("status %d", got)
			}
			checkErrorFrame(t, &h, tt.id, errs.Validation, []string{tt.at})
		})
	}
}

func TestSocketThatIsOver(t *testing.T) {
	t.Parallel()
	var h house
	event := frameEvent(`{"action":"whisper","id":"1","text":"x"}`)
	event.RequestContext.ConnectionID = "closed"
	dispatch(t, h.open(t, whispering()), event)
	checkErrorFrame(t, &h, "1", errs.Unauthorized, nil)
}

// A client chooses its frame's action, and so the function that it reaches: the
// event's type alone says what it is.
func TestSocketBelievesTheEventType(t *testing.T) {
	t.Parallel()
	opened := 0
	lifecycle := func(route string) Function[struct{}] {
		return Socket(route, "Open or close.", "", func(struct{}, context.Context, caller.Caller, struct{}) (struct{}, effect.Effects, error) {
			opened++
			return struct{}{}, nil, nil
		})
	}
	for _, route := range []string{"$connect", "$disconnect"} {
		var h house
		dispatch(t, h.open(t, lifecycle(route)), frameEvent(`{"action":"`+route+`","id":"1"}`))
		checkErrorFrame(t, &h, "1", errs.Validation, []string{"body.action"})
	}
	for route, eventType := range map[string]string{"$connect": eventDisconnect, "$disconnect": eventConnect, "whisper": eventConnect} {
		var h house
		event := frameEvent("")
		event.RequestContext.EventType = eventType
		if got := dispatch(t, h.open(t, lifecycle(route)), event); got != 500 {
			t.Errorf("an event %s at %s: status %d", eventType, route, got)
		}
	}
	if opened != 0 {
		t.Errorf("the method ran %d times", opened)
	}
}

func TestSocketConnects(t *testing.T) {
	t.Parallel()
	type request struct {
		Ticket string `query:"ticket" maxLength:"10"`
	}
	connect := Socket("$connect", "Open.", "", func(_ struct{}, _ context.Context, c caller.Caller, in request) (struct{}, effect.Effects, error) {
		switch {
		case c.ConnectionID != "open":
			return struct{}{}, nil, fmt.Errorf("the connection is %q", c.ConnectionID)
		case in.Ticket != "good":
			return struct{}{}, nil, errs.New(errs.Unauthorized, "No.")
		}
		return struct{}{}, nil, nil
	}, For(Tickets))
	for _, tt := range []struct {
		query map[string]string
		want  int
	}{
		{map[string]string{"ticket": "good"}, 200},
		{map[string]string{"ticket": "bad"}, 401},
		{map[string]string{"ticket": ""}, 401},
		{nil, 401},
		{map[string]string{"ticket": strings.Repeat("x", 11)}, 401},
		{map[string]string{"ticket": "\ufffd"}, 401},
		{map[string]string{"ticket": "good", "v": "2", "": "\ufffd"}, 200},
		{map[string]string{"Ticket": "good"}, 401},
	} {
		var h house
		event := frameEvent("")
		event.RequestContext.EventType, event.QueryStringParameters = eventConnect, tt.query
		if got := dispatch(t, h.open(t, connect), event); got != tt.want {
			t.Errorf("query %v: status %d, want %d", tt.query, got, tt.want)
		}
		if len(h.posted) != 0 {
			t.Errorf("query %v: posted %s", tt.query, h.posted)
		}
		if strings.Contains(h.log.String(), "good") {
			t.Errorf("the ticket is logged: %s", h.log.String())
		}
	}
}

func TestSocketLargeAnswers(t *testing.T) {
	t.Parallel()
	answering := func(brief bool) Function[struct{}] {
		return Socket("whisper", "Whisper.", "whispered", func(struct{}, context.Context, caller.Caller, struct{}) (large, effect.Effects, error) {
			return large{Text: strings.Repeat("x", MaxFrame), Version: 7, brief: brief}, nil, nil
		})
	}
	var h house
	dispatch(t, h.open(t, answering(true)), frameEvent(`{"action":"whisper","id":"1"}`))
	if want := `{"type":"whispered","id":"1","version":7}`; len(h.posted) != 1 || string(h.posted[0]) != want {
		t.Errorf("posted %.200s, want %s", h.posted, want)
	}
}

// An answer that fits no frame is a failure that its caller hears of; what was
// committed goes to the others nevertheless.
func TestSocketAnswerThatCantBeEncoded(t *testing.T) {
	t.Parallel()
	var h house
	handler := h.open(t, Socket("whisper", "Whisper.", "whispered",
		func(struct{}, context.Context, caller.Caller, struct{}) (receipt, effect.Effects, error) {
			return receipt{strings.Repeat("x", MaxFrame)}, effect.Effects{note{effect.Beside, "others"}}, nil
		}))
	dispatch(t, handler, frameEvent(`{"action":"whisper","id":"1"}`))
	checkErrorFrame(t, &h, "1", errs.Internal, nil)
	if !slices.Equal(h.sent, []string{"others"}) {
		t.Errorf("sent %q", h.sent)
	}
}

func TestSocketAnswerThatCantBeDelivered(t *testing.T) {
	t.Parallel()
	h := house{posting: errors.New("the socket is closed")}
	handler := h.open(t, Socket("whisper", "Whisper.", "whispered",
		func(_ struct{}, _ context.Context, _ caller.Caller, in whisper) (receipt, effect.Effects, error) {
			return receipt{in.Text}, effect.Effects{note{effect.Beside, "others"}, note{effect.After, "events"}}, nil
		}))
	if got := dispatch(t, handler, frameEvent(`{"action":"whisper","id":"1","text":"hush"}`)); got != 200 {
		t.Errorf("status %d", got)
	}
	if got := h.sent; !slices.Equal(got, []string{"others", "events"}) {
		t.Errorf("sent %q", got)
	}
	if strings.Contains(h.log.String(), "hush") {
		t.Errorf("the frame is logged: %s", h.log.String())
	}
}

// A frame that may leave its id out is answered only where it has one, or where
// it is refused.
func TestSocketQuietID(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, frame, want string }{
		{"without", `{"action":"whisper","text":"hi"}`, ""},
		{"with", `{"action":"whisper","id":"7","text":"hi"}`, `{"type":"whispered","id":"7","text":"hi from user_ada over open"}`},
		{"refused without", `{"action":"whisper","text":"no"}`, `{"type":"error","code":"FORBIDDEN","detail":"No.","retryable":false}`},
		{"empty", `{"action":"whisper","id":"","text":"hi"}`, `{"type":"error","code":"VALIDATION_ERROR","detail":"The request is not valid.","retryable":false,"errors":[{"location":"body.id","detail":"must have at least 1 characters"}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h house
			handler := h.open(t, whispering(QuietID()))
			dispatch(t, handler, frameEvent(tt.frame))
			if got := string(bytes.Join(h.posted, []byte("|"))); got != tt.want {
				t.Errorf("posted %s, want %s", got, tt.want)
			}
		})
	}
}

// A function that confirms by itself that a socket stands gets the caller from
// memory where the instance has met the socket; every other function asks.
func TestSocketConfirms(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		connection string
		options    []Option
		want       string
	}{
		"met":                       {"met", []Option{Confirms()}, `{"type":"whispered","id":"7","text":"hi from user_grace over met"}`},
		"not met":                   {"open", []Option{Confirms()}, `{"type":"whispered","id":"7","text":"hi from user_ada over open"}`},
		"met, but it doesn't check": {"met", nil, `{"type":"error","id":"7","code":"UNAUTHORIZED","detail":"No.","retryable":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h house
			event := frameEvent(`{"action":"whisper","id":"7","text":"hi"}`)
			event.RequestContext.ConnectionID = tt.connection
			dispatch(t, h.open(t, whispering(tt.options...)), event)
			if got := string(bytes.Join(h.posted, []byte("|"))); got != tt.want {
				t.Errorf("posted %s, want %s", got, tt.want)
			}
		})
	}
}

// mover asks whoever connected at a time to move over.
type mover int64

// Frame implements Handover.
func (m mover) Frame(connectionID string, connectedAt time.Time) []byte {
	if connectedAt.UnixMilli() != int64(m) {
		return nil
	}
	return []byte("move, " + connectionID)
}

// Whoever is near the socket's end is asked to move over, after the answer,
// whatever that is; not who isn't let in.
func TestSocketHandover(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, frame, socket string
		connectedAt         int64
		want                bool
	}{
		{"near its end", `{"action":"whisper","id":"1","text":"hi"}`, "open", 1000, true},
		{"refused", `{"action":"whisper","id":"1","text":"no"}`, "open", 1000, true},
		{"not JSON", `{`, "open", 1000, true},
		{"young", `{"action":"whisper","id":"1","text":"hi"}`, "open", 2000, false},
		{"over", `{"action":"whisper","id":"1","text":"hi"}`, "closed", 1000, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := house{handover: mover(1000)}
			event := frameEvent(tt.frame)
			event.RequestContext.ConnectionID, event.RequestContext.ConnectedAt = tt.socket, tt.connectedAt
			dispatch(t, h.open(t, whispering()), event)
			asked := len(h.posted) == 2 && string(h.posted[1]) == "move, open"
			if asked != tt.want || (!asked && len(h.posted) != 1) {
				t.Errorf("posted %s", h.posted)
			}
		})
	}
}
