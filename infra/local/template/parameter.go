package template

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// bind gives every parameter of the template its value, the given one or the
// default, and checks it as CloudFormation does. A given parameter that the
// template doesn't have is an error.
func (s *scope) bind(given map[string]value) []error {
	var errs []error
	for key, n := range pairs(s.doc.parameters) {
		at := location{file: s.file, line: key.Line, path: "Parameters." + key.Value}
		declared, err := s.literal(n, at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		v, ok := given[key.Value]
		delete(given, key.Value)
		bound, err := parameter(declared, v, ok)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.params[key.Value] = bound
	}
	for name, v := range given {
		errs = append(errs, v.at.errorf("%s has no parameter %q", s.file, name))
	}
	return errs
}

// literal evaluates a node in which intrinsic functions have no place.
func (s *scope) literal(n *yaml.Node, at location) (value, error) {
	if name, found := findIntrinsic(n); found {
		return value{}, at.errorf("%s has no place in a parameter", name)
	}
	return s.eval(n, at)
}

func findIntrinsic(n *yaml.Node) (string, bool) {
	if name, _, ok := intrinsic(n); ok {
		return name, true
	}
	for _, item := range n.Content {
		if name, ok := findIntrinsic(item); ok {
			return name, true
		}
	}
	return "", false
}

func parameter(declared, given value, isGiven bool) (value, error) {
	var errs []error
	r := read(declared, &errs)
	r.known("Description", "ConstraintDescription", "NoEcho")
	kind := r.needText("Type")
	fallback, hasDefault := r.get("Default")
	if empty, ok := declared.get("Default"); ok && !hasDefault {
		fallback, hasDefault = textOf(empty.at, ""), true
	}
	pattern := r.text("AllowedPattern", "")
	allowed := r.texts("AllowedValues")
	low, high := r.number("MinLength", 0), r.number("MaxLength", -1)
	least, most := fieldOf(r, "MinValue", value.asFloat, 0), fieldOf(r, "MaxValue", value.asFloat, 0)
	_, hasLeast := declared.get("MinValue")
	_, hasMost := declared.get("MaxValue")
	r.finish()
	if len(errs) > 0 {
		return value{}, errs[0]
	}
	v := given
	if !isGiven {
		if !hasDefault {
			return value{}, declared.at.errorf("has no value and no default")
		}
		v = fallback
	}
	if strings.HasPrefix(kind, "AWS::SSM::") && !isGiven {
		return value{}, declared.at.errorf("is read from the parameter store on AWS and must be given locally")
	}
	if v.kind == listValue {
		texts, err := v.asTexts()
		if err != nil {
			return value{}, err
		}
		v = textOf(v.at, strings.Join(texts, ","))
	}
	text, err := v.asText()
	if err != nil {
		return value{}, err
	}
	items := []string{text}
	isList := kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<")
	if isList {
		items = strings.Split(text, ",")
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
	}
	for _, item := range items {
		if len(allowed) > 0 && !slices.Contains(allowed, item) {
			return value{}, declared.at.errorf("%q is not one of %s", item, quoted(allowed))
		}
		if len(item) < low || (high >= 0 && len(item) > high) {
			return value{}, declared.at.errorf("%q is too short or too long", item)
		}
		if err := matches(declared.at, pattern, item); err != nil {
			return value{}, err
		}
		if kind != "Number" && kind != "List<Number>" {
			continue
		}
		n, err := strconv.ParseFloat(item, 64)
		if err != nil || hasLeast && n < least || hasMost && n > most {
			return value{}, declared.at.errorf("%q is not a number in its bounds", item)
		}
	}
	switch {
	case isList:
		return listOf(v.at, items), nil
	case kind == "String" || kind == "Number" || strings.HasPrefix(kind, "AWS::"):
		return textOf(v.at, text), nil
	}
	return value{}, declared.at.errorf("the type %q is not understood", kind)
}

func matches(at location, pattern, text string) error {
	if pattern == "" {
		return nil
	}
	expression, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return at.errorf("AllowedPattern: %v", err)
	}
	if !expression.MatchString(text) {
		return at.errorf("%q does not match %s", text, pattern)
	}
	return nil
}
