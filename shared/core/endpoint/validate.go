package endpoint

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/name"
)

// maxProblems bounds how many problems one answer lists.
const maxProblems = 20

// problems gathers what is wrong with a request.
type problems []errs.FieldError

func (p *problems) add(location, format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, errs.FieldError{Location: location, Detail: fmt.Sprintf(format, args...)})
	}
}

// number is a JSON number as it was written.
type number string

// check holds a decoded JSON value against a schema.
func (s *Schema) check(at string, v any, p *problems) {
	if v == nil && s.nullable {
		return
	}
	if s.OneOf != nil {
		s.checkOneOf(at, v, p)
		return
	}
	switch s.Type {
	case "object":
		s.checkObject(at, v, p)
	case "array":
		s.checkArray(at, v, p)
	case "string":
		if text, ok := v.(string); ok {
			s.checkString(at, text, p)
		} else {
			p.add(at, "must be a string, not %s", typeName(v))
		}
	case "integer", "number":
		s.checkNumber(at, v, p)
	case "boolean":
		if _, ok := v.(bool); !ok {
			p.add(at, "must be true or false, not %s", typeName(v))
		}
	}
}

// checkOneOf holds a value against the alternative that is of its kind.
func (s *Schema) checkOneOf(at string, v any, p *problems) {
	var kinds []string
	for _, schema := range s.OneOf {
		if typeName(v) == kindNamesOf[schema.Type] {
			schema.check(at, v, p)
			return
		}
		kinds = append(kinds, kindNamesOf[schema.Type])
	}
	p.add(at, "must be %s, not %s", strings.Join(kinds, " or "), typeName(v))
}

func (s *Schema) checkObject(at string, v any, p *problems) {
	object, ok := v.(map[string]any)
	if !ok {
		p.add(at, "must be an object, not %s", typeName(v))
		return
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			p.add(at+"."+name, "is required")
		}
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		property, ok := s.Properties[name]
		if !ok && s.Members != nil {
			property, ok = s.Members, true
		}
		if !ok && !s.open {
			p.add(at+"."+clip(name), "is not a field here")
		}
		if !ok {
			continue
		}
		property.check(at+"."+clip(name), object[name], p)
	}
}

func (s *Schema) checkArray(at string, v any, p *problems) {
	list, ok := v.([]any)
	if !ok {
		p.add(at, "must be a list, not %s", typeName(v))
		return
	}
	if s.MinItems != nil && len(list) < *s.MinItems {
		p.add(at, "must have at least %d items", *s.MinItems)
	}
	if s.MaxItems != nil && len(list) > *s.MaxItems {
		p.add(at, "must have at most %d items, has %d", *s.MaxItems, len(list))
		return
	}
	for i, item := range list {
		s.Items.check(fmt.Sprintf("%s[%d]", at, i), item, p)
	}
}

func (s *Schema) checkString(at, text string, p *problems) {
	if s.named && text != "" {
		parsed, err := name.Parse(text)
		if err != nil {
			p.add(at, "%s", err.Error())
			return
		}
		if s.exact && parsed != text {
			p.add(at, "must be in normalization form C, without white space around it")
			return
		}
		text = parsed
	}
	length := utf8.RuneCountInString(text)
	switch {
	case s.MinLength != nil && length < *s.MinLength:
		p.add(at, "must have at least %d characters", *s.MinLength)
	case s.MaxLength != nil && length > *s.MaxLength:
		p.add(at, "must have at most %d characters, has %d", *s.MaxLength, length)
	case s.noBlank && strings.TrimSpace(text) == "":
		p.add(at, "must not be blank")
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		p.add(at, "must be one of %s", strings.Join(s.Enum, ", "))
	case s.Format == "date-time" && !isTime(text):
		p.add(at, "must be a time as in RFC 3339, such as 2026-11-23T16:00:00Z")
	}
}

func (s *Schema) checkNumber(at string, v any, p *problems) {
	text, ok := v.(number)
	if !ok {
		p.add(at, "must be a number, not %s", typeName(v))
		return
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(value, 0) {
		p.add(at, "is a number out of range")
		return
	}
	if s.Type == "integer" {
		if strings.ContainsAny(string(text), ".eE") {
			p.add(at, "must be a whole number, written without fraction or exponent")
			return
		}
		if _, err := strconv.ParseInt(string(text), 10, 64); err != nil {
			p.add(at, "is a number out of range")
			return
		}
	}
	if s.low != nil && value < *s.low {
		p.add(at, "must be at least %s", s.Minimum)
	}
	if s.high != nil && value > *s.high {
		p.add(at, "must be at most %s", s.Maximum)
	}
}

func isTime(text string) bool {
	t, err := time.Parse(time.RFC3339, text)
	return err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999
}

// clip keeps a name that the caller made up from filling the answer.
func clip(member string) string {
	if runes := []rune(member); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return member
}

// kindNamesOf are the names that typeName has for JSON Schema's types.
var kindNamesOf = map[string]string{
	"string": "a string", "number": "a number", "integer": "a number", "boolean": "a boolean", "array": "a list", "object": "an object",
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case number:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
