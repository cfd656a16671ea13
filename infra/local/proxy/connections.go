package proxy

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
)

// maxFrame is what is read of a post before the gateway refuses it, in bytes:
// one more than it takes.
const maxFrame = 128<<10 + 1

// Connections puts the same middleware before @connections. Resource is the ARN that
// IAM knows the stage's connections by, without method and what follows:
// `arn:aws:execute-api:us-east-1:000000000000:wsapi/ws`. Everything that isn't a
// signed call to a connection goes to next untouched.
func (p *Proxy) Connections(resource string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := connection(r.URL.Path)
		key := accessKey(r.Header.Get("Authorization"))
		if !ok || key == "" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxFrame))
		if err != nil {
			SocketError(http.StatusBadRequest, "BadRequestException", "The body can't be read").write(w)
			return
		}
		p.pass(w, r, next, Call{
			Service: Sockets, Key: key, Function: p.signers[key], Operation: connectionOperation(r.Method),
			Connection: id, Body: body, header: r.Header,
			Actions: []Action{{"execute-api:ManageConnections", resource + "/" + r.Method + "/@connections/" + id}},
		})
	})
}

// pass leads a call through the middleware to a handler. One that is cut ends its
// connection.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, next http.Handler, c Call) {
	answer, err := chain(p.middleware, handled(next, r))(r.Context(), &c)
	if err != nil {
		if !errors.Is(err, ErrCut) {
			p.log.Warn("call cut", "service", string(c.Service), "function", c.Function, "operation", c.Operation, "error", err.Error())
		}
		panic(http.ErrAbortHandler)
	}
	answer.write(w)
}

func connection(path string) (id string, ok bool) {
	_, id, ok = strings.Cut(path, "/@connections/")
	return id, ok && id != "" && !strings.Contains(id, "/")
}

func connectionOperation(method string) string {
	switch method {
	case http.MethodPost:
		return "PostToConnection"
	case http.MethodGet:
		return "GetConnection"
	case http.MethodDelete:
		return "DeleteConnection"
	}
	return method
}

// write gives the answer to the caller.
func (a Response) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	// The caller may be gone; nobody else needs this error.
	_, _ = w.Write(a.Body)
}
