package endpoint

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/name"
	"github.com/rapport/rapport/shared/core/patch"
)

// SampleRequest has fields from everywhere.
type SampleRequest struct {
	ID       string           `path:"id" minLength:"1"`
	Limit    *int             `query:"limit" minimum:"1" maximum:"200"`
	Trace    string           `header:"X-Trace"`
	Title    string           `json:"title" doc:"What it is called." notBlank:"true"`
	Next     *string          `json:"next" nullable:"true"`
	Note     *string          `json:"note"`
	Seconds  float64          `json:"seconds,omitempty"`
	Payload  json.RawMessage  `json:"payload,omitzero"`
	Secret   string           `json:"-"`
	Name     string           `json:"name,omitzero" doc:"Whose." name:"true"`
	Size     patch.Field[int] `json:"size,omitzero" minimum:"1"`
	At       time.Time        `json:"at"`
	internal int
}

func TestShape(t *testing.T) {
	t.Parallel()
	shape := shapeOf(reflect.TypeFor[SampleRequest]())
	_ = SampleRequest{}.internal
	var parameters []string
	for _, p := range shape.Parameters {
		required := ""
		if p.Required {
			required = " required"
		}
		parameters = append(parameters, p.In+" "+p.Name+required)
	}
	if diff := cmp.Diff([]string{"path id required", "query limit", "header X-Trace"}, parameters); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	got, err := json.Marshal(shape.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"object","properties":{"at":{"type":"string","format":"date-time"},"name":{"type":"string",` +
		`"description":"Whose. ` + name.Rules + `","pattern":"` + strings.ReplaceAll(name.Pattern, `\`, `\\`) + `"},"next":{"type":["string","null"]},` +
		`"note":{"type":"string"},"payload":{},"seconds":{"type":"number","format":"double"},` +
		`"size":{"type":["integer","null"],"format":"int64","minimum":1,"maximum":9223372036854775807},` +
		`"title":{"type":"string","description":"What it is called.","pattern":"\\S"}},"required":["at","next","title"],"additionalProperties":false}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if shape.Body.name != "EndpointSampleRequest" {
		t.Errorf("it is published as %q", shape.Body.name)
	}
	if empty := shapeOf(reflect.TypeFor[struct{}]()); empty.Body != nil || len(empty.Parameters) != 0 {
		t.Errorf("nothing has the shape %+v", empty)
	}
}

// What can't be described is found when the declaration is made.
func TestShapesThatCantBe(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]reflect.Type{
		"a field without a tag": reflect.TypeFor[struct{ Title string }](),
		"a channel": reflect.TypeFor[struct {
			C chan int `json:"c"`
		}](),
		"a map whose names are no strings": reflect.TypeFor[struct {
			M map[int]string `json:"m"`
		}](),
		"a bound that is no number": reflect.TypeFor[struct {
			T string `json:"t" maxLength:"many"`
		}](),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it is described")
				}
			}()
			shapeOf(shape)
		})
	}
}

func TestDeclaration(t *testing.T) {
	t.Parallel()
	type nothing = struct{}
	get := HTTP("GET /box/{box}", "Read.", echo, Needs("box.read"), Fails("CONFLICT"))
	remove := HTTP("DELETE /box/{box}", "Empty.", func(nothing, context.Context, caller.Caller, nothing) (nothing, error) { return nothing{}, nil }, For(Public))
	if d := get.Declaration; d.Trigger != TriggerHTTP || d.Class != Users || d.Status != 200 || d.Mutates || d.Action != "box.read" || d.MaxBody != 256<<10 {
		t.Errorf("reading is declared %+v", d)
	}
	if d := remove.Declaration; d.Class != Public || d.Status != 204 || !d.Mutates || d.Output != nil {
		t.Errorf("removing is declared %+v", d)
	}
	open := func(context.Context, Declaration, config.Env, Overrides) (App[nothing], error) {
		return App[nothing]{}, errSecret
	}
	specs := Domain("box", open, map[string]Function[nothing]{"remove": remove, "get": get})
	if len(specs) != 2 || specs[0].Name != "box/get" || specs[1].Name != "box/remove" {
		t.Errorf("units %+v", specs)
	}
	if _, err := specs[0].Open(t.Context(), nil, Overrides{}); err == nil {
		t.Error("what can't be opened is")
	}
}
