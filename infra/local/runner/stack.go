package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/infra/local/template"
	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/epoch"
)

const (
	templateFile = "template.yaml"
	region       = "us-east-1"
	// workosKey is what functions present to the local stand-in for WorkOS.
	workosKey = "sk_local"
	// apiKeySecret and webhookSecret are the names of a laptop's secrets.
	apiKeySecret  = "rapport/local/workos-api-key"
	webhookSecret = "rapport/local/workos-webhook-secret"
)

// deployed are the parameters that a deployment must give. The templates accept
// no issuer on a laptop, so the functions' variable is replaced afterwards.
func deployed() map[string]string {
	return map[string]string{
		"Stage":   "local",
		"Issuers": `[{"issuer":"https://issuer.invalid","jwksUrl":"https://issuer.invalid/jwks"}]`,

		"WorkosApiKeySecret": apiKeySecret, "WorkosWebhookSecret": webhookSecret,
	}
}

// load reads the templates of the project.
func load(root string) (*template.Stack, error) {
	stack, err := template.Load(filepath.Join(root, templateFile), deployed())
	if err != nil {
		return nil, fmt.Errorf("the templates are not understood:\n%w", err)
	}
	if stack.HTTP == nil || stack.Socket == nil {
		return nil, errors.New("the templates are not understood: they have no HTTP API or no WebSocket API")
	}
	return stack, nil
}

// addresses are where everything is served on this machine.
type addresses struct {
	port, socketPort int
	// blobs is S3's, which signed links lead to.
	blobs string
	// operatorOrgID is the organisation whose admins operate the suite.
	operatorOrgID string
	// logEpoch is what positions belong to.
	logEpoch epoch.Epoch
	// lifetime is how long a socket may live.
	lifetime time.Duration
}

// These are what the SDK takes for the addresses of tables, queues and secrets. Nobody
// answers there: the calls of functions stay in this process, and none gets around
// the proxy.
const (
	tablesEndpoint  = "http://tables.invalid"
	queuesEndpoint  = "http://queues.invalid"
	secretsEndpoint = "http://secrets.invalid"
)

// base is the runner's address under the name that people use.
func (a addresses) base() string { return fmt.Sprintf("http://localhost:%d", a.port) }

// issuer is the name of the local issuer in its tokens.
func (a addresses) issuer() string { return a.base() + "/dev" }

// loopback is an address for the functions: of no other meaning than
// `localhost` could have.
func loopback(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

// environment is what the laptop gives to every function beside what the
// templates say: the SDK's own names for the services' addresses.
func (a addresses) environment() config.Env {
	return config.Env{
		"AWS_REGION":                               region,
		"AWS_ENDPOINT_URL_DYNAMODB":                tablesEndpoint,
		"AWS_ENDPOINT_URL_SQS":                     queuesEndpoint,
		"AWS_ENDPOINT_URL_S3":                      a.blobs,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":         secretsEndpoint,
		"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": loopback(a.socketPort),
		"WORKOS_ENDPOINT":                          loopback(a.port) + "/dev/workos",
	}
}

// localise replaces what the templates say of AWS by what is true here, in the
// environments of the functions that are given it.
func (a addresses) localise(stack *template.Stack) error {
	issuers, err := json.Marshal([]map[string]string{{
		"issuer": a.issuer(), "jwksUrl": loopback(a.port) + "/dev/jwks",
	}})
	if err != nil {
		return fmt.Errorf("write issuers: %w", err)
	}
	here := config.Env{
		"ISSUERS":         string(issuers),
		"OPERATOR_ORG_ID": a.operatorOrgID,
		"LOG_EPOCH":       string(a.logEpoch),
		"SOCKET_LIFETIME": a.lifetime.String(),
		"WS_URL":          fmt.Sprintf("ws://localhost:%d/", a.socketPort),
		"WS_ENDPOINT":     loopback(a.socketPort),
	}
	for _, function := range stack.Functions {
		for name, value := range here {
			if _, given := function.Env[name]; given {
				function.Env[name] = value
			}
		}
	}
	return nil
}

// httpOptions are the templates' HTTP API in the gateway's terms.
func httpOptions(stack *template.Stack) gateway.HTTPOptions {
	o := gateway.HTTPOptions{Rate: stack.HTTP.Rate, Burst: stack.HTTP.Burst}
	for _, route := range stack.Routes {
		key := strings.TrimSpace(route.Method + " " + route.Path)
		if route.Path == template.DefaultRoute {
			key = route.Path
		}
		o.Routes = append(o.Routes, gateway.Route{Key: key, Folder: route.Folder})
	}
	if cors := stack.HTTP.Cors; cors != nil {
		o.CORS = gateway.CORS{
			AllowOrigins: cors.AllowOrigins, AllowMethods: cors.AllowMethods, AllowHeaders: cors.AllowHeaders,
			ExposeHeaders: cors.ExposeHeaders, AllowCredentials: cors.AllowCredentials, MaxAge: int(cors.MaxAge.Seconds()),
		}
	}
	return o
}

// socketOptions are the templates' WebSocket API in the gateway's terms.
func socketOptions(stack *template.Stack) gateway.SocketOptions {
	o := gateway.SocketOptions{Selection: stack.Socket.RouteSelection}
	for _, route := range stack.SocketRoutes {
		o.Routes = append(o.Routes, gateway.SocketRoute{Key: route.Key, Folder: route.Folder})
	}
	return o
}
