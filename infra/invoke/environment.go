package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rapport/rapport/functions"
	"github.com/rapport/rapport/infra/local/issuer"
	"github.com/rapport/rapport/infra/local/pollers"
	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/tables"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/testkit/engine"
	"github.com/rapport/rapport/shared/testkit/queues"
	"github.com/rapport/rapport/shared/testkit/scene"
	"github.com/rapport/rapport/shared/testkit/secrets"
)

// environment is what stands around the functions: tables, queues, secrets, identity, sockets.
type environment struct {
	root   string
	stack  *template.Stack
	engine *engine.Engine
	issuer *issuer.Issuer
	server *http.Server
	posted *posts
	base   config.Env
	// functions run in this process what a scene needs.
	functions *pool.Pool
	scenes    *scene.Scenes
}

const (
	workosKey     = "sk_local"
	webhookSecret = "whsec_local"
	// workosKeyName and webhookSecretName are the names of both in Secrets Manager,
	// which answers below secretsPath.
	workosKeyName     = "rapport/local/workos-api-key"
	webhookSecretName = "rapport/local/workos-webhook-secret"
	secretsPath       = "/secrets/"
)

// openEnvironment starts everything on loopback, on free ports.
func openEnvironment(ctx context.Context, root string) (w *environment, err error) {
	w = &environment{root: root, posted: &posts{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.stack, err = template.Load(filepath.Join(root, "template.yaml"), map[string]string{
		"Stage": "local", "Issuers": `[{"issuer":"https://issuer.invalid","jwksUrl":"https://issuer.invalid/jwks"}]`,
		"WorkosApiKeySecret": workosKeyName, "WorkosWebhookSecret": webhookSecretName,
	}); err != nil {
		return w, fmt.Errorf("the templates are not understood:\n%w", err)
	}
	if w.scenes, err = scene.Load(root); err != nil {
		return w, err
	}
	if w.engine, err = engine.Start(ctx, engine.Options{Root: root}); err != nil {
		return w, err
	}
	if err := tables.Create(ctx, w.engine.Client(), w.stack.Tables); err != nil {
		return w, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return w, fmt.Errorf("local services: %w", err)
	}
	address := "http://" + listener.Addr().String()
	if w.issuer, err = issuer.New(issuer.Options{URL: address + "/dev", APIKey: workosKey, Clock: clock.System{}}); err != nil {
		return w, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/dev/", w.issuer.Handler(slog.New(slog.DiscardHandler)))
	mux.Handle("/@connections/", w.posted)
	messages, err := queues.Open(queues.Options{Specs: pollers.Specs(w.stack), Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return w, errors.Join(err, listener.Close())
	}
	mux.Handle("POST /{$}", messages)
	kept := secrets.New(w.stack.Region, w.stack.AccountID, clock.System{})
	kept.Put(workosKeyName, workosKey)
	kept.Put(webhookSecretName, webhookSecret)
	mux.Handle("POST "+secretsPath, kept)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go w.server.Serve(listener) //nolint:errcheck // ends with Close
	if err := w.localise(address); err != nil {
		return w, err
	}
	w.functions, err = pool.New(functions.All(), w.stack.Functions, w.base, slog.New(slog.DiscardHandler))
	return w, err
}

// localise puts the addresses of this machine where the templates have AWS's.
func (e *environment) localise(address string) error {
	e.base = config.Env{
		"AWS_REGION":                               e.stack.Region,
		"AWS_ENDPOINT_URL_DYNAMODB":                e.engine.Endpoint,
		"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": address,
		"AWS_ENDPOINT_URL_SQS":                     address,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":         address + secretsPath,
		"WORKOS_ENDPOINT":                          address + "/dev/workos",
	}
	issuers, err := json.Marshal([]map[string]string{{"issuer": address + "/dev", "jwksUrl": address + "/dev/jwks"}})
	if err != nil {
		return fmt.Errorf("write issuers: %w", err)
	}
	here := config.Env{"ISSUERS": string(issuers)}
	for _, function := range e.stack.Functions {
		for name, value := range here {
			if _, given := function.Env[name]; given {
				function.Env[name] = value
			}
		}
	}
	if e.stack.Socket != nil {
		e.stack.Rewrite(e.stack.Socket.URL("https"), address)
		e.stack.Rewrite(e.stack.Socket.URL("wss"), strings.Replace(address, "http", "ws", 1)+"/")
	}
	return nil
}

func (e *environment) close() error {
	var errs []error
	if e.server != nil {
		errs = append(errs, e.server.Close())
	}
	if e.issuer != nil {
		errs = append(errs, e.issuer.Close())
	}
	if e.engine != nil {
		errs = append(errs, e.engine.Stop())
	}
	return errors.Join(errs...)
}

// try gives a function, as a binary runs it, the event of a file.
func (e *environment) try(ctx context.Context, b binary, folder, eventFile string) (result, error) {
	fn, ok := e.stack.Function(folder)
	if !ok {
		return result{}, fmt.Errorf("the templates have no function with the folder functions/%s", folder)
	}
	event, signed, err := e.event(ctx, folder, eventFile)
	if err != nil {
		return result{}, err
	}
	bytes, err := b.size()
	if err != nil {
		return result{}, err
	}
	ran, err := runOnce(ctx, b, fn, pool.Environment(fn, e.base), clock.NewID(clock.System{}), event)
	if err != nil {
		return result{}, err
	}
	return result{
		Function: folder, Bytes: bytes, StartMs: milliseconds(ran.start), DurationMs: milliseconds(ran.duration),
		Answer: asJSON(ran.answer), Error: ran.failure, Posted: e.posted.take(connectionOf(event)), Log: lines(ran.log), signed: signed,
	}, nil
}

// event reads a function's event, does what must have happened before it, and signs
// it; signed reports whether there was anything to sign.
func (e *environment) event(ctx context.Context, folder, file string) (event []byte, signed bool, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, false, fmt.Errorf("read the event: %w", err)
	}
	if !json.Valid(text) {
		return nil, false, fmt.Errorf("the event %s is not JSON", file)
	}
	if text, err = e.scene(ctx, folder, text); err != nil {
		return nil, false, err
	}
	return e.sign(text)
}

// localToken stands in an event for an access token of a local user.
var localToken = regexp.MustCompile(`Bearer local:([A-Za-z0-9._-]+)`)

// localSignature stands in an event for WorkOS's signature of its body.
var localSignature = regexp.MustCompile(`("workos-signature":\s*)"local"`)

// sign replaces the local users of an event by tokens, and a local signature by
// a real one, and reports whether there were any.
func (e *environment) sign(event []byte) (signed []byte, found bool, err error) {
	signed = localToken.ReplaceAllFunc(event, func(match []byte) []byte {
		found = true
		asked := issuer.TokenRequest{User: string(localToken.FindSubmatch(match)[1])}
		if asked.User == scene.Operator {
			asked.Claims = scene.OperatorClaims()
		}
		token, mintErr := e.issuer.Mint(asked)
		if mintErr != nil {
			err = errors.Join(err, fmt.Errorf("token for the event: %w", mintErr))
		}
		return []byte("Bearer " + token.AccessToken)
	})
	if err != nil || !localSignature.Match(signed) {
		return signed, found, err
	}
	var webhook struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(signed, &webhook); err != nil {
		return nil, false, fmt.Errorf("signature for the event: %w", err)
	}
	signature := workos.Sign(webhookSecret, time.Now(), []byte(webhook.Body))
	return localSignature.ReplaceAll(signed, []byte("${1}\""+signature+"\"")), true, nil
}
