// Package testkit is the harness with which tests go through the public API. A
// Harness has real tables, an identity provider, a directory of people and the
// sockets of API Gateway, all speaking the real protocols over loopback, and
// gives functions the environment that AWS would. A Person calls and connects
// there: each call is the event that API Gateway would make of it, for the
// function that its route leads to, and each answer is what that function gave,
// held against the OpenAPI document.
//
// A harness belongs to one test and its subtests, and ends with it. Its methods
// may be used by many goroutines at once; those that can't go on without an
// answer, such as Connect or Answer.Want, only by the test's own.
package testkit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/table/tabletest"
	"github.com/rapport/rapport/shared/testkit/queues"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

const (
	region = "us-east-1"
	// timeout is the most that a function has for one event.
	timeout = 30 * time.Second
)

// Harness is everything around the functions of one test.
type Harness struct {
	Tables *tabletest.Tables
	// Issuer signs the tokens of everybody here.
	Issuer *Issuer
	// Directory is WorkOS.
	Directory *Directory
	// Gateway is where functions post frames to.
	Gateway *Gateway
	// Queues takes the messages that functions send.
	Queues *queues.Queues
	// Secrets holds what functions present to providers and check of them.
	Secrets *secrets.Store

	t         testing.TB
	env       config.Env
	functions map[string]endpoint.FunctionSpec
	document  document
	calls     atomic.Int64
	// hours is how often queues were looked at, each time an hour later.
	hours atomic.Int64

	mu      sync.Mutex
	idle    map[string][]lambda.Handler
	cursors map[string]cursor
	// stored are the users who were made without a call.
	stored map[string]bool
}

// New makes a harness with these functions.
func New(t testing.TB, functions []endpoint.FunctionSpec) *Harness {
	t.Helper()
	h := &Harness{
		t: t, stored: map[string]bool{},
		Tables: tabletest.New(t), Issuer: NewIssuer(t), Directory: newDirectory(t), Gateway: newGateway(t),
		document: newDocument(functions), functions: map[string]endpoint.FunctionSpec{}, idle: map[string][]lambda.Handler{}, cursors: map[string]cursor{},
	}
	for _, function := range functions {
		h.functions[function.Name] = function
	}
	issuers, err := json.Marshal([]map[string]string{{"issuer": h.Issuer.Name, "jwksUrl": h.Issuer.URL}})
	if err != nil {
		t.Fatal(err)
	}
	queuesURL, secretsURL := h.openQueues(t), h.openSecrets(t)
	h.env = h.Tables.Env().With(config.Env{
		"STAGE": "test", "AWS_REGION": region,
		"ISSUERS":                  string(issuers),
		"OPERATOR_ORG_ID":          operatorOrg,
		"WORKOS_API_KEY_SECRET_ID": APIKeyName,
		"WORKOS_ENDPOINT":          h.Directory.url,
		"WORKOS_WEBHOOK_SECRET_ID": WebhookSecretName,
		"WS_URL":                   "wss://sockets.test/live",
		"WS_ENDPOINT":              "https://sockets.invalid/live",
		"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": h.Gateway.url,
		"AWS_ENDPOINT_URL_SQS":                     queuesURL,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":         secretsURL,
	}).With(queueURLs(functions))
	return h
}

// Env is the environment of every function here.
func (h *Harness) Env() config.Env { return h.env.With(nil) }

// Function is the function of a name, such as `meetings/start`.
func (h *Harness) Function(t testing.TB, name string) endpoint.FunctionSpec {
	t.Helper()
	function, ok := h.functions[name]
	if !ok {
		t.Fatalf("there is no function %s in this harness", name)
	}
	return function
}

// Invoke hands a function an event and gives its answer. As on AWS an instance
// serves one event at a time: a free one is used, or another is opened.
func (h *Harness) Invoke(ctx context.Context, name string, event any) ([]byte, error) {
	return h.invoke(ctx, name, nil, event)
}

// invoke uses, where there are overrides, an instance that is opened with them and
// then thrown away.
func (h *Harness) invoke(ctx context.Context, name string, overrides *endpoint.Overrides, event any) ([]byte, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode event for %s: %w", name, err)
	}
	var handler lambda.Handler
	if overrides != nil {
		handler, err = h.open(ctx, name, *overrides)
	} else {
		handler, err = h.take(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	if overrides == nil {
		defer h.give(name, handler)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return handler.Invoke(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: h.nextID()}), payload)
}

func (h *Harness) take(ctx context.Context, name string) (lambda.Handler, error) {
	h.mu.Lock()
	free := h.idle[name]
	if n := len(free); n > 0 {
		h.idle[name] = free[:n-1]
		h.mu.Unlock()
		return free[n-1], nil
	}
	h.mu.Unlock()
	return h.open(ctx, name, endpoint.Overrides{})
}

func (h *Harness) open(ctx context.Context, name string, overrides endpoint.Overrides) (lambda.Handler, error) {
	function, ok := h.functions[name]
	if !ok {
		return nil, fmt.Errorf("there is no function %s in this harness", name)
	}
	handler, err := function.Open(ctx, h.env.With(config.Env{"AWS_LAMBDA_FUNCTION_NAME": strings.ReplaceAll(name, "/", "-")}), overrides)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return handler, nil
}

func (h *Harness) give(name string, handler lambda.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idle[name] = append(h.idle[name], handler)
}

// Restart throws away all instances, as a deployment does: what they held in
// memory is gone.
func (h *Harness) Restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.idle)
}

// nextID names requests and sockets, in the order in which they are made.
func (h *Harness) nextID() string { return fmt.Sprintf("test-%06d", h.calls.Add(1)) }

// AtOnce runs f n times at once and gives what each run gave, by its number.
func AtOnce[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			results[i] = f(i)
		})
	}
	close(begin)
	all.Wait()
	return results
}
