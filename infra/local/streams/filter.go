package streams

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// pattern is an event filter pattern
// (docs.aws.amazon.com/lambda, "Filter rule syntax"): every field of it must
// match, a field matches if one of its alternatives does. As on Lambda, a number
// attribute of DynamoDB is text under "N", which numeric rules don't match.
type pattern struct {
	fields []patternField
	// or are whole patterns of which one must match.
	or []pattern
}

type patternField struct {
	name string
	// nested is set for an object, rules for a list of alternatives.
	nested *pattern
	rules  []rule
}

// rule reports whether a leaf matches; present is false where there is none.
type rule func(v any, present bool) bool

func parsePattern(text string) (pattern, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return pattern{}, fmt.Errorf("not a JSON object: %w", err)
	}
	return newPattern(raw, "")
}

func newPattern(raw map[string]any, path string) (pattern, error) {
	if len(raw) == 0 {
		return pattern{}, fmt.Errorf("%s: an empty pattern", path)
	}
	var p pattern
	for name, v := range raw {
		here := strings.TrimPrefix(path+"."+name, ".")
		switch v := v.(type) {
		case map[string]any:
			nested, err := newPattern(v, here)
			if err != nil {
				return p, err
			}
			p.fields = append(p.fields, patternField{name: name, nested: &nested})
		case []any:
			if name == "$or" {
				for _, alternative := range v {
					object, ok := alternative.(map[string]any)
					if !ok {
						return p, fmt.Errorf("%s: must hold patterns", here)
					}
					pattern, err := newPattern(object, here)
					if err != nil {
						return p, err
					}
					p.or = append(p.or, pattern)
				}
				continue
			}
			field := patternField{name: name}
			for _, alternative := range v {
				r, err := newRule(alternative)
				if err != nil {
					return p, fmt.Errorf("%s: %w", here, err)
				}
				field.rules = append(field.rules, r)
			}
			p.fields = append(p.fields, field)
		default:
			return p, fmt.Errorf("%s: must be an object or a list", here)
		}
	}
	return p, nil
}

// newRule understands one alternative: a literal, or an object with one operator.
func newRule(raw any) (rule, error) {
	operators, ok := raw.(map[string]any)
	if !ok {
		if _, isList := raw.([]any); isList {
			return nil, fmt.Errorf("a list in a list")
		}
		return func(v any, present bool) bool { return present && same(raw, v) }, nil
	}
	if len(operators) != 1 {
		return nil, fmt.Errorf("one operator is wanted, not %d", len(operators))
	}
	for name, argument := range operators {
		return newOperator(name, argument)
	}
	return nil, nil
}

func newOperator(name string, argument any) (rule, error) {
	switch name {
	case "exists":
		wanted, ok := argument.(bool)
		if !ok {
			return nil, fmt.Errorf("exists takes true or false")
		}
		return func(_ any, present bool) bool { return present == wanted }, nil
	case "prefix", "suffix", "equals-ignore-case":
		text, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("%s takes a text", name)
		}
		return textRule(name, text), nil
	case "anything-but":
		return anythingBut(argument)
	case "numeric":
		return numeric(argument)
	}
	return nil, fmt.Errorf("the operator %q is not understood", name)
}

func textRule(name, text string) rule {
	return func(v any, present bool) bool {
		got, ok := v.(string)
		if !present || !ok {
			return false
		}
		switch name {
		case "prefix":
			return strings.HasPrefix(got, text)
		case "suffix":
			return strings.HasSuffix(got, text)
		}
		return strings.EqualFold(got, text)
	}
}

func anythingBut(argument any) (rule, error) {
	alternatives, ok := argument.([]any)
	if !ok {
		alternatives = []any{argument}
	}
	var excluded []rule
	for _, alternative := range alternatives {
		r, err := newRule(alternative)
		if err != nil {
			return nil, fmt.Errorf("anything-but: %w", err)
		}
		excluded = append(excluded, r)
	}
	return func(v any, present bool) bool {
		for _, r := range excluded {
			if r(v, present) {
				return false
			}
		}
		return present
	}, nil
}

// numeric takes operators and bounds in turn: [">", 0, "<=", 5].
func numeric(argument any) (rule, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) == 0 || len(parts)%2 != 0 {
		return nil, fmt.Errorf("numeric takes operators and numbers in turn")
	}
	type bound struct {
		operator string
		limit    float64
	}
	var bounds []bound
	for i := 0; i < len(parts); i += 2 {
		operator, _ := parts[i].(string)
		limit, isNumber := number(parts[i+1])
		if !isNumber || !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) {
			return nil, fmt.Errorf("numeric: %v %v is not understood", parts[i], parts[i+1])
		}
		bounds = append(bounds, bound{operator, limit})
	}
	return func(v any, present bool) bool {
		got, isNumber := number(v)
		if !present || !isNumber {
			return false
		}
		for _, b := range bounds {
			holds := map[string]bool{
				"=": got == b.limit, "<": got < b.limit, "<=": got <= b.limit, ">": got > b.limit, ">=": got >= b.limit,
			}
			if !holds[b.operator] {
				return false
			}
		}
		return true
	}, nil
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case int64:
		return float64(v), true
	}
	return 0, false
}

// same compares a literal with a leaf: by value, numbers as numbers.
func same(literal, v any) bool {
	a, isNumber := number(literal)
	if b, ok := number(v); ok && isNumber {
		return a == b
	}
	switch literal.(type) {
	case string, bool, nil:
		return literal == v
	}
	return false
}

// Passes reports whether a record of Lambda's event goes to a function whose event
// source has these filters.
func Passes(filters []string, event map[string]any) (bool, error) {
	patterns := make([]pattern, len(filters))
	for i, text := range filters {
		p, err := parsePattern(text)
		if err != nil {
			return false, fmt.Errorf("filter %s: %w", text, err)
		}
		patterns[i] = p
	}
	return passes(patterns, event), nil
}

// passes reports whether a record goes to the function: one filter matches, or
// there are none.
func passes(filters []pattern, event map[string]any) bool {
	for _, p := range filters {
		if p.matches(event) {
			return true
		}
	}
	return len(filters) == 0
}

// keysOnly reports whether a pattern looks at no more than what keysOf gives.
func (p pattern) keysOnly() bool {
	for _, f := range p.fields {
		inKeys := f.name == "dynamodb" && f.nested != nil && len(f.nested.or) == 0 &&
			!slices.ContainsFunc(f.nested.fields, func(f patternField) bool { return f.name != "Keys" })
		if f.name != "eventName" && !inKeys {
			return false
		}
	}
	return len(p.or) == 0
}

func (p pattern) matches(object map[string]any) bool {
	for _, f := range p.fields {
		v, present := object[f.name]
		if !f.matches(v, present) {
			return false
		}
	}
	for _, alternative := range p.or {
		if alternative.matches(object) {
			return true
		}
	}
	return len(p.or) == 0
}

func (f patternField) matches(v any, present bool) bool {
	if f.nested != nil {
		// An absent object still lets "exists": false match below it.
		object, ok := v.(map[string]any)
		return (ok || !present) && f.nested.matches(object)
	}
	leaves := []any{v}
	if elements, ok := v.([]any); ok {
		leaves = elements
	}
	if _, isObject := v.(map[string]any); isObject {
		present = false // rules look at leaves only
	}
	for _, r := range f.rules {
		for _, leaf := range leaves {
			if r(leaf, present) {
				return true
			}
		}
	}
	return false
}
