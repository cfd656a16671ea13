package artifacts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/rapport/rapport/shared/core/endpoint"
)

// The comments between which the routes stand in the template.
const (
	beginMark = "# codegen: routes begin."
	endMark   = "# codegen: routes end."
)

// routes gives template.yaml with the HTTP routes of units between the marks.
func routes(tree fs.FS, units []endpoint.FunctionSpec) ([]byte, error) {
	text, err := fs.ReadFile(tree, Template)
	if err != nil {
		return nil, err
	}
	before, region, after, err := split(text)
	if err != nil {
		return nil, err
	}
	addresses, err := addresses(tree, text)
	if err != nil {
		return nil, err
	}
	indent := region[:len(region)-len(bytes.TrimLeft(region, " "))]
	var out bytes.Buffer
	out.Write(before)
	var missing []error
	for _, route := range httpRoutes(units) {
		address, ok := addresses["functions/"+route.name]
		if !ok {
			missing = append(missing, fmt.Errorf("%s: no template has a function with this folder and an output with its address", route.name))
			continue
		}
		for _, line := range route.lines(address) {
			out.Write(indent)
			out.WriteString(line + "\n")
		}
	}
	out.Write(after)
	return out.Bytes(), errors.Join(missing...)
}

// split cuts the template after the line of the first mark and before that of
// the second. The region is the second mark's line, for its indentation.
func split(text []byte) (before, region, after []byte, err error) {
	begin := bytes.Index(text, []byte(beginMark))
	end := bytes.Index(text, []byte(endMark))
	if begin < 0 || end < begin {
		return nil, nil, nil, fmt.Errorf("the lines %q and %q must stand in it, in this order", beginMark, endMark)
	}
	begin += bytes.IndexByte(text[begin:], '\n') + 1
	end = bytes.LastIndexByte(text[:end], '\n') + 1
	return text[:begin], text[end:], text[end:], nil
}

// route is one path of the OpenAPI body, or one more method of the path before.
type route struct {
	name, method, path string
	first              bool
}

// defaultRoute takes what no other route does.
const defaultRoute = "$default"

func httpRoutes(units []endpoint.FunctionSpec) []route {
	var all []route
	for _, unit := range units {
		if unit.Trigger != endpoint.TriggerHTTP {
			continue
		}
		method, target, hasMethod := strings.Cut(unit.Route, " ")
		if !hasMethod {
			method, target = "x-amazon-apigateway-any-method", defaultRoute
		}
		all = append(all, route{name: unit.Name, method: strings.ToLower(method), path: target})
	}
	slices.SortFunc(all, func(a, b route) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method))
	})
	for i := range all {
		all[i].first = i == 0 || all[i-1].path != all[i].path
	}
	return all
}

var parameter = regexp.MustCompile(`\{([^}]+)\}`)

func (r route) lines(address string) []string {
	var out []string
	if r.first {
		out = append(out, r.path+":")
	}
	out = append(out, "  "+r.method+": # "+r.name)
	if r.path == defaultRoute {
		out = append(out, "    isDefaultRoute: true")
	}
	if names := parameter.FindAllStringSubmatch(r.path, -1); names != nil {
		out = append(out, "    parameters:")
		for _, name := range names {
			out = append(out, "      - {name: "+name[1]+", in: path, required: true, schema: {type: string}}")
		}
	}
	return append(out,
		"    responses: {}",
		"    x-amazon-apigateway-integration:",
		"      type: aws_proxy",
		"      httpMethod: POST",
		`      payloadFormatVersion: "2.0"`,
		"      credentials: !GetAtt ApiInvokeRole.Arn",
		"      uri: "+address,
	)
}

// stack is what is read of a template.
type stack struct {
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			CodeURI  string    `yaml:"CodeUri"`
			Location yaml.Node `yaml:"Location"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
	Outputs map[string]struct {
		Value yaml.Node `yaml:"Value"`
	} `yaml:"Outputs"`
}

const invokeAddress = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%sFunctionAliaslive}/invocations"

// addresses gives, by folder, how the root template writes the address at which
// API Gateway invokes a function's alias: from the alias where the function
// stands in the root, else from the nested stack's output that holds it.
func addresses(tree fs.FS, root []byte) (map[string]string, error) {
	found := map[string]string{}
	top, err := parseStack(root)
	if err != nil {
		return nil, err
	}
	for id, resource := range top.Resources {
		switch resource.Type {
		case "AWS::Serverless::Function":
			found[path.Clean(resource.Properties.CodeURI)] = "!Sub " + fmt.Sprintf(invokeAddress, strings.TrimSuffix(id, "Function"))
		case "AWS::Serverless::Application":
			location := resource.Properties.Location.Value
			if err := addNested(tree, id, location, found); err != nil {
				return nil, fmt.Errorf("%s: %w", location, err)
			}
		}
	}
	return found, nil
}

func addNested(tree fs.FS, id, location string, found map[string]string) error {
	text, err := fs.ReadFile(tree, path.Clean(location))
	if err != nil {
		return err
	}
	nested, err := parseStack(text)
	if err != nil {
		return err
	}
	for functionID, resource := range nested.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		want := fmt.Sprintf(invokeAddress, strings.TrimSuffix(functionID, "Function"))
		for output, definition := range nested.Outputs {
			if definition.Value.Tag == "!Sub" && definition.Value.Value == want {
				folder := path.Join(path.Dir(location), resource.Properties.CodeURI)
				found[folder] = "!GetAtt " + id + ".Outputs." + output
			}
		}
	}
	return nil
}

func parseStack(text []byte) (stack, error) {
	var s stack
	err := yaml.Unmarshal(text, &s)
	return s, err
}
