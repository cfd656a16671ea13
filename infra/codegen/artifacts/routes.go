package artifacts

import (
	"cmp"
	"slices"
	"strings"
)

// routeLines are the HTTP routes in the OpenAPI body.
func routeLines(domains []domain) []string {
	var lines []string
	for _, route := range httpRoutes(domains) {
		lines = append(lines, route.lines()...)
	}
	return lines
}

// route is one path of the OpenAPI body, or one more method of the path before.
type route struct {
	name, method, path string
	// stack and id are the logical ids of its function's stack, and of the function
	// without "Function".
	stack, id string
	first     bool
}

// defaultRoute takes what no other route does.
const defaultRoute = "$default"

func httpRoutes(domains []domain) []route {
	var all []route
	for _, d := range domains {
		for _, f := range d.HTTP() {
			method, target, hasMethod := strings.Cut(f.Route, " ")
			if !hasMethod {
				method, target = "x-amazon-apigateway-any-method", defaultRoute
			}
			all = append(all, route{name: f.Name, method: strings.ToLower(method), path: target, stack: d.ID + "Stack", id: f.ID})
		}
	}
	slices.SortFunc(all, func(a, b route) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method))
	})
	for i := range all {
		all[i].first = i == 0 || all[i-1].path != all[i].path
	}
	return all
}

func (r route) lines() []string {
	var out []string
	if r.first {
		out = append(out, r.path+":")
	}
	out = append(out, "  "+r.method+": # "+r.name)
	if r.path == defaultRoute {
		out = append(out, "    isDefaultRoute: true")
	}
	if names := pathParameter.FindAllStringSubmatch(r.path, -1); names != nil {
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
		"      credentials: !GetAtt "+r.stack+".Outputs.InvokeRoleArn",
		"      uri: !GetAtt "+r.stack+".Outputs."+r.id+"Uri",
	)
}
