package template

import (
	"regexp"
	"strings"
	"time"
)

// pendingRoute is a route that waits for its API and function.
type pendingRoute struct {
	at  location
	api string
	// folder is set where the route stands in the function's own events, uri
	// where it stands in an API's definition.
	folder string
	uri    string
	route  Route
}

// pendingSocket is a WebSocket route that waits for its function.
type pendingSocket struct {
	at  location
	key string
	arn string
}

// buildHTTP adds an AWS::Serverless::HttpApi with the routes of its definition.
func (s *scope) buildHTTP(r resource, v value) error {
	if s.load.stack.HTTP != nil {
		return v.at.errorf("is a second HTTP API beside %s: the runner serves one", s.load.stack.HTTP.LogicalID)
	}
	p := read(v, &s.load.errs)
	p.known("AccessLogSettings", "Description", "Tags", "PropagateTags", "FailOnWarnings", "Name")
	api := s.api(r, p)
	if definition, ok := p.get("DefinitionBody"); ok {
		s.definition(api.ID, definition)
	}
	if cors, ok := p.get("CorsConfiguration"); ok {
		api.Cors = corsOf(read(cors, &s.load.errs))
	}
	p.finish()
	s.load.stack.HTTP = &api
	return nil
}

func corsOf(p *reader) *Cors {
	cors := &Cors{
		AllowOrigins:     p.texts("AllowOrigins"),
		AllowMethods:     p.texts("AllowMethods"),
		AllowHeaders:     p.texts("AllowHeaders"),
		ExposeHeaders:    p.texts("ExposeHeaders"),
		MaxAge:           p.seconds("MaxAge", 0, -1, 86400),
		AllowCredentials: p.flag("AllowCredentials"),
	}
	p.finish()
	return cors
}

// api reads what both kinds of API have.
func (s *scope) api(r resource, p *reader) API {
	id := apiID(r.id)
	api := API{LogicalID: r.id, ID: id, Host: s.load.host(id), Stage: p.text("StageName", DefaultRoute)}
	settings := p.sub("DefaultRouteSettings")
	settings.known("DetailedMetricsEnabled", "LoggingLevel", "DataTraceEnabled")
	api.Rate = fieldOf(settings, "ThrottlingRateLimit", value.asFloat, 0)
	api.Burst = settings.number("ThrottlingBurstLimit", 0)
	settings.finish()
	return api
}

// buildSocket adds an AWS::Serverless::WebSocketApi.
func (s *scope) buildSocket(r resource, v value) error {
	if s.load.stack.Socket != nil {
		return v.at.errorf("is a second WebSocket API beside %s: the runner serves one", s.load.stack.Socket.LogicalID)
	}
	p := read(v, &s.load.errs)
	p.known("AccessLogSettings", "Description", "Tags", "PropagateTags", "Name", "DisableSchemaValidation", "IpAddressType")
	api := s.api(r, p)
	if _, ok := v.get("StageName"); !ok {
		api.Stage = "default"
	}
	api.RouteSelection = p.needText("RouteSelectionExpression")
	for _, f := range p.sub("Routes").v.fields {
		route := read(f.value, &s.load.errs)
		route.known("OperationName", "IntegrationTimeout")
		s.load.sockets = append(s.load.sockets, pendingSocket{at: f.at, key: f.name, arn: route.needText("FunctionArn")})
		route.finish()
	}
	p.finish()
	s.load.stack.Socket = &api
	return nil
}

// definition reads the routes of an API's OpenAPI document.
func (s *scope) definition(api string, v value) {
	d := read(v, &s.load.errs)
	d.known("openapi", "info", "tags", "servers", "externalDocs", "x-amazon-apigateway-importexport-version")
	schemes := read(d.sub("components").v, &s.load.errs).sub("securitySchemes")
	for _, scheme := range schemes.v.fields {
		if authorizer, ok := scheme.get("x-amazon-apigateway-authorizer"); ok {
			d.fail(authorizer.at.errorf("authorizers are not understood: each function verifies its caller itself"))
		}
	}
	for _, path := range d.sub("paths").v.fields {
		for _, operation := range path.fields {
			s.operation(api, path.name, operation)
		}
	}
	d.finish()
}

func (s *scope) operation(api, path string, operation field) {
	o := read(operation.value, &s.load.errs)
	o.known("responses", "parameters", "requestBody", "summary", "description", "operationId", "tags",
		"deprecated", "externalDocs", "isDefaultRoute")
	for _, requirement := range o.items("security") {
		for _, scheme := range requirement.fields {
			s.documentOnly(o, scheme)
		}
	}
	method := strings.ToUpper(operation.name)
	switch method {
	case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS":
	case "X-AMAZON-APIGATEWAY-ANY-METHOD":
		method = "ANY"
	default:
		o.fail(operation.at.errorf("this method is not understood"))
	}
	if strings.TrimPrefix(path, "/") == DefaultRoute {
		path, method = DefaultRoute, ""
	}
	if _, ok := o.need("x-amazon-apigateway-integration"); !ok {
		return
	}
	integration := o.sub("x-amazon-apigateway-integration")
	integration.known("credentials")
	integration.oneOf("type", "", "aws_proxy", "AWS_PROXY")
	integration.oneOf("httpMethod", "", "POST")
	integration.oneOf("connectionType", "", "INTERNET")
	if version := integration.text("payloadFormatVersion", "1.0"); version != "2.0" {
		o.fail(integration.v.at.errorf("payloadFormatVersion must be 2.0"))
	}
	timeout := milliseconds(integration, "timeoutInMillis")
	uri := integration.needText("uri")
	integration.finish()
	o.finish()
	s.load.routes = append(s.load.routes, pendingRoute{
		at: integration.v.at.at("uri"), api: api, uri: uri,
		route: Route{Method: method, Path: path, Timeout: timeout},
	})
}

// documentOnly accepts a security requirement: without an authorizer of that
// name in the template it only documents that the function checks the caller.
func (s *scope) documentOnly(o *reader, scheme field) {
	if scheme.kind != listValue {
		o.fail(scheme.at.errorf("must be a list of scopes"))
	}
}

func milliseconds(p *reader, name string) time.Duration {
	return time.Duration(p.within(name, 0, 50, 30000)) * time.Millisecond
}

// integrationARN is the function in `arn:...:lambda:path/2015-03-31/functions/<arn>/invocations`.
func integrationARN(uri string) (string, bool) {
	found := regexp.MustCompile(`:lambda:path/2015-03-31/functions/(.+)/invocations$`).FindStringSubmatch(uri)
	if found == nil {
		return "", false
	}
	return found[1], true
}
