package endpoint_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/name"
)

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	text, err := endpoint.OpenAPI(functions.All())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Errorf("the document is not valid OpenAPI 3.1: %v", err)
	}
	again, err := endpoint.OpenAPI(functions.All())
	if err != nil || string(again) != string(text) {
		t.Errorf("written twice, the document differs (%v)", err)
	}

	described := map[string]bool{}
	for _, spec := range functions.All() {
		verb, path, isRoute := strings.Cut(spec.Route, " ")
		if spec.Trigger != endpoint.TriggerHTTP || !isRoute {
			continue
		}
		item := doc.Paths.Value(path)
		if item == nil || item.GetOperation(verb) == nil {
			t.Errorf("%s is not described", spec.Route)
			continue
		}
		described[spec.Route] = true
		checkOperation(t, spec, item.GetOperation(verb))
	}
	for path, item := range doc.Paths.Map() {
		for verb := range item.Operations() {
			if !described[verb+" "+path] {
				t.Errorf("%s %s is described, but no function has it", verb, path)
			}
		}
	}
}

// checkOperation holds an operation against what the contract says of all.
func checkOperation(t *testing.T, spec endpoint.FunctionSpec, op *openapi3.Operation) {
	t.Helper()
	signedIn := op.Security != nil && len(*op.Security) == 1
	if signedIn != (spec.Class.SignedIn()) {
		t.Errorf("%s: its security does not agree with its class %s", spec.Route, spec.Class)
	}
	if op.Responses.Status(spec.Status) == nil || op.Responses.Status(500) == nil {
		t.Errorf("%s: %d or 500 is not described", spec.Route, spec.Status)
	}
	if (op.Responses.Status(401) != nil) != (signedIn || spec.Class == endpoint.Webhooks) {
		t.Errorf("%s: 401 is described where nobody signs in, or the other way round", spec.Route)
	}
	hasKey := op.Parameters.GetByInAndName("header", "Idempotency-Key") != nil
	if mutates := !strings.HasPrefix(spec.Route, "GET ") && spec.Class != endpoint.Webhooks; hasKey != mutates {
		t.Errorf("%s: Idempotency-Key is described: %t", spec.Route, hasKey)
	}
	for status, response := range op.Responses.Map() {
		wanted := "application/json"
		if status >= "400" {
			wanted = "application/problem+json"
		}
		if content := response.Value.Content; len(content) > 0 && content.Get(wanted) == nil {
			t.Errorf("%s: the answer %s is not %s", spec.Route, status, wanted)
		}
	}
	if spec.Output != nil {
		properties := op.Responses.Status(spec.Status).Value.Content.Get("application/json").Schema.Value.Properties
		if items := properties["items"]; items != nil && !properties["nextCursor"].Value.Type.Includes("null") {
			t.Errorf("%s: at the list's end nextCursor is null, but that isn't described", spec.Route)
		}
	}
}

func TestOpenAPIDescribesWhatIsChecked(t *testing.T) {
	t.Parallel()
	text, err := endpoint.OpenAPI(functions.All())
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				AdditionalProperties *bool                     `json:"additionalProperties"`
				Required             []string                  `json:"required"`
				Properties           map[string]map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	create := doc.Components.Schemas["MeetingsCreateRequest"]
	if create.AdditionalProperties == nil || *create.AdditionalProperties {
		t.Error("unknown fields are refused, but that isn't described")
	}
	if !slices.Equal(create.Required, []string{"title"}) {
		t.Errorf("required of a new meeting: %v", create.Required)
	}
	if title := create.Properties["title"]; title["minLength"] != 1.0 || title["maxLength"] != 200.0 || title["pattern"] != name.Pattern {
		t.Errorf("the title is described as %v", title)
	}
	if _, path := doc.Components.Schemas["MeetingsUpdateRequest"].Properties["meetingId"]; path {
		t.Error("a parameter of the path is described in the body")
	}
}
