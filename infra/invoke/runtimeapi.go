package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxAnswer bounds what a function may answer, as Lambda does, in bytes.
const maxAnswer = 6 << 20

// runtimeAPI is the Lambda Runtime API for one process and one event
// (docs.aws.amazon.com/lambda, "Using the Lambda runtime API"). The event is
// handed out once; who asks for another waits until the process is ended.
type runtimeAPI struct {
	server    *http.Server
	address   string
	arn       string
	requestID string
	event     []byte
	timeout   time.Duration

	once sync.Once
	// asked is closed when the process first asks for an event.
	asked   chan struct{}
	askedAt time.Time
	// done gets the outcome, once.
	done    chan outcome
	decided sync.Once
}

// outcome is how an invocation ended: with an answer, or an error as the process
// reported it.
type outcome struct {
	answer  []byte
	failure json.RawMessage
	at      time.Time
}

func startRuntimeAPI(ctx context.Context, arn, requestID string, event []byte, timeout time.Duration) (*runtimeAPI, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	api := &runtimeAPI{
		address: listener.Addr().String(), arn: arn, requestID: requestID, event: event, timeout: timeout,
		asked: make(chan struct{}), done: make(chan outcome, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", api.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", api.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", api.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", api.failure)
	api.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go api.server.Serve(listener) //nolint:errcheck // ends with Close
	return api, nil
}

func (api *runtimeAPI) close() error { return api.server.Close() }

func (api *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	first := false
	api.once.Do(func() {
		first = true
		api.askedAt = time.Now()
		close(api.asked)
	})
	if !first {
		<-r.Context().Done()
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", api.requestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(api.askedAt.Add(api.timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", api.arn)
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
	w.Write(api.event)
}

func (api *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != api.requestID {
		api.refuse(w, "InvalidRequestID")
		return
	}
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		api.refuse(w, "ResponseSizeTooLarge")
		api.decide(outcome{failure: report("Function.ResponseSizeTooLarge", err.Error())})
		return
	}
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		api.decide(outcome{failure: report(kind, r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))})
	} else {
		api.decide(outcome{answer: answer})
	}
	w.WriteHeader(http.StatusAccepted)
}

// failure takes the error of an invocation or of the start.
func (api *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil || !json.Valid(text) {
		text = report("Runtime.Unknown", string(text))
	}
	api.decide(outcome{failure: text})
	w.WriteHeader(http.StatusAccepted)
}

func (api *runtimeAPI) refuse(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	w.Write(report(kind, ""))
}

func (api *runtimeAPI) decide(o outcome) {
	o.at = time.Now()
	api.decided.Do(func() { api.done <- o })
}

// report is an error in the form in which Lambda tells it.
func report(kind, message string) json.RawMessage {
	text, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		return json.RawMessage(`{"errorType":"Runtime.Unknown"}`)
	}
	return text
}

// wait gives the outcome, or an error that says what came instead: the process
// ended, never asked for an event, or took longer than its timeout.
func (api *runtimeAPI) wait(ctx context.Context, ended <-chan error) (outcome, error) {
	starting := time.NewTimer(initTimeout)
	defer starting.Stop()
	select {
	case <-api.asked:
	case o := <-api.done:
		return o, nil
	case err := <-ended:
		return outcome{}, fmt.Errorf("the process ended before it asked for an event: %w", err)
	case <-starting.C:
		return outcome{}, fmt.Errorf("the process did not ask for an event within %s", initTimeout)
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
	late := time.NewTimer(api.timeout)
	defer late.Stop()
	select {
	case o := <-api.done:
		return o, nil
	case err := <-ended:
		// Its last words may have come just before its end.
		select {
		case o := <-api.done:
			return o, nil
		default:
			return outcome{}, fmt.Errorf("the process ended without an answer: %w", err)
		}
	case <-late.C:
		return outcome{}, fmt.Errorf("task timed out after %s", api.timeout)
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

// initTimeout is Lambda's bound for the start of a process.
const initTimeout = 10 * time.Second
