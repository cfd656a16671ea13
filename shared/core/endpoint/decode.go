package endpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rapport/rapport/shared/core/errs"
)

const (
	// maxDepth bounds how deep a body may be nested; nothing of ours needs ten.
	maxDepth = 32
	// maxStep bounds a parameter of the path, in bytes: it becomes a part of a
	// key, and DynamoDB counts keys in bytes.
	maxStep = 255
)

// validator is a request that has rules which span several fields. Its error is
// an *errs.Error with locations.
type validator interface{ Validate() error }

// decodeBody reads raw JSON into dst, a pointer to a struct, and holds it
// against the schema. Bad UTF-8, lone surrogates, duplicate names, unknown
// fields and too deep nesting are refused wherever they stand.
func decodeBody(raw []byte, schema *Schema, dst any) error {
	tree, problem := parseTree(raw)
	if problem != nil {
		return invalid(*problem)
	}
	var found problems
	schema.check("body", tree, &found)
	if len(found) > 0 {
		return invalid(found...)
	}
	err := json.Unmarshal(raw, dst, json.RejectUnknownMembers(!schema.open))
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return invalid(errs.FieldError{Location: location(semantic.JSONPointer), Detail: "does not have the declared type"})
	}
	if err != nil {
		return invalid(errs.FieldError{Location: "body", Detail: "is not valid JSON"})
	}
	if schema.hasNames() {
		normalizeNames(reflect.ValueOf(dst))
	}
	return nil
}

func invalid(found ...errs.FieldError) *errs.Error {
	return &errs.Error{Kind: errs.Validation, Message: "The request is not valid.", Problems: found}
}

// parseTree reads one JSON value into maps, lists, strings, numbers as they
// were written, booleans and nil.
func parseTree(raw []byte) (any, *errs.FieldError) {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw))
	tree, err := parseValue(decoder, 0)
	if err == nil {
		_, err = decoder.ReadToken()
		if errors.Is(err, io.EOF) {
			return tree, nil
		}
		if err == nil {
			return nil, &errs.FieldError{Location: "body", Detail: "has more than one JSON value"}
		}
	}
	return nil, syntaxProblem(raw, err)
}

// checkFields refuses members of a JSON object that are larger than their
// bounds, in bytes as sent. What can't be read is left to the check of the
// shape, which says where it is wrong.
func checkFields(raw []byte, bounds map[string]int) error {
	if len(bounds) == 0 {
		return nil
	}
	for name, value := range members(raw) {
		if bound, ok := bounds[name]; ok && len(value) > bound {
			return errs.New(errs.PayloadTooLarge, "%s may have at most %d bytes; please split it.", name, bound)
		}
	}
	return nil
}

// members are those of a JSON object, as sent, as far as it can be read.
func members(raw []byte) iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		decoder := jsontext.NewDecoder(bytes.NewReader(raw))
		if begin, err := decoder.ReadToken(); err != nil || begin.Kind() != jsontext.KindBeginObject {
			return
		}
		for decoder.PeekKind() == jsontext.KindString {
			token, err := decoder.ReadToken()
			if err != nil {
				return
			}
			name := token.String()
			value, err := decoder.ReadValue()
			if err != nil || !yield(name, value) {
				return
			}
		}
	}
}

var errTooDeep = errors.New("too deep")

func parseValue(d *jsontext.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		object := map[string]any{}
		for d.PeekKind() != jsontext.KindEndObject {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			if object[key], err = parseValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return object, err
	case jsontext.KindBeginArray:
		list := []any{}
		for d.PeekKind() != jsontext.KindEndArray {
			item, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = d.ReadToken()
		return list, err
	case jsontext.KindString:
		return token.String(), nil
	case jsontext.KindNumber:
		return number(token.String()), nil
	case jsontext.KindNull:
		return nil, nil
	default:
		return token.Bool(), nil
	}
}

func syntaxProblem(raw []byte, err error) *errs.FieldError {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case errors.Is(err, errTooDeep):
		return &errs.FieldError{Location: "body", Detail: fmt.Sprintf("is nested deeper than %d", maxDepth)}
	case !ok:
		return &errs.FieldError{Location: "body", Detail: "is not complete JSON"}
	case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return &errs.FieldError{Location: location(syntax.JSONPointer), Detail: "stands twice"}
	}
	// The library's other errors have no names: look at the byte it stopped at.
	rest := raw[min(int(syntax.ByteOffset), len(raw)):]
	switch {
	case bytes.HasPrefix(bytes.ToLower(rest[:min(3, len(rest))]), []byte(`\ud`)):
		return &errs.FieldError{Location: location(syntax.JSONPointer), Detail: "has a lone surrogate"}
	case len(rest) > 0 && rest[0] >= utf8.RuneSelf:
		return &errs.FieldError{Location: location(syntax.JSONPointer), Detail: "is not UTF-8"}
	default:
		return &errs.FieldError{Location: "body", Detail: fmt.Sprintf("is not JSON at byte %d", syntax.ByteOffset)}
	}
}

// location turns the JSON pointer /chunks/3/text into body.chunks[3].text.
func location(pointer jsontext.Pointer) string {
	at := "body"
	for part := range pointer.Tokens() {
		if _, err := strconv.Atoi(part); err == nil {
			at += "[" + part + "]"
		} else {
			at += "." + clip(part)
		}
	}
	return at
}

// parameters are a request's strings beside its body, by name.
type parameters struct {
	path, query, header map[string]string
}

// decodeParameters fills the fields of dst that come from path, query and
// headers, and refuses query parameters that aren't declared.
func decodeParameters(from parameters, shape *Shape, dst reflect.Value) error {
	var found problems
	known := map[string]bool{}
	for _, parameter := range shape.Parameters {
		var text string
		var present bool
		switch parameter.In {
		case "path":
			text, present = from.path[parameter.Name]
		case "query":
			text, present = from.query[parameter.Name]
			known[parameter.Name] = true
			if _, given := from.query[parameter.IgnoredWith]; given {
				continue
			}
		default:
			text, present = from.header[strings.ToLower(parameter.Name)]
		}
		at := parameter.In + "." + parameter.Name
		if !present {
			if parameter.Required {
				found.add(at, "is required")
			}
			continue
		}
		if parameter.In == "path" && len(text) > maxStep {
			found.add(at, "must have at most %d bytes", maxStep)
			continue
		}
		setParameter(parameter.Schema, at, text, dst.FieldByIndex(parameter.field), &found)
	}
	for _, name := range slices.Sorted(maps.Keys(from.query)) {
		if !known[name] {
			found.add("query."+clip(name), "is not a parameter here")
		}
	}
	if len(found) > 0 {
		return invalid(found...)
	}
	return nil
}

// declared are those of a query's parameters that a shape has.
func (s *Shape) declared(query map[string]string) map[string]string {
	found := map[string]string{}
	for _, parameter := range s.Parameters {
		if text, ok := query[parameter.Name]; ok && parameter.In == "query" {
			found[parameter.Name] = text
		}
	}
	return found
}

func setParameter(schema *Schema, at, text string, field reflect.Value, found *problems) {
	// An event is JSON and can't hold bytes that aren't UTF-8: the gateway has put
	// U+FFFD in their place.
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		found.add(at, "is not UTF-8")
		return
	}
	var value any = text
	if schema.Type == "integer" {
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			found.add(at, "must be a whole number")
			return
		}
		value = number(text)
	}
	before := len(*found)
	schema.check(at, value, found)
	if len(*found) > before {
		return
	}
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch {
	case field.Kind() == reflect.String:
		field.SetString(text)
		if schema.named {
			normalizeName(field)
		}
	case field.Type() == timeType:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			found.add(at, "must be a time as in RFC 3339")
			return
		}
		field.Set(reflect.ValueOf(t.UTC()))
	default:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			found.add(at, "must be a whole number")
			return
		}
		field.SetInt(n)
	}
}
