package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/template"
)

// guard stands between functions and AWS's services: the table engine, and the
// socket API's @connections. It passes everything on and notes which IAM action
// each function took on what, told by the access key that the request is signed
// with.
type guard struct {
	engine  *httputil.ReverseProxy
	sockets atomic.Pointer[httputil.ReverseProxy]
	// functions are by access key id.
	functions map[string]template.Function

	mu   sync.Mutex
	took map[use]int
}

// use is one function's action on one resource: `Data`, `Data/index/GSI1` or
// connections.
type use struct{ function, action, resource string }

func newGuard(engine *url.URL, stack *template.Stack) *guard {
	g := &guard{engine: httputil.NewSingleHostReverseProxy(engine), functions: map[string]template.Function{}, took: map[use]int{}}
	for _, f := range stack.Functions {
		g.functions[pool.AccessKeyID(f)] = f
	}
	return g
}

const (
	postAction  = "execute-api:ManageConnections"
	connections = "@connections"
)

var credential = regexp.MustCompile(`Credential=([^/,]+)/`)

// ServeHTTP notes a function's request and hands it on.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signer := template.Function{}
	if found := credential.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		signer = g.functions[found[1]]
	}
	if strings.HasPrefix(r.URL.Path, "/"+connections+"/") {
		g.note(use{signer.Folder, postAction, connections})
		g.sockets.Load().ServeHTTP(w, r)
		return
	}
	if signer.Folder != "" {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		for _, one := range actions(operation, body) {
			g.note(use{signer.Folder, one[0], one[1]})
		}
	}
	g.engine.ServeHTTP(w, r)
}

func (g *guard) note(u use) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took[u]++
}

// uses are all that were noted so far, in order.
func (g *guard) uses() []use {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []use
	for u := range g.took {
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b use) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// actions are the IAM actions that a DynamoDB request needs, each with its
// resource (docs.aws.amazon.com/service-authorization, Amazon DynamoDB): a
// transaction needs those of its items.
func actions(operation string, body []byte) [][2]string {
	var request struct {
		TableName     string
		IndexName     string
		RequestItems  map[string]any
		TransactItems []map[string]struct{ TableName string }
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return [][2]string{{"dynamodb:" + operation, "unreadable request"}}
	}
	var all [][2]string
	for table := range request.RequestItems {
		all = append(all, [2]string{"dynamodb:" + operation, table})
	}
	for _, item := range request.TransactItems {
		for kind, of := range item {
			name := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}[kind]
			all = append(all, [2]string{"dynamodb:" + name, of.TableName})
		}
	}
	if request.TableName != "" {
		resource := request.TableName
		if request.IndexName != "" {
			resource += "/index/" + request.IndexName
		}
		all = append(all, [2]string{"dynamodb:" + operation, resource})
	}
	return all
}

// granted tells whether a function's policies allow an action on a resource.
func granted(f template.Function, action, resource string) bool {
	return slices.ContainsFunc(f.Policies, func(s template.Statement) bool {
		return s.Effect == "Allow" && slices.Contains(s.Action, action) &&
			slices.ContainsFunc(s.Resource, func(arn string) bool {
				return strings.HasSuffix(arn, ":table/"+resource) || resource == connections && strings.HasSuffix(arn, "/POST/@connections/*")
			})
	})
}
