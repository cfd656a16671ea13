package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"golang.org/x/time/rate"

	"github.com/rapport/rapport/shared/core/clock"
)

// HTTPOptions describe an HTTP API.
type HTTPOptions struct {
	Routes []Route
	CORS   CORS
	// Rate and Burst throttle the API's stage, in requests a second and at once;
	// a Rate of 0 does not.
	Rate    float64
	Burst   int
	Invoker Invoker
	Clock   clock.Clock
	Log     *slog.Logger
}

// HTTP is an HTTP API: it finds a request's route, runs its function and
// writes what the function answered.
type HTTP struct {
	HTTPOptions
	routes  routes
	limiter *rate.Limiter
}

// NewHTTP refuses routes that API Gateway would not understand.
func NewHTTP(o HTTPOptions) (*HTTP, error) {
	rs, err := newRoutes(o.Routes)
	if err != nil {
		return nil, fmt.Errorf("http api: %w", err)
	}
	limit := rate.Limit(o.Rate)
	if o.Rate == 0 {
		limit = rate.Inf
	}
	return &HTTP{HTTPOptions: o, routes: rs, limiter: rate.NewLimiter(limit, o.Burst)}, nil
}

// ServeHTTP implements http.Handler.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.CORS.preflight(w, r) {
		return
	}
	id := newID()
	w.Header().Set("Apigw-Requestid", id)
	h.CORS.allow(w.Header(), r.Header.Get("Origin"))

	route, parameters := h.routes.match(r.Method, r.URL.EscapedPath())
	if route.Folder == "" {
		writeMessage(w, http.StatusNotFound, "Not Found")
		return
	}
	if !h.limiter.Allow() {
		writeMessage(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxHTTPBody))
	if err != nil {
		refuseBody(w, err)
		return
	}
	event := httpEvent(r, route, parameters, body, id, h.Clock.Now())
	payload, err := json.Marshal(event)
	if err != nil {
		h.fail(w, route, id, fmt.Errorf("encode event: %w", err))
		return
	}
	h.invoke(w, r, route, id, payload)
}

func (h *HTTP) invoke(w http.ResponseWriter, r *http.Request, route Route, id string, payload []byte) {
	// A function runs to its end even if its caller has gone, as on AWS.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), HTTPTimeout)
	defer cancel()
	answered, err := h.Invoker.Invoke(ctx, route.Folder, payload)
	switch {
	case err != nil && (errors.Is(err, ErrThrottled) || ctx.Err() != nil):
		h.Log.Warn("no answer from function", "function", route.Folder, "requestId", id, "error", err.Error())
		writeMessage(w, http.StatusServiceUnavailable, "Service Unavailable")
	case err != nil:
		h.fail(w, route, id, err)
	default:
		a, err := parseAnswer(answered)
		if err != nil {
			h.fail(w, route, id, err)
			return
		}
		a.write(w, r)
	}
}

func (h *HTTP) fail(w http.ResponseWriter, route Route, id string, err error) {
	h.Log.Error("function failed", "function", route.Folder, "requestId", id, "error", err.Error())
	writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
}

func refuseBody(w http.ResponseWriter, err error) {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		writeMessage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	writeMessage(w, http.StatusBadRequest, "Bad Request")
}
