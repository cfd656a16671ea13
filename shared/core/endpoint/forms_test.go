package endpoint

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
)

// basket has what may have several forms, and members of any name.
type basket struct {
	Sizes  map[string]size `json:"sizes,omitzero"`
	Choice choice          `json:"choice,omitzero"`
	Reason string          `query:"reason" required:"true" minLength:"1"`
}

type size struct {
	Count int `json:"count" minimum:"1"`
}

type choice struct{ json.RawMessage }

// Alternatives are a name and a size.
func (choice) Alternatives() []any { return []any{"", size{}} }

func TestMapsAndUnions(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"sizes":{"small":{"count":1},"Any name, \u00e9":{"count":2}},"choice":"a"}`: nil,
		`{"sizes":{},"choice":{"count":3}}`:                                           nil,
		`{"sizes":{"small":{"count":0}}}`:                                             {"body.sizes.small.count"},
		`{"sizes":{"small":{"count":1,"more":1}}}`:                                    {"body.sizes.small.more"},
		`{"sizes":{"small":1}}`:                                                       {"body.sizes.small"},
		`{"sizes":[]}`:                                                                {"body.sizes"},
		`{"sizes":null}`:                                                              {"body.sizes"},
		`{"sizes":{"a":{"count":1},"a":{"count":1}}}`:                                 {"body.sizes.a"},
		`{"choice":{"count":0}}`:                                                      {"body.choice.count"},
		`{"choice":{"count":1,"more":1}}`:                                             {"body.choice.more"},
		`{"choice":1}`:                                                                {"body.choice"},
		`{"choice":null}`:                                                             {"body.choice"},
		`{"choice":["a"]}`:                                                            {"body.choice"},
	} {
		got := locationsOf(t, decodeBody([]byte(body), shapeOf(reflect.TypeFor[basket]()).Body, new(basket)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: problems at (-want +got):\n%s", body, diff)
		}
	}
	text, err := json.Marshal(shapeOf(reflect.TypeFor[basket]()).Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"additionalProperties":{"type":"object"`, `"oneOf":[{"type":"string"},{"type":"object"`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the document has no %s: %s", part, text)
		}
	}
}

func TestARequiredParameter(t *testing.T) {
	t.Parallel()
	shape := shapeOf(reflect.TypeFor[basket]())
	err := decodeParameters(parameters{}, shape, reflect.ValueOf(new(basket)).Elem())
	if diff := cmp.Diff([]string{"query.reason"}, locationsOf(t, err)); diff != "" {
		t.Error(diff)
	}
}

// operatorsOnly admits nobody, and notes whom it was asked about.
type operatorsOnly struct{ asked []string }

// Admit implements Operators.
func (b *operatorsOnly) Admit(_ context.Context, c caller.Caller, action caller.Action, resource string) error {
	b.asked = append(b.asked, c.UserID+" "+string(action)+" "+resource)
	return errs.New(errs.Forbidden, "No.")
}

// A function for operators asks whether one calls once the request has its shape, and
// before anything is done, a key taken included.
func TestOnlyOperators(t *testing.T) {
	t.Parallel()
	f, b := &fixture{}, &operatorsOnly{}
	fn := HTTP("POST /box/{box}", "Write.", echo, For(Admins), Needs("box.write"))
	handler := f.openWith(t, fn, func(r *Runtime) { r.Operators = b })
	for name, tt := range map[string]struct {
		change func(*events.APIGatewayV2HTTPRequest)
		want   int
		asks   bool
	}{
		"without a token": {func(e *events.APIGatewayV2HTTPRequest) { delete(e.Headers, "authorization") }, 401, false},
		"of a bad shape":  {func(e *events.APIGatewayV2HTTPRequest) { e.Body = `{}` }, 400, false},
		"good":            {func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/v1/admin/box/1" }, 403, true},
		"with a key": {func(e *events.APIGatewayV2HTTPRequest) {
			e.RawPath, e.Headers["idempotency-key"] = "/v1/admin/box/1", "k"
		}, 403, true},
	} {
		b.asked = nil
		event := post(`{"text":"x"}`)
		tt.change(&event)
		if got := invoke(t, handler, event); got.StatusCode != tt.want {
			t.Errorf("%s: %d %s, want %d", name, got.StatusCode, got.Body, tt.want)
		}
		if asks := len(b.asked) == 1 && b.asked[0] == "user_ada box.write box/1"; asks != tt.asks {
			t.Errorf("%s: asked %q", name, b.asked)
		}
	}
	if len(f.replays.asked) > 0 {
		t.Errorf("keys were taken: %q", f.replays.asked)
	}
}
