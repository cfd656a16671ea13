package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rapport/rapport/infra/local/proxy"
)

// guard notes which IAM action each function took on what. It is a step of the
// runner's, which evaluates the policies itself: see package iam.
type guard struct {
	mu   sync.Mutex
	took map[use]bool
}

// use is one function's action on one resource.
type use struct {
	function string
	proxy.Action
}

func newGuard() *guard { return &guard{took: map[use]bool{}} }

// Middleware is the proxy's.
func (g *guard) Middleware(ctx context.Context, c *proxy.Call, next proxy.Handler) (proxy.Response, error) {
	for _, a := range c.Actions {
		// A socket's id would make each a use of its own.
		if before, _, ok := strings.Cut(a.Resource, "/@connections/"); ok {
			a.Resource = before + "/@connections/any"
		}
		g.note(use{c.Function, a})
	}
	return next(ctx, c)
}

func (g *guard) note(u use) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took[u] = true
}

// uses are all that were noted so far, in order.
func (g *guard) uses() []use {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]use, 0, len(g.took))
	for u := range g.took {
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b use) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}
