package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
)

const (
	// MaxFrame is the most bytes that a frame has, either way: API Gateway's
	// limit for one WebSocket frame.
	MaxFrame = 32 << 10

	eventConnect    = "CONNECT"
	eventDisconnect = "DISCONNECT"
	eventMessage    = "MESSAGE"
)

// Socket declares a function behind a route of the WebSocket API: an action of
// frames, or `$connect` or `$disconnect`. Its answer goes to the caller as a
// frame of type reply with the id of the caller's frame; connecting and
// disconnecting have no frame, so reply is empty. What is to be sent of the call,
// the method returns beside the answer.
//
// API Gateway picks a route by what the client wrote, so a frame may arrive at
// `$connect`. Only the event's own type is believed: such a frame is answered
// as one with an unknown action.
func Socket[S, In, Out any](
	action, summary, reply string,
	method func(S, context.Context, caller.Caller, In) (Out, effect.Effects, error),
	options ...Option,
) Function[S] {
	d := Declaration{
		Trigger: TriggerSocket, Route: action, Summary: summary, Class: Users, MaxBody: MaxFrame,
		Input: shapeOf(reflect.TypeFor[In]()),
	}
	if reply != "" {
		d.Output = &Shape{Type: reflect.TypeFor[Out](), Body: schemaOf(reflect.TypeFor[Out]())}
	}
	for _, option := range options {
		option(&d)
	}
	frame := frameSchema(d.Input.Body)
	if d.QuietID {
		frame.Required = slices.DeleteFunc(frame.Required, func(name string) bool { return name == "id" })
	}
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &socketHandler{
			name: name, declaration: d, around: app.Runtime, reply: reply, frame: frame,
			newFrame: func() any { return new(socketFrame[In]) },
			newInput: func() any { return new(In) },
			payload:  func(frame any) (string, any) { f := frame.(*socketFrame[In]); return f.ID, &f.In },
			method: func(ctx context.Context, c caller.Caller, in any) (any, effect.Effects, error) {
				return method(app.Service, ctx, c, *in.(*In))
			},
		}
	}}
}

// UnknownFrames declares the function that answers frames which aren't JSON or
// have no known action; known lists the actions, for the message.
func UnknownFrames[S any](summary string, known ...string) Function[S] {
	d := Declaration{Trigger: TriggerSocket, Route: "$default", Summary: summary, Class: Users, MaxBody: MaxFrame}
	frame := frameSchema(nil)
	frame.Properties["action"].Enum = known
	return Function[S]{Declaration: d, handler: func(name string, app App[S]) lambda.Handler {
		return &socketHandler{name: name, declaration: d, around: app.Runtime, frame: frame}
	}}
}

// socketFrame is a client's frame: the envelope and the declared input.
type socketFrame[In any] struct {
	Action string `json:"action"`
	ID     string `json:"id"`
	In     In     `json:",embed"`
}

func frameSchema(input *Schema) *Schema {
	low, high := 1, maxKey
	frame := &Schema{
		Type: "object", Required: []string{"action", "id"},
		Properties: map[string]*Schema{
			"action": {Type: "string"},
			"id":     {Type: "string", MinLength: &low, MaxLength: &high},
		},
	}
	if input == nil {
		return frame
	}
	frame.Required = slices.Sorted(slices.Values(append(frame.Required, input.Required...)))
	for name, property := range input.Properties {
		frame.Properties[name] = property
	}
	return frame
}

// socketHandler answers API Gateway's WebSocket events.
type socketHandler struct {
	name        string
	declaration Declaration
	around      Runtime
	reply       string
	frame       *Schema
	newFrame    func() any
	newInput    func() any
	payload     func(frame any) (id string, in any)
	method      func(context.Context, caller.Caller, any) (any, effect.Effects, error)
}

// Invoke implements lambda.Handler.
func (h *socketHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.APIGatewayWebsocketProxyRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%s: not a WebSocket event: %w", h.name, err)
	}
	ctx, call := h.around.begin(ctx, h.name, event.RequestContext.RequestID)
	defer h.around.end(ctx, call)
	call.caller.ConnectionID = event.RequestContext.ConnectionID
	call.caller.RequestID = call.requestID

	if event.RequestContext.EventType == eventMessage {
		call.err = h.message(ctx, call, event)
		return json.Marshal(events.APIGatewayProxyResponse{StatusCode: http.StatusOK})
	}
	call.err = guard(func() error { return h.lifecycle(ctx, call, event) })
	h.around.send(ctx, h.name, call.effects, effect.Beside)
	h.around.send(ctx, h.name, call.effects, effect.After)
	status := http.StatusOK
	if call.err != nil {
		status = problemOf(call.err, call.requestID).Status
	}
	return json.Marshal(events.APIGatewayProxyResponse{StatusCode: status})
}

// lifecycle handles a socket's opening and closing. The method checks the
// ticket; what else stands in the address is nobody's concern, and a ticket
// that can't even be read is refused as any other. An event at the wrong
// function is a mistake in the templates.
func (h *socketHandler) lifecycle(ctx context.Context, call *call, event events.APIGatewayWebsocketProxyRequest) error {
	want := map[string]string{"$connect": eventConnect, "$disconnect": eventDisconnect}[h.declaration.Route]
	if event.RequestContext.EventType != want {
		return fmt.Errorf("%s: event of type %s", h.name, event.RequestContext.EventType)
	}
	in := h.newInput()
	if want == eventConnect {
		from := parameters{query: h.declaration.Input.declared(event.QueryStringParameters)}
		if err := decodeParameters(from, h.declaration.Input, reflect.ValueOf(in).Elem()); err != nil {
			refused := errs.New(errs.Unauthorized, "The ticket is not valid.")
			refused.Err = err
			return refused
		}
	}
	_, err := h.run(ctx, call, in)
	return err
}

// message answers one frame, and asks a client whose socket is near its end to
// move over. The error that it returns is the call's outcome; the caller has had
// it as a frame.
func (h *socketHandler) message(ctx context.Context, call *call, event events.APIGatewayWebsocketProxyRequest) error {
	raw := []byte(event.Body)
	id := readID(raw)
	var out any
	err := guard(func() (err error) {
		id, out, err = h.answer(ctx, call, raw, id)
		return err
	})
	var frame []byte
	if err == nil {
		frame, err = h.encode(id, out)
	}
	if err != nil {
		var unsaid error
		if frame, unsaid = errorFrameOf(err, id); unsaid != nil {
			err = errors.Join(err, unsaid)
		}
	}
	var answering sync.WaitGroup
	if frame != nil && (err != nil || id != "" || !h.declaration.QuietID) {
		answering.Go(func() { h.post(ctx, call, frame) })
	}
	h.around.send(ctx, h.name, call.effects, effect.Beside)
	answering.Wait()
	if h.around.Handover != nil && call.caller.UserID != "" {
		opened := time.UnixMilli(event.RequestContext.ConnectedAt)
		if frame := h.around.Handover.Frame(call.caller.ConnectionID, opened); frame != nil {
			h.post(ctx, call, frame)
		}
	}
	h.around.send(ctx, h.name, call.effects, effect.After)
	return err
}

// post sends a frame to the caller. One that doesn't arrive is the caller's to
// miss.
func (h *socketHandler) post(ctx context.Context, call *call, frame []byte) {
	if err := h.around.Posts.Post(ctx, call.caller.ConnectionID, frame); err != nil {
		h.around.Log.InfoContext(ctx, "answer not delivered", "function", h.name, "requestId", call.requestID, "error", err.Error())
	}
}

func (h *socketHandler) answer(ctx context.Context, call *call, raw []byte, id string) (string, any, error) {
	c, err := h.connection(ctx, call.caller.ConnectionID)
	if err != nil {
		return id, nil, err
	}
	c.RequestID, c.ConnectionID = call.requestID, call.caller.ConnectionID
	call.caller = c
	if len(raw) > h.declaration.MaxBody {
		return id, nil, errs.New(errs.PayloadTooLarge, "A frame may have at most %d bytes.", h.declaration.MaxBody)
	}
	if err := checkFields(raw, h.declaration.MaxFields); err != nil {
		return id, nil, err
	}
	if h.reply == "" {
		return id, nil, h.unknown(raw)
	}
	frame := h.newFrame()
	if err := decodeBody(raw, h.frame, frame); err != nil {
		return id, nil, err
	}
	id, in := h.payload(frame)
	if err := validated(in); err != nil {
		return id, nil, err
	}
	out, err := h.run(ctx, call, in)
	return id, out, err
}

// connection gives the caller behind a socket, unconfirmed where the method confirms.
func (h *socketHandler) connection(ctx context.Context, id string) (caller.Caller, error) {
	if h.declaration.Confirms {
		if c, known := h.around.Connections.Acquainted(id); known {
			return c, nil
		}
	}
	return h.around.Connections.Caller(ctx, id)
}

func (h *socketHandler) run(ctx context.Context, call *call, in any) (any, error) {
	return h.around.run(ctx, call, func() (any, effect.Effects, error) { return h.method(ctx, call.caller, in) })
}

// unknown says what is wrong with a frame that no function takes.
func (h *socketHandler) unknown(raw []byte) error {
	tree, problem := parseTree(raw)
	if problem != nil {
		return invalid(*problem)
	}
	var found problems
	if object, ok := tree.(map[string]any); !ok {
		found.add("body", "must be an object, not %s", typeName(tree))
	} else if action, ok := object["action"]; !ok {
		found.add("body.action", "is required")
	} else {
		h.frame.Properties["action"].check("body.action", action, &found)
	}
	if len(found) == 0 {
		found.add("body.action", "is not an action here")
	}
	return invalid(found...)
}

// encode makes the answer's frame: type and id, then the answer's own members.
func (h *socketHandler) encode(id string, out any) ([]byte, error) {
	frame, err := replyFrame(h.reply, id, out)
	if err != nil || len(frame) <= MaxFrame {
		return frame, err
	}
	if large, ok := out.(interface{ Brief() any }); ok {
		return replyFrame(h.reply, id, large.Brief())
	}
	return nil, fmt.Errorf("encode frame: an answer of %d bytes", len(frame))
}

func replyFrame(reply, id string, out any) ([]byte, error) {
	members, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	frame := jsontext.Value(`{"type":`)
	if frame, err = jsontext.AppendQuote(frame, reply); err != nil {
		return nil, err
	}
	frame = append(frame, `,"id":`...)
	if frame, err = jsontext.AppendQuote(frame, id); err != nil {
		return nil, err
	}
	if len(members) > len("{}") {
		frame = append(frame, ',')
		return append(frame, members[1:]...), nil
	}
	return append(frame, '}'), nil
}

// readID finds the id of a frame that may be broken elsewhere.
func readID(raw []byte) string {
	var frame struct {
		ID jsontext.Value `json:"id"`
	}
	var id string
	if json.Unmarshal(raw, &frame, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil ||
		json.Unmarshal(frame.ID, &id) != nil || utf8.RuneCountInString(id) > maxKey {
		return ""
	}
	return id
}
