package template

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// intrinsic reports whether a node is an intrinsic function, in its short form
// (!Sub) or its long one ({Fn::Sub: ...}), and gives its long name and argument.
func intrinsic(n *yaml.Node) (name string, arg *yaml.Node, ok bool) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		plain := *n
		plain.Tag = ""
		if n.Kind == yaml.ScalarNode {
			plain.Tag = "!!str"
		}
		switch short := n.Tag[1:]; short {
		case "Ref", "Condition":
			return short, &plain, true
		default:
			return "Fn::" + short, &plain, true
		}
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		key := n.Content[0].Value
		if key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return key, n.Content[1], true
		}
	}
	return "", nil, false
}

// eval gives a node's value. Order of evaluation doesn't matter: what is
// referred to is evaluated when it is needed, and a cycle is an error.
func (s *scope) eval(n *yaml.Node, at location) (value, error) {
	at.line = n.Line
	if name, arg, ok := intrinsic(n); ok {
		return s.call(name, arg, at)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return s.eval(n.Alias, at)
	case yaml.SequenceNode:
		return s.evalList(n, at)
	case yaml.MappingNode:
		return s.evalMap(n, at)
	case yaml.ScalarNode:
		return scalar(n, at)
	}
	return value{}, at.errorf("this YAML is not understood")
}

func scalar(n *yaml.Node, at location) (value, error) {
	switch n.ShortTag() {
	case "!!null":
		return value{at: at, kind: nullValue}, nil
	case "!!bool":
		return textOf(at, strings.ToLower(n.Value)), nil
	}
	if strings.Contains(n.Value, "{{resolve:") {
		return value{}, at.errorf("dynamic references ({{resolve:...}}) have no local value; let a parameter decide")
	}
	return textOf(at, n.Value), nil
}

func (s *scope) evalList(n *yaml.Node, at location) (value, error) {
	out := value{at: at, kind: listValue}
	for i, item := range n.Content {
		v, err := s.eval(item, at.index(i))
		if err != nil {
			return value{}, err
		}
		if v.kind != absentValue {
			out.list = append(out.list, v)
		}
	}
	return out, nil
}

func (s *scope) evalMap(n *yaml.Node, at location) (value, error) {
	out := value{at: at, kind: mapValue}
	if err := uniqueKeys(n, at); err != nil {
		return value{}, err
	}
	for key, item := range pairs(n) {
		v, err := s.eval(item, at.at(key.Value))
		if err != nil {
			return value{}, err
		}
		if v.kind != absentValue {
			out.fields = append(out.fields, field{name: key.Value, value: v})
		}
	}
	return out, nil
}

// call evaluates an intrinsic function.
func (s *scope) call(name string, arg *yaml.Node, at location) (value, error) {
	switch name {
	case "Ref":
		return s.ref(arg.Value, at)
	case "Fn::GetAtt":
		return s.callGetAtt(arg, at)
	case "Fn::Sub":
		return s.callSub(arg, at)
	case "Fn::Join":
		return s.callJoin(arg, at)
	case "Fn::Select":
		return s.callSelect(arg, at)
	case "Fn::Split":
		return s.callSplit(arg, at)
	case "Fn::If":
		return s.callIf(arg, at)
	case "Fn::FindInMap":
		return s.callFindInMap(arg, at)
	case "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or", "Condition":
		return value{}, at.errorf("%s belongs in Conditions", name)
	}
	return value{}, at.errorf("the intrinsic function %s is not understood", name)
}

// args evaluates a function's list of arguments and checks how many they are.
func (s *scope) args(name string, arg *yaml.Node, at location, count int) ([]value, error) {
	v, err := s.eval(arg, at)
	if err != nil {
		return nil, err
	}
	if v.kind != listValue || len(v.list) != count {
		return nil, at.errorf("%s takes a list of %d", name, count)
	}
	return v.list, nil
}

func (s *scope) callGetAtt(arg *yaml.Node, at location) (value, error) {
	if arg.Kind == yaml.ScalarNode {
		id, attribute, found := strings.Cut(arg.Value, ".")
		if !found {
			return value{}, at.errorf("GetAtt takes LogicalId.Attribute, not %q", arg.Value)
		}
		return s.getAtt(id, attribute, at)
	}
	parts, err := s.args("GetAtt", arg, at, 2)
	if err != nil {
		return value{}, err
	}
	id, err := parts[0].asText()
	if err != nil {
		return value{}, err
	}
	attribute, err := parts[1].asText()
	if err != nil {
		return value{}, err
	}
	return s.getAtt(id, attribute, at)
}

func (s *scope) callJoin(arg *yaml.Node, at location) (value, error) {
	parts, err := s.args("Join", arg, at, 2)
	if err != nil {
		return value{}, err
	}
	separator, err := parts[0].asText()
	if err != nil {
		return value{}, err
	}
	texts, err := parts[1].asTexts()
	if err != nil {
		return value{}, err
	}
	return textOf(at, strings.Join(texts, separator)), nil
}

func (s *scope) callSelect(arg *yaml.Node, at location) (value, error) {
	parts, err := s.args("Select", arg, at, 2)
	if err != nil {
		return value{}, err
	}
	i, err := parts[0].asInt()
	if err != nil {
		return value{}, err
	}
	if parts[1].kind != listValue || i < 0 || i >= len(parts[1].list) {
		return value{}, at.errorf("Select has no item %d", i)
	}
	return parts[1].list[i].moved(at), nil
}

func (s *scope) callSplit(arg *yaml.Node, at location) (value, error) {
	parts, err := s.args("Split", arg, at, 2)
	if err != nil {
		return value{}, err
	}
	separator, err := parts[0].asText()
	if err != nil {
		return value{}, err
	}
	text, err := parts[1].asText()
	if err != nil {
		return value{}, err
	}
	return listOf(at, strings.Split(text, separator)), nil
}

// callIf evaluates only the branch that is taken, as CloudFormation does.
func (s *scope) callIf(arg *yaml.Node, at location) (value, error) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 3 {
		return value{}, at.errorf("If takes a list of 3")
	}
	holds, err := s.condition(arg.Content[0].Value, at)
	if err != nil {
		return value{}, err
	}
	if holds {
		return s.eval(arg.Content[1], at)
	}
	return s.eval(arg.Content[2], at)
}

func (s *scope) callFindInMap(arg *yaml.Node, at location) (value, error) {
	keys, err := s.args("FindInMap", arg, at, 3)
	if err != nil {
		return value{}, err
	}
	n := s.doc.mappings
	for _, key := range keys {
		text, err := key.asText()
		if err != nil {
			return value{}, err
		}
		if n = child(n, text); n == nil {
			return value{}, at.errorf("FindInMap: %q is not in Mappings", text)
		}
	}
	return s.eval(n, at)
}
