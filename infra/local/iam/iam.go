// Package iam answers on a laptop what AWS's IAM would answer: whether a function
// may do what it asks for, by the policies that the templates give it. A denied
// call gets AWS's own error, is logged once a function and action, and counted.
//
// Evaluated are identity-based policies, as a function's role has them: an
// explicit deny wins, else an allow is needed (docs.aws.amazon.com, "Policy
// evaluation logic"). There are no permission boundaries, resource policies or
// service control policies here. Statements about other services than those that
// run here (tables, @connections, queues, blobs, secrets) are left out. A condition, or a
// policy variable such as ${aws:username}, in a statement about these services is
// refused at the start: no template has one, and an evaluation that leaves it out
// would be wrong.
package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rapport/rapport/infra/local/proxy"
	"github.com/rapport/rapport/infra/local/template"
)

// Decision is what the policies say of one action on one resource.
type Decision int

const (
	// NotGranted says that no statement allows it, and none denies it.
	NotGranted Decision = iota
	// Granted says that a statement allows it, and none denies it.
	Granted
	// Forbidden says that a statement denies it.
	Forbidden
)

// Policies are those of every function of a stack. They are safe for concurrent
// use.
type Policies struct {
	functions map[string]function
	log       *slog.Logger

	mu     sync.Mutex
	denied map[Denial]int64
}

// function is one function as IAM sees it.
type function struct {
	// principal is the ARN of its role's session.
	principal  string
	statements []statement
}

// Denial is what was refused: a function's action.
type Denial struct{ Function, Action string }

// New reads the policies of a stack's functions. The error names everything in
// them that can't be evaluated.
func New(stack *template.Stack, log *slog.Logger) (*Policies, error) {
	p := &Policies{functions: make(map[string]function, len(stack.Functions)), log: log, denied: map[Denial]int64{}}
	var errs []error
	for _, f := range stack.Functions {
		of := function{principal: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s-%sRole/%s", stack.AccountID, f.Stack, f.LogicalID, f.Name)}
		for _, source := range f.Policies {
			s, concerns, err := compile(source)
			if err != nil {
				errs = append(errs, fmt.Errorf("policy of %s, statement %q: %w", f.Folder, source.Sid, err))
			}
			if concerns {
				of.statements = append(of.statements, s)
			}
		}
		p.functions[f.Folder] = of
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// Decide says whether a function may do an action. A function that the stack
// doesn't have may nothing.
func (p *Policies) Decide(folder string, a proxy.Action) Decision {
	decision, action := NotGranted, strings.ToLower(a.Name)
	for _, s := range p.functions[folder].statements {
		if !s.covers(action, a.Resource) {
			continue
		}
		if s.deny {
			return Forbidden
		}
		decision = Granted
	}
	return decision
}

// Covers reports whether a statement names an action on a resource, whatever its
// effect.
func Covers(source template.Statement, a proxy.Action) bool {
	s, concerns, err := compile(source)
	return err == nil && concerns && s.covers(strings.ToLower(a.Name), a.Resource)
}

// Middleware is the proxy's: it lets a call pass whose actions are all granted, and
// answers every other as AWS does.
func (p *Policies) Middleware(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	of, known := p.functions[c.Function]
	if c.Function == "" || !known {
		return unknown(c.Service), nil
	}
	for _, a := range c.Actions {
		if decision := p.Decide(c.Function, a); decision != Granted {
			p.note(c, a)
			return refuse(c.Service, of.principal, a, decision), nil
		}
	}
	return next(ctx, c)
}

// maxDenials bounds what is remembered of denials.
const maxDenials = 1000

// note counts a denial, and logs the first of its kind.
func (p *Policies) note(c *proxy.Call, a proxy.Action) {
	d := Denial{c.Function, a.Name}
	p.mu.Lock()
	_, before := p.denied[d]
	if before || len(p.denied) < maxDenials {
		p.denied[d]++
	}
	p.mu.Unlock()
	if !before {
		p.log.Error("access denied: the function's policy in infra/stacks does not grant what it does",
			"function", c.Function, "action", a.Name, "resource", a.Resource)
	}
}

// DenialCount is how often something was refused.
type DenialCount struct {
	Denial
	Count int64
}

// Denied are the denials so far, in order.
func (p *Policies) Denied() []DenialCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]DenialCount, 0, len(p.denied))
	for d, n := range p.denied {
		all = append(all, DenialCount{d, n})
	}
	slices.SortFunc(all, func(a, b DenialCount) int {
		return strings.Compare(a.Function+" "+a.Action, b.Function+" "+b.Action)
	})
	return all
}

func unknown(service proxy.Service) proxy.Response {
	const kind, message = "UnrecognizedClientException", "The security token included in the request is invalid."
	switch service {
	case proxy.Sockets:
		return proxy.SocketError(http.StatusForbidden, kind, message)
	case proxy.Queues:
		return proxy.QueueError(http.StatusForbidden, "InvalidClientTokenId", message)
	case proxy.Blobs:
		return proxy.BlobError(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	case proxy.Secrets:
		return proxy.SecretError(http.StatusBadRequest, kind, message)
	}
	return proxy.TableError(http.StatusBadRequest, kind, message)
}

func refuse(service proxy.Service, principal string, a proxy.Action, decision Decision) proxy.Response {
	const kind = "AccessDeniedException"
	message := "User: " + principal + " is not authorized to perform: " + a.Name + " on resource: "
	if service == proxy.Sockets {
		return proxy.SocketError(http.StatusForbidden, kind, message+masked(a.Resource))
	}
	message += a.Resource
	if decision == Forbidden {
		message += " with an explicit deny in an identity-based policy"
	} else {
		message += " because no identity-based policy allows the " + a.Name + " action"
	}
	switch service {
	case proxy.Queues:
		return proxy.QueueError(http.StatusForbidden, "AccessDenied", message)
	case proxy.Blobs:
		return proxy.BlobError(http.StatusForbidden, "AccessDenied", message)
	case proxy.Secrets:
		return proxy.SecretError(http.StatusBadRequest, kind, message)
	}
	return proxy.TableError(http.StatusBadRequest, kind, message)
}

// masked is a resource as API Gateway shows it: with the last four digits of the
// account and without the connection.
func masked(resource string) string {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) == 6 && len(parts[4]) > 4 {
		parts[4] = "********" + parts[4][len(parts[4])-4:]
	}
	resource = strings.Join(parts, ":")
	if before, _, ok := strings.Cut(resource, "/@connections/"); ok {
		return before + "/@connections/{connectionId}"
	}
	return resource
}
