package template

import (
	"fmt"
	"iter"
	"os"

	"gopkg.in/yaml.v3"
)

// document is one template file, cut into its sections.
type document struct {
	parameters *yaml.Node
	mappings   *yaml.Node
	conditions *yaml.Node
	globals    *yaml.Node
	resources  *yaml.Node
	outputs    *yaml.Node
}

const samTransform = "AWS::Serverless-2016-10-31"

// parse reads a template file. Unknown sections and another transform than
// SAM's are errors.
func parse(path, name string) (*document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	at := location{file: name}
	if root.Kind != yaml.DocumentNode || root.Content[0].Kind != yaml.MappingNode {
		return nil, at.at("template").errorf("must be a mapping")
	}
	top := root.Content[0]
	if err := uniqueKeys(top, at); err != nil {
		return nil, err
	}
	doc := &document{}
	for key, section := range pairs(top) {
		here := at.at(key.Value)
		here.line = key.Line
		switch key.Value {
		case "AWSTemplateFormatVersion", "Description", "Metadata":
		case "Rules":
			// They say which parameters a deployment must be given; here the runner
			// gives them.
		case "Transform":
			if section.Value != samTransform {
				return nil, here.errorf("the only transform understood is %s", samTransform)
			}
		case "Parameters":
			doc.parameters = section
		case "Mappings":
			doc.mappings = section
		case "Conditions":
			doc.conditions = section
		case "Globals":
			doc.globals = section
		case "Resources":
			doc.resources = section
		case "Outputs":
			doc.outputs = section
		default:
			return nil, here.errorf("this section is not understood")
		}
		if section.Kind == yaml.MappingNode {
			if err := uniqueKeys(section, here); err != nil {
				return nil, err
			}
		}
	}
	if doc.resources == nil {
		return nil, at.at("Resources").errorf("is missing")
	}
	return doc, nil
}

// pairs are a mapping's keys and values in order; nothing for other nodes.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// child is the value of a mapping's key, or nil.
func child(n *yaml.Node, name string) *yaml.Node {
	for key, item := range pairs(n) {
		if key.Value == name {
			return item
		}
	}
	return nil
}

func uniqueKeys(n *yaml.Node, at location) error {
	seen := map[string]bool{}
	for key := range pairs(n) {
		at.line = key.Line
		if key.ShortTag() == "!!merge" {
			return at.errorf("YAML merge keys (<<) are not understood by CloudFormation")
		}
		if seen[key.Value] {
			return at.errorf("the key %q stands twice", key.Value)
		}
		seen[key.Value] = true
	}
	return nil
}

// merge lays a resource's properties over its globals as SAM does: mappings are
// merged, lists are put together with the global items first, and of anything
// else the resource's own wins. An intrinsic function counts as a single value.
func merge(global, own *yaml.Node) *yaml.Node {
	if global == nil {
		return own
	}
	if own == nil {
		return global
	}
	_, _, globalCall := intrinsic(global)
	_, _, ownCall := intrinsic(own)
	if globalCall || ownCall || global.Kind != own.Kind {
		return own
	}
	merged := *own
	switch own.Kind {
	case yaml.SequenceNode:
		merged.Content = append(append([]*yaml.Node{}, global.Content...), own.Content...)
	case yaml.MappingNode:
		merged.Content = nil
		for key, item := range pairs(global) {
			merged.Content = append(merged.Content, key, merge(item, child(own, key.Value)))
		}
		for key, item := range pairs(own) {
			if child(global, key.Value) == nil {
				merged.Content = append(merged.Content, key, item)
			}
		}
	default:
		return own
	}
	return &merged
}
