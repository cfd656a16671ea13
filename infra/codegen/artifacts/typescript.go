package artifacts

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// handwritten is the modules of those components whose types stand in the
// client's own source, because they say more there than the schema does.
func handwritten() map[string]string {
	return map[string]string{"Op": "../ot/change.ts", "Place": "../ot/places.ts"}
}

// typeScript writes what the client has of an OpenAPI document: `Schemas` with
// its components, `Operations` with the parameters, body and answer of each, and
// the methods that call them, as the type `Methods` and the table `routes`.
// `names` says what some operations are called; an entry that names none is an
// error.
func typeScript(document []byte, names map[string]string) ([]byte, error) {
	var doc openAPI
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	methods, err := methodsOf(doc.operations(), names)
	if err != nil {
		return nil, err
	}
	modules := handwritten()
	w := &writer{}
	w.line("// Written by `make codegen` from the declarations in functions/; not by hand.")
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if doc.Components.Schemas[name] != nil {
			w.line(fmt.Sprintf("import type { %s } from %q;", name, modules[name]))
		}
	}
	w.line("")
	w.line("/** The requests and answers of the API, by name. */")
	w.open("export interface Schemas {")
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		if modules[name] != "" {
			w.line("readonly " + name + ": " + name + ";")
			continue
		}
		w.member(name, false, doc.Components.Schemas[name])
	}
	w.close("}")
	w.line("")
	w.line("/** The calls of the API, by operation: what each takes and answers. */")
	w.open("export interface Operations {")
	for _, call := range doc.operations() {
		w.operation(call)
	}
	w.close("}")
	w.line("")
	w.line("/** The methods that call the API as a signed-in person; `Options` is what every call takes beside its input. */")
	w.open("export interface Methods<Options> {")
	w.signatures(methods)
	w.close("}")
	w.line("")
	w.line("/** Method and path of each; the third word says what the call takes after the path's parameters. */")
	w.open("export const routes = {")
	w.routes(methods)
	w.close("} as const;")
	return []byte(w.String()), w.err
}

type (
	openAPI struct {
		Paths      map[string]map[string]operation
		Components struct{ Schemas map[string]*schema }
	}
	operation struct {
		OperationID string
		Summary     string
		Parameters  []struct {
			In, Name    string
			Required    bool
			Description string
			Schema      *schema
		}
		RequestBody *content
		Security    []any
		Responses   map[string]content
		route       string
	}
	content struct {
		Content map[string]struct{ Schema *schema }
	}
	schema struct {
		Ref         string `json:"$ref"`
		Type        types
		Description string
		Enum        []any
		Const       any
		Items       *schema
		Properties  map[string]*schema
		Required    []string
		OneOf       []*schema
		AnyOf       []*schema
		Members     members `json:"additionalProperties"`
	}
)

// members is JSON Schema's `additionalProperties`: false, or the schema of what an
// object has under names of anybody's choice.
type members struct{ *schema }

func (m *members) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	return json.Unmarshal(text, &m.schema)
}

// types is JSON Schema's `type`: a name or a list of names.
type types []string

func (t *types) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]string)(t))
	}
	*t = types{""}
	return json.Unmarshal(text, &(*t)[0])
}

// operations in the order of their ids.
func (doc openAPI) operations() []operation {
	byID := map[string]operation{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			op.route = strings.ToUpper(method) + " " + path
			byID[op.OperationID] = op
		}
	}
	var all []operation
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		all = append(all, byID[id])
	}
	return all
}

// writer gathers lines under an indentation; its first error stays.
type writer struct {
	strings.Builder
	depth int
	err   error
}

func (w *writer) line(text string) {
	if text != "" {
		w.WriteString(strings.Repeat("  ", w.depth))
	}
	w.WriteString(text + "\n")
}

func (w *writer) open(text string) { w.line(text); w.depth++ }

func (w *writer) close(text string) { w.depth--; w.line(text) }

func (w *writer) comment(text string) {
	if text != "" {
		w.line("/** " + strings.ReplaceAll(text, "*/", "*\\/") + " */")
	}
}

func (w *writer) operation(op operation) {
	w.comment(op.route + ": " + op.Summary)
	w.open(op.OperationID + ": {")
	for _, in := range []string{"path", "query"} {
		object := &schema{Type: types{"object"}, Properties: map[string]*schema{}}
		for _, p := range op.Parameters {
			if p.In != in {
				continue
			}
			described := *p.Schema
			described.Description = p.Description
			object.Properties[p.Name] = &described
			if p.Required {
				object.Required = append(object.Required, p.Name)
			}
		}
		if len(object.Properties) > 0 {
			w.member(in, false, object)
		}
	}
	if op.RequestBody != nil {
		w.member("body", false, op.RequestBody.Content["application/json"].Schema)
	}
	w.member("answer", false, op.answer())
	w.close("};")
}

// answer is the schema of success; nil where there is no body.
func (op operation) answer() *schema {
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if strings.HasPrefix(status, "2") {
			return op.Responses[status].Content["application/json"].Schema
		}
	}
	return nil
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

var plainName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// quoted is a property's name as TypeScript takes it.
func quoted(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return fmt.Sprintf("%q", name)
}

func (w *writer) member(name string, optional bool, s *schema) {
	if s != nil {
		w.comment(s.Description)
	}
	name = quoted(name)
	if optional {
		name += "?"
	}
	if s != nil && s.Ref == "" && len(s.Properties) > 0 {
		w.open("readonly " + name + ": {")
		for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
			w.member(property, !slices.Contains(s.Required, property), s.Properties[property])
		}
		w.close("};")
		return
	}
	w.line("readonly " + name + ": " + w.typeOf(s) + ";")
}

const componentPrefix = "#/components/schemas/"

// typeOf is a schema's type where it is no object with properties of its own;
// those are published as components.
func (w *writer) typeOf(s *schema) string {
	switch {
	case s == nil:
		return "undefined"
	case s.Ref != "":
		return fmt.Sprintf("Schemas[%q]", strings.TrimPrefix(s.Ref, componentPrefix))
	case s.Const != nil:
		return literal(s.Const)
	case len(s.Enum) > 0:
		var values []string
		for _, value := range s.Enum {
			values = append(values, literal(value))
		}
		return strings.Join(values, " | ")
	case len(s.OneOf)+len(s.AnyOf) > 0:
		var members []string
		for _, schema := range slices.Concat(s.OneOf, s.AnyOf) {
			members = append(members, w.typeOf(schema))
		}
		return strings.Join(members, " | ")
	}
	var names []string
	for _, t := range s.Type {
		names = append(names, w.named(t, s))
	}
	if names == nil {
		return "unknown"
	}
	return strings.Join(names, " | ")
}

func (w *writer) named(t string, s *schema) string {
	switch t {
	case "string", "boolean", "null":
		return t
	case "integer", "number":
		return "number"
	case "array":
		item := w.typeOf(s.Items)
		if strings.Contains(item, " ") {
			item = "(" + item + ")"
		}
		return "readonly " + item + "[]"
	case "object":
		if s.Members.schema != nil {
			return "Readonly<Record<string, " + w.typeOf(s.Members.schema) + ">>"
		}
		if len(s.Properties) == 0 {
			return "Readonly<Record<string, unknown>>"
		}
		return w.inline(s)
	}
	w.err = fmt.Errorf("no TypeScript type for the schema type %q", t)
	return "never"
}

// inline writes an object on one line, for objects inside arrays and unions.
func (w *writer) inline(s *schema) string {
	var members []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		mark := ""
		if !slices.Contains(s.Required, name) {
			mark = "?"
		}
		members = append(members, "readonly "+quoted(name)+mark+": "+w.typeOf(s.Properties[name]))
	}
	return "{ " + strings.Join(members, "; ") + " }"
}

func literal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "never"
	}
	return string(text)
}
