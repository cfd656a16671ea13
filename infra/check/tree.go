package check

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/rapport/rapport/infra/local/template"
)

// someIssuer stands for the one parameter without a default.
const someIssuer = `[{"issuer":"https://issuer.invalid","jwksUrl":"https://issuer.invalid/jwks"}]`

// loadStack reads the templates as the local runner does.
func loadStack(root string) (*template.Stack, error) {
	return template.Load(path.Join(root, "template.yaml"), map[string]string{
		"Issuers": someIssuer, "WorkosApiKeySecret": "rapport/local/workos-api-key", "WorkosWebhookSecret": "rapport/local/workos-webhook-secret",
	})
}

// document is a template as it is written, for what the runner leaves out.
type document struct {
	File       string
	Parameters map[string]map[string]any
	Rules      map[string]map[string]any
	Globals    map[string]map[string]any
	Resources  map[string]resource
	Outputs    map[string]any
}

// resource is one resource of a template. Intrinsic functions are mappings with
// one key: `{"!Ref": "Data"}`.
type resource struct {
	Type                string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            map[string]any
	Properties          map[string]any
}

// documents reads the root template and every nested one.
func documents(root string) ([]document, error) {
	nested, err := fs.Glob(os.DirFS(root), "infra/stacks/*.yaml")
	if err != nil {
		return nil, err
	}
	var all []document
	for _, file := range append([]string{"template.yaml"}, nested...) {
		text, err := os.ReadFile(path.Join(root, file))
		if err != nil {
			return nil, err
		}
		var node yaml.Node
		if err := yaml.Unmarshal(text, &node); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		doc := document{File: file, Resources: map[string]resource{}}
		top, _ := plain(&node).(map[string]any)
		doc.Parameters = mappings(top["Parameters"])
		doc.Rules = mappings(top["Rules"])
		doc.Globals = mappings(top["Globals"])
		doc.Outputs, _ = top["Outputs"].(map[string]any)
		for id, fields := range mappings(top["Resources"]) {
			r := resource{}
			r.Type, _ = fields["Type"].(string)
			r.DeletionPolicy, _ = fields["DeletionPolicy"].(string)
			r.UpdateReplacePolicy, _ = fields["UpdateReplacePolicy"].(string)
			r.Metadata, _ = fields["Metadata"].(map[string]any)
			r.Properties, _ = fields["Properties"].(map[string]any)
			doc.Resources[id] = r
		}
		all = append(all, doc)
	}
	return all, nil
}

// plain turns a YAML node into maps, lists and strings; a tag such as !Ref
// becomes a mapping with that one key.
func plain(node *yaml.Node) any {
	var value any
	switch node.Kind {
	case yaml.DocumentNode:
		return plain(node.Content[0])
	case yaml.MappingNode:
		fields := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			fields[node.Content[i].Value] = plain(node.Content[i+1])
		}
		value = fields
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range node.Content {
			list = append(list, plain(item))
		}
		value = list
	case yaml.ScalarNode, yaml.AliasNode:
		value = node.Value
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return map[string]any{node.Tag: value}
	}
	return value
}

func mappings(value any) map[string]map[string]any {
	all := map[string]map[string]any{}
	fields, _ := value.(map[string]any)
	for name, field := range fields {
		all[name], _ = field.(map[string]any)
	}
	return all
}

// walk visits every value below one, with the names that lead to it.
func walk(value any, at string, visit func(at string, value any)) {
	visit(at, value)
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			walk(field, at+"."+name, visit)
		}
	case []any:
		for i, item := range v {
			walk(item, fmt.Sprintf("%s[%d]", at, i), visit)
		}
	}
}

// texts gives a string, or a list of strings, as a list.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// refs are the logical ids that a value refers to with !Ref.
func refs(value any) []string {
	var all []string
	walk(value, "", func(_ string, v any) {
		if fields, ok := v.(map[string]any); ok {
			if id, ok := fields["!Ref"].(string); ok {
				all = append(all, id)
			}
		}
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// folders lists, sorted, the folders functions/<domain>/<function> that hold Go
// files: `meetings/start`.
func folders(root string) ([]string, error) {
	files, err := fs.Glob(os.DirFS(root), "functions/*/*/*.go")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, file := range files {
		all = append(all, strings.TrimPrefix(path.Dir(file), "functions/"))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// domainFolders lists, sorted, the folders functions/<domain>.
func domainFolders(root string) ([]string, error) {
	have, err := folders(root)
	for i, folder := range have {
		have[i] = path.Dir(folder)
	}
	return slices.Compact(have), err
}
