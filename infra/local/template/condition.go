package template

import "gopkg.in/yaml.v3"

// condition evaluates a named condition of the template.
func (s *scope) condition(name string, at location) (bool, error) {
	n := child(s.doc.conditions, name)
	if n == nil {
		return false, at.errorf("the condition %q is not in Conditions", name)
	}
	if s.asking[name] {
		return false, at.errorf("the condition %q depends on itself", name)
	}
	s.asking[name] = true
	defer delete(s.asking, name)
	return s.test(n, location{file: s.file, line: n.Line, path: "Conditions." + name})
}

// test evaluates the expression of a condition.
func (s *scope) test(n *yaml.Node, at location) (bool, error) {
	name, arg, ok := intrinsic(n)
	if !ok {
		if named := child(n, "Condition"); named != nil && len(n.Content) == 2 {
			return s.condition(named.Value, at)
		}
		return false, at.errorf("a condition must be Equals, Not, And, Or or Condition")
	}
	switch name {
	case "Condition":
		return s.condition(arg.Value, at)
	case "Fn::Equals":
		pair, err := s.args("Equals", arg, at, 2)
		if err != nil {
			return false, err
		}
		return pair[0].equal(pair[1]), nil
	case "Fn::Not":
		all, err := s.tests(arg, at, 1, 1)
		return err == nil && !all[0], err
	case "Fn::And":
		all, err := s.tests(arg, at, 2, 10)
		for _, holds := range all {
			if !holds {
				return false, err
			}
		}
		return err == nil, err
	case "Fn::Or":
		all, err := s.tests(arg, at, 2, 10)
		for _, holds := range all {
			if holds {
				return true, err
			}
		}
		return false, err
	}
	return false, at.errorf("the intrinsic function %s is not understood in a condition", name)
}

func (s *scope) tests(n *yaml.Node, at location, low, high int) ([]bool, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < low || len(n.Content) > high {
		return nil, at.errorf("takes a list of %d to %d conditions", low, high)
	}
	all := make([]bool, 0, len(n.Content))
	for _, item := range n.Content {
		holds, err := s.test(item, at)
		if err != nil {
			return nil, err
		}
		all = append(all, holds)
	}
	return all, nil
}
