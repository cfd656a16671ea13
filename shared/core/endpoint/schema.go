package endpoint

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rapport/rapport/shared/core/name"
)

// Schema is the part of JSON Schema (draft 2020-12, as OpenAPI 3.1 has it) that
// Rapport's requests and answers use. One schema drives both the check and the
// document, so they can't differ.
type Schema struct {
	Ref                  string             `json:"$ref,omitempty"`
	Type                 string             `json:"type,omitempty"`
	Format               string             `json:"format,omitempty"`
	Description          string             `json:"description,omitempty"`
	Enum                 []string           `json:"enum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	MinLength            *int               `json:"minLength,omitempty"`
	MaxLength            *int               `json:"maxLength,omitempty"`
	Minimum              json.Number        `json:"minimum,omitempty"`
	Maximum              json.Number        `json:"maximum,omitempty"`
	MinItems             *int               `json:"minItems,omitempty"`
	MaxItems             *int               `json:"maxItems,omitempty"`
	Items                *Schema            `json:"items,omitempty"`
	Properties           map[string]*Schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties *bool              `json:"additionalProperties,omitempty"`
	OneOf                []*Schema          `json:"oneOf,omitempty"`

	// Members describes what an object has under names of the caller's choice. It is
	// written as additionalProperties, whose other form is false.
	Members *Schema `json:"-"`

	// name is the component under which a struct's schema is published.
	name string
	// blank is true where a string of white space only is refused.
	noBlank bool
	// low and high are Minimum and Maximum, where a tag says so.
	low, high *float64
	// named is true where a string is a name, see package name; exact where it is
	// refused unless it is written as it is stored.
	named, exact bool
	// nullable is true where null stands for "none".
	nullable bool
	// open is true where an object may have members that aren't declared.
	open bool
}

// opened is the schema with every object in it open.
func (s *Schema) opened() *Schema {
	copied := *s
	copied.open, copied.AdditionalProperties = true, nil
	if s.Items != nil {
		copied.Items = s.Items.opened()
	}
	if s.Members != nil {
		copied.Members = s.Members.opened()
	}
	copied.OneOf = slices.Clone(s.OneOf)
	for i, schema := range s.OneOf {
		copied.OneOf[i] = schema.opened()
	}
	if s.Properties != nil {
		copied.Properties = map[string]*Schema{}
		for name, property := range s.Properties {
			copied.Properties[name] = property.opened()
		}
	}
	return &copied
}

// MarshalJSON writes a nullable schema's type as JSON Schema does, as a list, and
// Members in the place of AdditionalProperties.
func (s *Schema) MarshalJSON() ([]byte, error) {
	type plain Schema
	if s.Members != nil {
		return json.Marshal(struct {
			*plain
			Members *Schema `json:"additionalProperties"`
		}{(*plain)(s), s.Members})
	}
	if !s.nullable {
		return json.Marshal((*plain)(s))
	}
	return json.Marshal(struct {
		Type []string `json:"type"`
		*plain
	}{[]string{s.Type, "null"}, (*plain)(s)})
}

// Shape is a request or an answer: where its parts come from, and the Go type.
type Shape struct {
	Type reflect.Type
	// Body is nil where the request has none.
	Body *Schema
	// Parameters come from the path, the query and the headers.
	Parameters []Parameter
}

// Parameter is a part of a request that isn't in its body.
type Parameter struct {
	In       string // path, query or header
	Name     string
	Required bool
	// IgnoredWith names a parameter of the query that, where it is given, has this
	// parameter ignored.
	IgnoredWith string
	Schema      *Schema
	field       []int
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	rawJSONType = reflect.TypeFor[json.RawMessage]()
	fieldType   = reflect.TypeFor[field]()
	unionType   = reflect.TypeFor[union]()
)

// union is a type whose JSON has one of several forms, distinguished by what kind of
// value it is: a string, an object, and so on. Alternatives gives a value of a type
// for each.
type union interface{ Alternatives() []any }

// field is a patch.Field of any type.
type field interface {
	Given() bool
	Pointer() any
}

// shapeOf reads a struct's tags. The closed set is: `path`, `query`, `header`
// (where a field comes from), `json` (a field of the body), `doc`, `minLength`,
// `maxLength`, `minimum`, `maximum`, `minItems`, `maxItems`, `enum`, `pattern`,
// `notBlank`, `required` (of a query's field), `name` (one line that others read
// beside their own words; with "true" it is normalised before its length counts,
// see package name, with "exact" it must be so already, as an identifier that its
// sender compares), `nullable`, and `ignoredWith` of a query's field. A field is
// required unless it has `omitempty` or `omitzero`, or is a pointer that is not
// `nullable`; a patch.Field is always `nullable` and `omitzero`. A whole number fits
// into 64 bits. A type that can't be described is a mistake in the program, found
// when the declaration is made.
func shapeOf(t reflect.Type) *Shape {
	shape := &Shape{Type: t}
	body := &Schema{Type: "object", Properties: map[string]*Schema{}, AdditionalProperties: new(bool), name: componentName(t)}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		if in, parameter := source(f); in != "" {
			shape.Parameters = append(shape.Parameters, Parameter{
				In: in, Name: parameter, Required: in == "path" || f.Tag.Get("required") == "true", IgnoredWith: f.Tag.Get("ignoredWith"), Schema: fieldSchema(f), field: f.Index,
			})
			continue
		}
		addProperty(body, f)
	}
	if len(body.Properties) > 0 {
		shape.Body = body
		body.bound()
	}
	for _, p := range shape.Parameters {
		p.Schema.bound()
	}
	return shape
}

// bound says of a request's whole numbers how large they may be where no tag
// does; of answers nobody needs to know.
func (s *Schema) bound() {
	if s.Type == "integer" && s.Maximum == "" {
		s.Maximum = json.Number(strconv.FormatInt(math.MaxInt64, 10))
	}
	if s.Items != nil {
		s.Items.bound()
	}
	if s.Members != nil {
		s.Members.bound()
	}
	for _, schema := range s.OneOf {
		schema.bound()
	}
	for _, property := range s.Properties {
		property.bound()
	}
}

// schemaOf describes any Go type that may stand in a body.
func schemaOf(t reflect.Type) *Schema {
	switch {
	case t == timeType:
		return &Schema{Type: "string", Format: "date-time"}
	case t == rawJSONType:
		return &Schema{}
	case t.Implements(unionType):
		s := &Schema{}
		for _, one := range reflect.Zero(t).Interface().(union).Alternatives() {
			s.OneOf = append(s.OneOf, schemaOf(reflect.TypeOf(one)))
		}
		return s
	case t.Implements(fieldType):
		s := schemaOf(reflect.TypeOf(reflect.Zero(t).Interface().(field).Pointer()))
		s.nullable = true
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return &Schema{Type: "string"}
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return &Schema{Type: "integer", Format: "int64"}
	case reflect.Float64:
		return &Schema{Type: "number", Format: "double"}
	case reflect.Slice:
		return &Schema{Type: "array", Items: schemaOf(t.Elem())}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return &Schema{Type: "object", Members: schemaOf(t.Elem())}
		}
	case reflect.Struct:
		return structSchema(t)
	}
	panic(fmt.Sprintf("endpoint: %s can't be described in JSON Schema", t))
}

func structSchema(t reflect.Type) *Schema {
	s := &Schema{Type: "object", Properties: map[string]*Schema{}, AdditionalProperties: new(bool), name: componentName(t)}
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous && f.IsExported() {
			addProperty(s, f)
		}
	}
	return s
}

func addProperty(s *Schema, f reflect.StructField) {
	member, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if member == "-" {
		return
	}
	if member == "" {
		panic(fmt.Sprintf("endpoint: field %s of %s has no json, path, query or header tag", f.Name, s.name))
	}
	s.Properties[member] = fieldSchema(f)
	if f.Type.Implements(fieldType) && !strings.Contains(options, "omitzero") {
		panic(fmt.Sprintf("endpoint: field %s of %s needs omitzero: else absent is written as null", f.Name, s.name))
	}
	optional := f.Type.Kind() == reflect.Pointer && !s.Properties[member].nullable || strings.Contains(options, "omit")
	if !optional {
		s.Required = append(s.Required, member)
		slices.Sort(s.Required)
	}
}

func source(f reflect.StructField) (in, parameter string) {
	for _, in := range []string{"path", "query", "header"} {
		if parameter, ok := f.Tag.Lookup(in); ok {
			return in, parameter
		}
	}
	return "", ""
}

func fieldSchema(f reflect.StructField) *Schema {
	s := schemaOf(f.Type)
	s.Description = f.Tag.Get("doc")
	s.MinLength, s.MaxLength = intTag(f, "minLength"), intTag(f, "maxLength")
	s.MinItems, s.MaxItems = intTag(f, "minItems"), intTag(f, "maxItems")
	s.low, s.high = floatTag(f, "minimum"), floatTag(f, "maximum")
	s.Minimum, s.Maximum = json.Number(f.Tag.Get("minimum")), json.Number(f.Tag.Get("maximum"))
	s.Pattern = f.Tag.Get("pattern")
	if list := f.Tag.Get("enum"); list != "" {
		s.Enum = strings.Split(list, ",")
	}
	if f.Tag.Get("notBlank") == "true" {
		s.noBlank, s.Pattern = true, `\S`
	}
	if rule := f.Tag.Get("name"); rule != "" {
		s.exact = rule == "exact"
		s.named, s.Pattern, s.Description = true, name.Pattern, strings.TrimSpace(s.Description+" "+name.Rules)
	}
	s.nullable = s.nullable || f.Tag.Get("nullable") == "true"
	return s
}

func intTag(f reflect.StructField, tag string) *int {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("endpoint: tag %s of %s: %v", tag, f.Name, err))
	}
	return &n
}

func floatTag(f reflect.StructField, tag string) *float64 {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("endpoint: tag %s of %s: %v", tag, f.Name, err))
	}
	return &n
}

// componentName makes `CreateRequest` of package meetings `MeetingsCreateRequest`
// and leaves a type named after its domain, such as meetings.Meeting, alone.
func componentName(t reflect.Type) string {
	component := t.Name()
	if i := strings.IndexByte(component, '['); i >= 0 {
		inner := component[i+1 : len(component)-1]
		component = component[:i] + "Of" + inner[strings.LastIndexByte(inner, '.')+1:]
	}
	if !strings.HasSuffix(component, "Request") {
		return component
	}
	path := t.PkgPath()
	domain := path[strings.LastIndexByte(path, '/')+1:]
	return strings.ToUpper(domain[:1]) + domain[1:] + component
}
