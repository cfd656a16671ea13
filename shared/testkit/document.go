package testkit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// document is the functions' OpenAPI document, which every answer is held
// against.
type document struct {
	read func() (*openapi3.T, error)
}

func newDocument(functions []endpoint.FunctionSpec) document {
	return document{sync.OnceValues(func() (*openapi3.T, error) {
		text, err := endpoint.OpenAPI(functions)
		if err != nil {
			return nil, err
		}
		return openapi3.NewLoader().LoadFromData(text)
	})}
}

// check says how an answer differs from what the document promises of a
// function.
func (d document) check(function endpoint.FunctionSpec, a Answer) error {
	doc, err := d.read()
	if err != nil {
		return fmt.Errorf("the OpenAPI document: %w", err)
	}
	verb, path, isRoute := strings.Cut(function.Route, " ")
	if !isRoute {
		return nil
	}
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(verb) == nil {
		return fmt.Errorf("%s is not described", function.Route)
	}
	described := item.GetOperation(verb).Responses.Value(strconv.Itoa(a.Status))
	if described == nil {
		return fmt.Errorf("the status %d is not described", a.Status)
	}
	if len(described.Value.Content) == 0 {
		if len(a.Body) > 0 {
			return fmt.Errorf("no body is described, but there is one")
		}
		return nil
	}
	media := described.Value.Content[a.Header.Get("Content-Type")]
	if media == nil {
		return fmt.Errorf("the type %q is not described", a.Header.Get("Content-Type"))
	}
	var body any
	if err := json.Unmarshal(a.Body, &body); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return media.Schema.Value.VisitJSON(body, openapi3.EnableFormatValidation())
}
