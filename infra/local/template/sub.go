package template

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// callSub evaluates Fn::Sub: `${Name}` is a variable of its own mapping, a
// parameter, a resource or, with a dot, a resource's attribute; `${!Name}` is
// the text `${Name}`.
func (s *scope) callSub(arg *yaml.Node, at location) (value, error) {
	pattern, variables := arg, map[string]value{}
	if arg.Kind == yaml.SequenceNode {
		if len(arg.Content) != 2 || arg.Content[1].Kind != yaml.MappingNode {
			return value{}, at.errorf("Sub takes a text, or a text and a mapping")
		}
		pattern = arg.Content[0]
		for key, item := range pairs(arg.Content[1]) {
			v, err := s.eval(item, at)
			if err != nil {
				return value{}, err
			}
			variables[key.Value] = v
		}
	}
	if pattern.Kind != yaml.ScalarNode {
		return value{}, at.errorf("Sub takes a text, or a text and a mapping")
	}
	var out strings.Builder
	rest := pattern.Value
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return value{}, at.errorf("Sub: ${ without }")
		}
		text, err := s.substitute(name, variables, at)
		if err != nil {
			return value{}, err
		}
		out.WriteString(text)
		rest = tail
	}
	if strings.Contains(out.String(), "{{resolve:") {
		return value{}, at.errorf("dynamic references ({{resolve:...}}) have no local value; let a parameter decide")
	}
	return textOf(at, out.String()), nil
}

func (s *scope) substitute(name string, variables map[string]value, at location) (string, error) {
	name = strings.TrimSpace(name)
	if literal, found := strings.CutPrefix(name, "!"); found {
		return "${" + literal + "}", nil
	}
	v, found := variables[name]
	if !found {
		var err error
		if v, err = s.lookup(name, at); err != nil {
			return "", err
		}
	}
	return v.asText()
}

// lookup is a reference in a Sub: an attribute where the name has a dot, except
// for SAM's own `Function.Alias` and `Function.Version`.
func (s *scope) lookup(name string, at location) (value, error) {
	id, attribute, dotted := strings.Cut(name, ".")
	if !dotted || attribute == "Alias" || attribute == "Version" {
		return s.ref(name, at)
	}
	return s.getAtt(id, attribute, at)
}
