package template

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// resource is an entry of Resources, before its properties are evaluated.
type resource struct {
	id         string
	kind       string
	line       int
	condition  string
	properties *yaml.Node
}

func (s *scope) resource(id string) (resource, bool) {
	n := child(s.doc.resources, id)
	if n == nil {
		return resource{}, false
	}
	r := resource{id: id, line: n.Line, properties: child(n, "Properties")}
	if t := child(n, "Type"); t != nil {
		r.kind = t.Value
	}
	if c := child(n, "Condition"); c != nil {
		r.condition = c.Value
	}
	return r, true
}

// ref is the value of Ref: a pseudo parameter, a parameter, or what the resource
// type gives, such as a table's physical name.
func (s *scope) ref(name string, at location) (value, error) {
	if v, ok := s.pseudo(name, at); ok {
		return v, nil
	}
	if v, ok := s.params[name]; ok {
		return v.moved(at), nil
	}
	if arn, ok, err := s.aliasRef(name, at); ok || err != nil {
		return textOf(at, arn), err
	}
	r, k, err := s.referred(name, at)
	if err != nil {
		return value{}, err
	}
	physical, err := s.physicalName(r, k)
	if err != nil {
		return value{}, err
	}
	return textOf(at, s.fill(k.ref, k, physical, r.id)), nil
}

func (s *scope) pseudo(name string, at location) (value, bool) {
	switch name {
	case "AWS::NoValue":
		return value{at: at, kind: absentValue}, true
	case "AWS::Region":
		return textOf(at, s.load.region), true
	case "AWS::AccountId":
		return textOf(at, accountID), true
	case "AWS::Partition":
		return textOf(at, "aws"), true
	case "AWS::URLSuffix":
		return textOf(at, urlSuffix), true
	case "AWS::StackName":
		return textOf(at, s.stack), true
	case "AWS::StackId":
		return textOf(at, "arn:aws:cloudformation:"+s.load.region+":"+accountID+":stack/"+s.stack+"/local"), true
	}
	return value{}, false
}

// aliasRef understands what SAM makes of AutoPublishAlias: `Function.Alias`,
// `Function.Version` and `FunctionAlias<name>` are the alias's ARN.
func (s *scope) aliasRef(name string, at location) (arn string, ok bool, err error) {
	for id := range s.functions() {
		if name != id+".Alias" && name != id+".Version" && !strings.HasPrefix(name, id+"Alias") {
			continue
		}
		properties := merge(child(child(s.doc.globals, "Function"), "AutoPublishAlias"),
			child(child(child(s.doc.resources, id), "Properties"), "AutoPublishAlias"))
		if properties == nil {
			if _, exists := s.resource(name); exists {
				continue
			}
			return "", false, at.errorf("%s: the function has no AutoPublishAlias", name)
		}
		alias, err := s.eval(properties, at)
		if err != nil {
			return "", false, err
		}
		if strings.HasPrefix(name, id+"Alias") && name != id+"Alias"+alias.text {
			continue
		}
		whole, err := s.getAtt(id, "Arn", at)
		if err != nil {
			return "", false, err
		}
		return whole.text + ":" + alias.text, true, nil
	}
	return "", false, nil
}

// functions are the logical ids of the template's functions.
func (s *scope) functions() map[string]bool {
	ids := map[string]bool{}
	for key, n := range pairs(s.doc.resources) {
		if t := child(n, "Type"); t != nil && t.Value == functionType {
			ids[key.Value] = true
		}
	}
	return ids
}

// getAtt is the value of GetAtt. Of a nested stack it is an output, for which
// that stack is loaded.
func (s *scope) getAtt(id, attribute string, at location) (value, error) {
	if function, found := strings.CutSuffix(id, "Role"); found && attribute == "Arn" && s.functions()[function] {
		if _, exists := s.resource(id); !exists {
			return textOf(at, "arn:aws:iam::"+accountID+":role/"+s.stack+"-"+id), nil
		}
	}
	r, k, err := s.referred(id, at)
	if err != nil {
		return value{}, err
	}
	if r.kind == applicationType {
		output, found := strings.CutPrefix(attribute, "Outputs.")
		if !found {
			return value{}, at.errorf("%s has no attribute %q: a nested stack has Outputs.Name", id, attribute)
		}
		nested, err := s.nested(r)
		if err != nil {
			return value{}, err
		}
		return nested.output(output, at)
	}
	pattern, known := k.attributes[attribute]
	if !known {
		return value{}, at.errorf("the attribute %q of %s (%s) is not understood", attribute, id, r.kind)
	}
	physical, err := s.physicalName(r, k)
	if err != nil {
		return value{}, err
	}
	return textOf(at, s.fill(pattern, k, physical, r.id)), nil
}

// referred is the resource behind a reference, which must exist under the
// conditions that hold.
func (s *scope) referred(id string, at location) (resource, kind, error) {
	r, ok := s.resource(id)
	if !ok {
		return r, kind{}, at.errorf("%q is neither a parameter nor a resource", id)
	}
	k, ok := kindOf(r.kind)
	if !ok {
		return r, k, at.errorf("%s has the type %q, which is not understood", id, r.kind)
	}
	if r.condition != "" {
		holds, err := s.condition(r.condition, at)
		if err != nil {
			return r, k, err
		}
		if !holds {
			return r, k, at.errorf("%s does not exist: its condition %s does not hold", id, r.condition)
		}
	}
	return r, k, nil
}

// physicalName is the name that the template sets, or stack and logical id.
func (s *scope) physicalName(r resource, k kind) (string, error) {
	if n := child(r.properties, k.nameProperty); k.nameProperty != "" && n != nil {
		v, err := s.eval(n, location{file: s.file, path: r.id + ".Properties." + k.nameProperty})
		if err != nil {
			return "", err
		}
		if v.kind == textValue {
			return v.text, nil
		}
	}
	name := s.stack + "-" + r.id
	if r.kind == bucketType {
		name = strings.ToLower(name) // as S3 wants it
	}
	return name, nil
}

// output is an output's value, as a parent stack sees it.
func (s *scope) output(name string, at location) (value, error) {
	n := child(s.doc.outputs, name)
	if n == nil {
		return value{}, at.errorf("%s has no output %q", s.file, name)
	}
	if c := child(n, "Condition"); c != nil {
		holds, err := s.condition(c.Value, at)
		if err != nil {
			return value{}, err
		}
		if !holds {
			return value{}, at.errorf("the output %q of %s does not exist: its condition does not hold", name, s.file)
		}
	}
	expression := child(n, "Value")
	if expression == nil {
		return value{}, at.errorf("the output %q of %s has no Value", name, s.file)
	}
	v, err := s.eval(expression, location{file: s.file, path: "Outputs." + name + ".Value"})
	return v.moved(at), err
}
