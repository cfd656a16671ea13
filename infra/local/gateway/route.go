package gateway

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Route leads to a function. Key is `METHOD /path/{parameter}`, with `ANY` for
// every method and `{name+}` as the last segment for the rest of a path, or
// `$default`.
type Route struct {
	Key    string
	Folder string
}

const defaultRoute = "$default"

// routes are an API's routes, the most specific first.
type routes struct {
	patterns []pattern
	fallback string
}

type pattern struct {
	Route
	method   string
	segments []segment
}

// segment is one part of a path: a literal, or a parameter, or the rest.
type segment struct {
	text string
	kind segmentKind
}

type segmentKind int

const (
	literal segmentKind = iota
	parameter
	greedy
)

// newRoutes refuses keys that API Gateway would refuse, and two of one key.
func newRoutes(list []Route) (routes, error) {
	var all routes
	seen := map[string]bool{}
	for _, route := range list {
		if seen[route.Key] {
			return routes{}, fmt.Errorf("route %s: declared twice", route.Key)
		}
		seen[route.Key] = true
		if route.Key == defaultRoute {
			all.fallback = route.Folder
			continue
		}
		p, err := parsePattern(route)
		if err != nil {
			return routes{}, err
		}
		all.patterns = append(all.patterns, p)
	}
	slices.SortStableFunc(all.patterns, moreSpecific)
	return all, nil
}

func parsePattern(route Route) (pattern, error) {
	method, path, ok := strings.Cut(route.Key, " ")
	if !ok || method == "" || !strings.HasPrefix(path, "/") {
		return pattern{}, fmt.Errorf("route %q: want METHOD /path or $default", route.Key)
	}
	p := pattern{Route: route, method: method}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		s := segment{text: part}
		if inner, ok := strings.CutPrefix(part, "{"); ok {
			name, closed := strings.CutSuffix(inner, "}")
			s.text, s.kind = name, parameter
			if rest, ok := strings.CutSuffix(name, "+"); ok {
				s.text, s.kind = rest, greedy
			}
			if !closed || s.text == "" || s.kind == greedy && i != len(parts)-1 {
				return pattern{}, fmt.Errorf("route %q: segment %q is not understood", route.Key, part)
			}
		}
		p.segments = append(p.segments, s)
	}
	return p, nil
}

// moreSpecific orders as API Gateway chooses: at the first segment that
// differs a literal goes before a parameter and a parameter before the rest of
// the path; then a method of its own before ANY.
func moreSpecific(a, b pattern) int {
	for i := range min(len(a.segments), len(b.segments)) {
		if c := cmp.Compare(a.segments[i].kind, b.segments[i].kind); c != 0 {
			return c
		}
	}
	return cmp.Or(
		cmp.Compare(len(b.segments), len(a.segments)),
		cmp.Compare(anyRank(a.method), anyRank(b.method)),
		cmp.Compare(a.Key, b.Key),
	)
}

func anyRank(method string) int {
	if method == "ANY" {
		return 1
	}
	return 0
}

// match finds the route of a request and its decoded path parameters. The
// path is split as it was sent, so that an encoded slash does not make a
// segment. The empty route means that there is none.
func (rs routes) match(method, escapedPath string) (Route, map[string]string) {
	parts := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	for _, p := range rs.patterns {
		if p.method != method && p.method != "ANY" {
			continue
		}
		if parameters, ok := p.match(parts); ok {
			return p.Route, parameters
		}
	}
	if rs.fallback == "" {
		return Route{}, nil
	}
	return Route{Key: defaultRoute, Folder: rs.fallback}, nil
}

func (p pattern) match(parts []string) (map[string]string, bool) {
	var parameters map[string]string
	put := func(name, value string) {
		if parameters == nil {
			parameters = map[string]string{}
		}
		parameters[name] = unescape(value, url.PathUnescape)
	}
	for i, s := range p.segments {
		if i >= len(parts) {
			return nil, false
		}
		switch {
		case s.kind == greedy:
			rest := strings.Join(parts[i:], "/")
			if rest == "" {
				return nil, false
			}
			put(s.text, rest)
			return parameters, true
		case s.kind == parameter && parts[i] != "":
			put(s.text, parts[i])
		case s.kind == literal && s.text == unescape(parts[i], url.PathUnescape):
		default:
			return nil, false
		}
	}
	return parameters, len(parts) == len(p.segments)
}

// unescape decodes, or leaves as it is what can't be decoded.
func unescape(text string, decode func(string) (string, error)) string {
	decoded, err := decode(text)
	if err != nil {
		return text
	}
	return decoded
}
