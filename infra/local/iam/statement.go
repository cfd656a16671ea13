package iam

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/template"
)

// statement is one statement, ready to be held against actions.
type statement struct {
	deny bool
	// actions are lower-case patterns: IAM's actions have no case. With except,
	// the statement is of all others.
	actions   []string
	except    bool
	resources []pattern
}

// evaluated are the services whose calls come through the proxy.
func evaluated() []string {
	return []string{string(proxy.Tables) + ":", string(proxy.Sockets) + ":", string(proxy.Queues) + ":", string(proxy.Blobs) + ":", string(proxy.Secrets) + ":"}
}

// compile reads a statement. It doesn't concern what runs here where it names
// other services alone.
func compile(source template.Statement) (s statement, concerns bool, err error) {
	s = statement{deny: source.Effect == "Deny", except: len(source.NotAction) > 0}
	for _, action := range append(slices.Clone(source.Action), source.NotAction...) {
		s.actions = append(s.actions, strings.ToLower(action))
	}
	if !s.except && !slices.ContainsFunc(s.actions, mayConcern) {
		return s, false, nil
	}
	var errs []error
	for operator := range source.Condition {
		errs = append(errs, fmt.Errorf("conditions (%s) are not evaluated here", operator))
	}
	for _, resource := range source.Resource {
		if strings.Contains(resource, "${") {
			errs = append(errs, fmt.Errorf("policy variables (%s) are not evaluated here", resource))
		}
		s.resources = append(s.resources, newPattern(resource))
	}
	return s, true, errors.Join(errs...)
}

// mayConcern reports whether an action's pattern may match one that is evaluated.
func mayConcern(action string) bool {
	literal, _, wild := strings.Cut(strings.ReplaceAll(action, "?", "*"), "*")
	return slices.ContainsFunc(evaluated(), func(service string) bool {
		return strings.HasPrefix(action, service) || wild && strings.HasPrefix(service, literal)
	})
}

// covers reports whether the statement is about an action, in lower case, on a
// resource.
func (s statement) covers(action, resource string) bool {
	named := slices.ContainsFunc(s.actions, func(pattern string) bool { return match(pattern, action) })
	return named != s.except && slices.ContainsFunc(s.resources, func(p pattern) bool { return p.matches(resource) })
}

// arnParts is how many parts an ARN has: arn, partition, service, region,
// account, and what may have colons of its own.
const arnParts = 6

// pattern is a resource of a policy: `*`, or an ARN whose wildcards stay within
// its parts.
type pattern []string

func newPattern(resource string) pattern { return strings.SplitN(resource, ":", arnParts) }

func (p pattern) matches(resource string) bool {
	if len(p) == 1 {
		return match(p[0], resource)
	}
	if len(p) != arnParts {
		return false
	}
	for i, part := range p {
		here, rest := resource, ""
		if i < arnParts-1 {
			before, after, more := strings.Cut(resource, ":")
			if !more {
				return false
			}
			here, rest = before, after
		}
		if !match(part, here) {
			return false
		}
		resource = rest
	}
	return true
}

// match holds a text against a pattern in which `*` stands for any run of
// characters, an empty one too, and `?` for one. It goes back to the last star
// only, which is enough: quadratic at worst, and without memory.
func match(pattern, text string) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
