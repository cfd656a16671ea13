package endpoint

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rapport/rapport/shared/core/errs"
)

// OpenAPI writes the OpenAPI 3.1 document of the HTTP functions among units,
// the same bytes for the same declarations.
func OpenAPI(specs []FunctionSpec) ([]byte, error) {
	doc := document{
		OpenAPI: "3.1.0",
		Info:    info{Title: "Rapport", Version: "1", Description: "Meetings that leave something: notes edited together, live. The WebSocket side is described in docs/realtime.md."},
		Servers: []server{{URL: "http://localhost:3000", Description: "make run"}},
		Paths:   map[string]map[string]*operation{},
		Components: components{
			Schemas: map[string]*Schema{},
			SecuritySchemes: map[string]securityScheme{
				"accessToken": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
			},
		},
	}
	problem := doc.Components.publish(schemaOf(reflect.TypeFor[Problem]()))
	doc.Components.Schemas["Problem"].Properties["code"].Enum = kindNames()
	for _, spec := range specs {
		if spec.Trigger != TriggerHTTP || !strings.Contains(spec.Route, " ") {
			continue
		}
		verb, path, _ := strings.Cut(spec.Route, " ")
		if doc.Paths[path] == nil {
			doc.Paths[path] = map[string]*operation{}
		}
		doc.Paths[path][strings.ToLower(verb)] = doc.operation(spec, problem)
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
}

func kindNames() []string {
	var names []string
	for kind := range maps.Keys(statuses) {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return names
}

func (doc *document) operation(spec FunctionSpec, problem *Schema) *operation {
	domain, _, _ := strings.Cut(spec.Name, "/")
	op := &operation{
		OperationID: strings.ReplaceAll(spec.Name, "/", "_"),
		Summary:     spec.Summary,
		Tags:        []string{domain},
		Class:       spec.Class,
		Action:      string(spec.Action),
		Responses:   map[string]response{},
	}
	if spec.Class.SignedIn() {
		op.Security = []map[string][]string{{"accessToken": {}}}
	}
	for _, p := range spec.Input.Parameters {
		op.Parameters = append(op.Parameters, parameterDoc{In: p.In, Name: p.Name, Required: p.Required, Schema: p.Schema, Description: p.Schema.Description})
	}
	if spec.Mutates {
		op.Parameters = append(op.Parameters, spec.onceParameter())
	}
	if spec.Input.Body != nil {
		op.RequestBody = &requestBody{Required: true, Content: jsonContent(doc.Components.publish(spec.Input.Body))}
	}
	success := response{Description: "Done"}
	if spec.Output != nil {
		success.Content = jsonContent(doc.Components.publish(spec.Output.Body))
	}
	op.Responses[strconv.Itoa(spec.Status)] = success
	for _, status := range spec.failures() {
		op.Responses[strconv.Itoa(status)] = response{
			Description: "Refused", Content: map[string]media{"application/problem+json": {Schema: problem}},
		}
	}
	return op
}

func (d Declaration) onceParameter() parameterDoc {
	low, high := 1, maxKey
	return parameterDoc{
		In: "header", Name: onceHeader, Schema: &Schema{Type: "string", MinLength: &low, MaxLength: &high},
		Description: "The same key and body gets the first answer again.",
	}
}

var pathParameter = regexp.MustCompile(`\{[^}]+\}`)

// failures are the status codes that a function may refuse with.
func (d Declaration) failures() []int {
	// Whatever a function takes: a query or a body that it doesn't is refused.
	kinds := []errs.Kind{errs.Internal, errs.RateLimited, errs.Validation, errs.PayloadTooLarge, errs.UnsupportedMediaType}
	switch d.Class {
	case Users:
		kinds = append(kinds, errs.Unauthorized, errs.Provider)
	case Admins:
		kinds = append(kinds, errs.Unauthorized, errs.Provider, errs.Forbidden)
	case Webhooks:
		kinds = append(kinds, errs.Unauthorized)
	}
	if d.Mutates {
		kinds = append(kinds, errs.Conflict)
	}
	if pathParameter.MatchString(d.Route) {
		kinds = append(kinds, errs.Forbidden, errs.NotFound)
	}
	for _, code := range d.Errors {
		kinds = append(kinds, errs.Kind(code))
	}
	var codes []int
	for _, kind := range kinds {
		codes = append(codes, statuses[kind].code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// publish files a struct's schema, and those inside it, under their names, and
// gives a reference.
func (c *components) publish(s *Schema) *Schema {
	copied := *s
	copied.OneOf = slices.Clone(s.OneOf)
	if s.Items != nil {
		copied.Items = c.publish(s.Items)
	}
	if s.Members != nil {
		copied.Members = c.publish(s.Members)
	}
	for i, schema := range s.OneOf {
		copied.OneOf[i] = c.publish(schema)
	}
	if s.Properties != nil {
		copied.Properties = map[string]*Schema{}
		for _, name := range slices.SortedFunc(maps.Keys(s.Properties), cmp.Compare[string]) {
			copied.Properties[name] = c.publish(s.Properties[name])
		}
	}
	if s.name == "" {
		return &copied
	}
	c.Schemas[s.name] = &copied
	return &Schema{Ref: "#/components/schemas/" + s.name, Description: s.Description}
}

func jsonContent(s *Schema) map[string]media {
	return map[string]media{"application/json": {Schema: s}}
}

type (
	document struct {
		OpenAPI    string                           `json:"openapi"`
		Info       info                             `json:"info"`
		Servers    []server                         `json:"servers"`
		Paths      map[string]map[string]*operation `json:"paths"`
		Components components                       `json:"components"`
	}
	info struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	}
	server struct {
		URL         string `json:"url"`
		Description string `json:"description"`
	}
	components struct {
		Schemas         map[string]*Schema        `json:"schemas"`
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
	}
	securityScheme struct {
		Type         string `json:"type"`
		Scheme       string `json:"scheme"`
		BearerFormat string `json:"bearerFormat"`
	}
	operation struct {
		OperationID string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Tags        []string              `json:"tags"`
		Class       Class                 `json:"x-caller-class"`
		Action      string                `json:"x-action,omitempty"`
		Security    []map[string][]string `json:"security,omitempty"`
		Parameters  []parameterDoc        `json:"parameters,omitempty"`
		RequestBody *requestBody          `json:"requestBody,omitempty"`
		Responses   map[string]response   `json:"responses"`
	}
	parameterDoc struct {
		In          string  `json:"in"`
		Name        string  `json:"name"`
		Required    bool    `json:"required,omitempty"`
		Description string  `json:"description,omitempty"`
		Schema      *Schema `json:"schema"`
	}
	requestBody struct {
		Required bool             `json:"required"`
		Content  map[string]media `json:"content"`
	}
	response struct {
		Description string           `json:"description"`
		Content     map[string]media `json:"content,omitempty"`
	}
	media struct {
		Schema *Schema `json:"schema"`
	}
)
